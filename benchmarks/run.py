"""How fast cfpy is, as ratios against the tools that people would pick instead.

    python benchmarks/run.py [--rounds 15] [--only startup ...] [--write]

Prints a table of each benchmark; with --write it becomes docs/reference/benchmarks.md, with the
numbers in benchmarks.json and a chart beside it. What --only leaves out stays there as it was.
Ends with 1 if a target is missed. Needs the extra `bench`, and a machine that has nothing else to
do.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from comparison import rows, table

NAMES = (
    *("startup", "scaffolding", "vendoring", "updating", "provision", "vectors"),
    *("dev", "latency", "ingest", "size"),
)
REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
BAR, STEP, LEFT, UNIT = 14, 24, 420, 160


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--write", action="store_true", help="Write the page, its data and chart.")
    options = parser.parse_args()
    # As after an installation: with the bytecode of cfpy and of its peers, which one round writes.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    found: dict[str, list[dict[str, Any]]] = {}
    # A process each: some native libraries of the peers crash beside others.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as alone:
        for name in options.only:
            about, found[name] = alone.submit(measured, name, options.rounds).result()
            print(f"{about}\n{table(found[name])}\n", flush=True)
    if options.write:
        write(found, options.rounds)
    sys.exit(any(row["met"] is False for part in found.values() for row in part))


def measured(name: str, rounds: int) -> tuple[str, list[dict[str, Any]]]:
    """What a benchmark is about, and its rows."""
    module = importlib.import_module(name)
    return module.__doc__ or "", rows(module.TARGETS, module.measure(rounds))


def write(found: dict[str, list[dict[str, Any]]], rounds: int) -> None:
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    day = datetime.now(UTC).date().isoformat()
    place = REFERENCE / "benchmarks.json"
    before = json.loads(place.read_text("utf-8"))
    run = {"day": day, "machine": machine, "rounds": rounds}
    runs = before["runs"] | dict.fromkeys(found, run)
    everything = before["ratios"] | found
    ratios = {name: everything[name] for name in NAMES if name in everything}
    place.write_text(json.dumps({"runs": runs, "ratios": ratios}, indent=2) + "\n", "utf-8")
    (REFERENCE / "benchmarks.svg").write_text(chart(ratios), "utf-8")
    parts = [
        "<!-- Written by benchmarks/run.py. -->\n\n# Benchmarks\n",
        "Each part is one run on one machine. Compare its ratios, not the times of two parts.\n",
        "![Ratios and their targets](benchmarks.svg)\n",
    ]
    for name, part in ratios.items():
        about = (importlib.import_module(name).__doc__ or "").strip()
        when = "{day}, {machine}; medians of at most {rounds} rounds.".format(**runs[name])
        parts.append(f"## {name.capitalize()}\n\n{about}\n\n{when}\n\n{table(part)}\n")
    (REFERENCE / "benchmarks.md").write_text("\n".join(parts), "utf-8")


def chart(found: dict[str, list[dict[str, Any]]]) -> str:
    """A bar for each ratio that has a target; the line is where the target lies."""
    shown = [row for part in found.values() for row in part if row["limit"]]
    height = STEP * len(shown) + 16
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="1060" height="{height}" '
        f'viewBox="0 0 1060 {height}" font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="1060" height="{height}" fill="white"/>',
    ]
    for number, row in enumerate(shown):
        top = 8 + number * STEP
        width, limit = (min(row[key], 3.2) * UNIT for key in ("ratio", "limit"))
        colour = "#2e7d5b" if row["met"] else "#b3261e"
        label = f"{row['subject']} : {row['peer']}".replace("&", "&amp;")
        lines += [
            f'<text x="{LEFT - 8}" y="{top + BAR - 3}" text-anchor="end">{label}</text>',
            f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>',
            f'<rect x="{LEFT + limit:.1f}" y="{top - 3}" width="2" height="{BAR + 6}"/>',
            f'<text x="{LEFT + max(width, limit) + 8:.1f}" y="{top + BAR - 3}">'
            f"{row['ratio']:.2f}, at most {row['limit']}</text>",
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


if __name__ == "__main__":
    main()
