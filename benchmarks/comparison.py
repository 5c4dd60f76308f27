"""Measurements, and the ratios that are wanted of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """`subject` may take at most `limit` times as much as `peer`; None: for information.

    `unit` is "s", "MB" or "modules".
    """

    subject: str
    peer: str
    limit: float | None
    unit: str = "s"


def rows(targets: tuple[Target, ...], measured: Mapping[str, float]) -> list[dict[str, Any]]:
    """Each target with what was measured of both, their ratio, and whether it is met."""
    found = []
    for target in targets:
        subject, peer = measured[target.subject], measured[target.peer]
        ratio = subject / peer
        met = None if target.limit is None else ratio <= target.limit
        found.append(
            {**vars(target), "measured": subject, "of_peer": peer, "ratio": ratio, "met": met}
        )
    return found


def table(found: list[dict[str, Any]]) -> str:
    """A Markdown table of rows."""
    lines = ["| this | takes | against | takes | ratio | target |", "|---|---|---|---|---|---|"]
    for row in found:
        wanted = "" if row["limit"] is None else f"at most {row['limit']}"
        verdict = ": **missed**" if row["met"] is False else ""
        lines.append(
            f"| {row['subject']} | {shown(row['measured'], row['unit'])} | {row['peer']} "
            f"| {shown(row['of_peer'], row['unit'])} | {row['ratio']:.2f} | {wanted}{verdict} |"
        )
    return "\n".join(lines)


def shown(value: float, unit: str) -> str:
    if unit != "s":
        return f"{float(f'{value:.3g}'):,g} {unit}"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.3g} ms"
