"""How the cost of a command grows with its work, in steps of ten.

    python benchmarks/growth.py [--write]

Prints seconds for each size, and how much ten times the work costs; with --write it becomes
docs/reference/growth.md with a plot beside it. Ends with 1 if ten times the work costs more than
fifteen times as long: more than linear.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "runtime"))

import provision  # noqa: E402
import updating  # noqa: E402
import vectors  # noqa: E402
from ingest import send as send_documents  # noqa: E402

from dev_process import start_dev  # noqa: E402

REFERENCE = HERE.parent / "docs" / "reference"
CFPY = [sys.executable, "-m", "cfpy"]
# Linear, and something for caches that a tenth fits into and the whole does not.
MOST = 15.0
BATCH = 10
COLOURS = ("#b4470c", "#2e7d5b", "#a8861a", "#2f5fb3", "#7b3fa0")
WIDTH, HEIGHT, MARGIN = 640, 400, 72


def new(files: int) -> float:
    """`cfpy new` from a template of so many files."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        updating.write(place / "template", "1.0.0", "first", files)
        argv = [*CFPY, "new", "./template", "app", "--defaults", "--no-git"]
        return timed(lambda: updating.run(argv, place))


def update(files: int) -> float:
    """`cfpy update` where a tenth of so many files changed."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        updating.write(place / "template", "1.0.0", "first", files)
        updating.run([*CFPY, "new", "./template", "app", "--defaults"], place)
        shutil.rmtree(place / "template")
        updating.write(place / "template", "2.0.0", "second", files)
        return timed(lambda: updating.run([*CFPY, "update"], place / "app"))


def plan(resources: int) -> float:
    """`cfpy plan` of so many namespaces, none of which is there; the API answers at once."""
    with tempfile.TemporaryDirectory() as scratch:
        bench = provision.Bench(Path(scratch), 0)
        project = bench.project("rag")
        config = project / "wrangler.toml"
        tables = (f'[[kv_namespaces]]\nbinding = "KV_{number}"\n' for number in range(resources))
        config.write_text(config.read_text() + "\n" + "\n".join(tables))
        return bench.timed(provision.CloudflareApi(), project, [[*CFPY, "plan"]], expected=1)[0]


def ingest(documents: int) -> float:
    """Ingesting so many documents of 500 characters into a running rag."""
    with tempfile.TemporaryDirectory() as scratch:
        argv = [*CFPY, "new", "rag", "shop", "--defaults", "--no-git"]
        updating.run(argv, Path(scratch))
        config = Path(scratch, "shop", "wrangler.toml")
        config.write_text(config.read_text().replace("limit = ", "limit = 10000"))
        dev = start_dev(Path(scratch, "shop"), "--runtime", "node", forked=False)
        try:
            send(dev.url, 1_000_000, BATCH)  # What is loaded once.
            return timed(lambda: [send(dev.url, n, BATCH) for n in range(0, documents, BATCH)])
        finally:
            dev.stop()


def send(url: str, first: int, number: int) -> None:
    documents = [
        {"id": f"d{first + n}.md", "text": f"Passage {first + n}: " + "whales and krill. " * 27}
        for n in range(number)
    ]
    send_documents(url, documents)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure() -> dict[str, dict[int, float]]:
    """Seconds by what is done and its size."""
    found: dict[str, dict[int, float]] = {
        "cfpy new, by files": {size: new(size) for size in (10, 100, 1000)},
        "cfpy update, by files": {size: update(size) for size in (10, 100, 1000)},
        "cfpy plan, by resources": {size: plan(size) for size in (10, 100, 1000)},
        "ingest, by documents": {size: ingest(size) for size in (10, 100, 1000)},
    }
    queries = vectors.measure(5)
    found["local query, by vectors"] = {
        size: queries[f"a query of {size:,} vectors"] for size in vectors.SIZES
    }
    return found


def plot(found: dict[str, dict[int, float]]) -> str:
    """Both axes logarithmic: a line that rises by 45 degrees is linear."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]

    def at(size: float, seconds: float) -> tuple[float, float]:
        across = (math.log10(size) - 1) / 4 * (WIDTH - 2 * MARGIN)
        up = (math.log10(seconds) + 4) / 6 * (HEIGHT - 2 * MARGIN)
        return MARGIN + across, HEIGHT - MARGIN - up

    for power in range(1, 6):
        x, y = at(10**power, 1e-4)
        lines.append(
            f'<text x="{x:.0f}" y="{y + 20:.0f}" text-anchor="middle">{10**power:,}</text>'
        )
    for power in range(-4, 3):
        x, y = at(10, 10.0**power)
        lines.append(
            f'<text x="{x - 8:.0f}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g} s</text>'
        )
        lines.append(f'<path d="M{x:.0f} {y:.0f}H{WIDTH - MARGIN}" stroke="#d9dde2"/>')
    for number, (name, values) in enumerate(found.items()):
        colour = COLOURS[number]
        points = " ".join("{:.1f},{:.1f}".format(*at(*item)) for item in values.items())
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        where = HEIGHT - MARGIN - 80 + 16 * number
        lines.append(f'<text x="{MARGIN + 12}" y="{where}" fill="{colour}">{name}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    found = measure()
    rows, worst = ["| | size | takes | against a tenth of it |", "|---|---|---|---|"], 0.0
    for name, values in found.items():
        before = None
        for size, seconds in values.items():
            factor = "" if before is None else f"{seconds / before:.1f} times"
            worst = max(worst, 0 if before is None else seconds / before)
            rows.append(f"| {name} | {size:,} | {seconds:.3g} s | {factor} |")
            before = seconds
    text = "\n".join(rows)
    print(text)
    if write:
        about = (
            "<!-- Written by benchmarks/growth.py. -->\n\n# Growth\n\n"
            f"What ten times the work costs, in one run of {date.today()} on "
            f"{os.cpu_count()} cores. "
            "Below ten times, something is paid once; a little above it is the machine's noise. "
            "Nothing is worse than linear: an ingest is the embedding model's time for each "
            "document, and a query looks at every vector.\n\n"
        )
        page = about + f"![Seconds by size, both axes logarithmic](growth.svg)\n\n{text}\n"
        (REFERENCE / "growth.md").write_text(page, "utf-8")
        (REFERENCE / "growth.svg").write_text(plot(found), "utf-8")
    sys.exit(worst > MOST)


if __name__ == "__main__":
    main()
