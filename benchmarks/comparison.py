"""Measurements, and the ratios that are wanted of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """`subject` may take at most `limit` times as long as `peer`; None: for information."""

    subject: str
    peer: str
    limit: float | None


def rows(targets: tuple[Target, ...], seconds: Mapping[str, float]) -> list[dict[str, Any]]:
    """Each target with what was measured: seconds of both, their ratio, and whether it is met."""
    found = []
    for target in targets:
        subject, peer = seconds[target.subject], seconds[target.peer]
        ratio = subject / peer
        met = None if target.limit is None else ratio <= target.limit
        found.append(
            {**vars(target), "seconds": subject, "of_peer": peer, "ratio": ratio, "met": met}
        )
    return found


def table(found: list[dict[str, Any]]) -> str:
    """A Markdown table of rows."""
    lines = ["| this | takes | against | takes | ratio | target |", "|---|---|---|---|---|---|"]
    for row in found:
        wanted = "" if row["limit"] is None else f"at most {row['limit']}"
        verdict = ": **missed**" if row["met"] is False else ""
        lines.append(
            f"| {row['subject']} | {shown(row['seconds'])} | {row['peer']} "
            f"| {shown(row['of_peer'])} | {row['ratio']:.2f} | {wanted}{verdict} |"
        )
    return "\n".join(lines)


def shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
