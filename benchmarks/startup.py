"""How long cfpy takes to start and to render, as ratios against peers in the same run.

    python benchmarks/startup.py [--rounds 15] [--json FILE]

Each round runs every command once, in turn, so that whatever else the machine does hits all alike;
the table shows medians. Peers: a bare `import typer` for start-up; the copier CLI on the very same
template and cookiecutter on an equal one for rendering. Needs the extra `bench`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cfpy.adapters.composer import compose
from cfpy.adapters.pattern_store import PatternStore

BIN = Path(sys.executable).parent
APP = "myapp"


@dataclass(frozen=True)
class Target:
    """`subject` may take at most `limit` times as long as `peer`; None: for information."""

    subject: str
    peer: str
    limit: float | None


TARGETS = (
    Target("cfpy --help", "import typer", 1.5),
    Target("cfpy new rag", "copier copy", 1.0),
    Target("cfpy new rag", "cookiecutter", None),
    Target("cfpy --help", "copier copy", None),
)


def commands(scratch: Path) -> dict[str, list[str]]:
    """The commands to time; `{out}` is replaced by a fresh directory for each run."""
    return {
        "import typer": [sys.executable, "-c", "import typer"],
        "cfpy --help": [str(BIN / "cfpy"), "--help"],
        "cfpy new rag": [
            *(str(BIN / "cfpy"), "new", "rag", APP),
            *("--defaults", "--no-git", "--into", "{out}"),
        ],
        "copier copy": [
            *(str(BIN / "copier"), "copy", "--defaults", "--quiet"),
            *("--data", f"project_name={APP}", str(composed(scratch / "rag")), f"{{out}}/{APP}"),
        ],
        "cookiecutter": [
            *(str(BIN / "cookiecutter"), "--no-input", "--output-dir", "{out}"),
            str(equal_cookiecutter(scratch / "cookiecutter")),
        ],
    }


def composed(into: Path) -> Path:
    """The pattern rag with all that it extends, as one template for copier."""
    into.mkdir(parents=True)
    compose(PatternStore().get("rag"), into)
    return into


def equal_cookiecutter(root: Path) -> Path:
    """A cookiecutter template that renders rag's files, from as many substituted ones."""
    made = root / "made"
    options = ["--defaults", "--no-git", "--into", str(made)]
    subprocess.run(
        [str(BIN / "cfpy"), "new", "rag", APP, *options], check=True, capture_output=True
    )
    files = root / "{{cookiecutter.project_name}}"
    # Without cfpy's own records: they are made of the template, not part of it.
    shutil.copytree(made / APP, files, ignore=shutil.ignore_patterns(".cfpy"))
    template = composed(root / "composed") / "template"
    substituted = {
        path.relative_to(template).with_suffix("").as_posix() for path in template.rglob("*.jinja")
    }
    copied = []
    for path in sorted(path for path in files.rglob("*") if path.is_file()):
        name = path.relative_to(files).as_posix()
        text = path.read_text("utf-8")
        if name in substituted and "{{" not in text and "{%" not in text:
            text = text.replace(APP, "{{ cookiecutter.project_name }}")
            path.write_text(text, "utf-8")
        else:
            copied.append(name)
    context = {"project_name": APP, "_copy_without_render": copied}
    (root / "cookiecutter.json").write_text(json.dumps(context), "utf-8")
    return root


def run(argv: Sequence[str]) -> float:
    """Seconds that a command takes."""
    with tempfile.TemporaryDirectory() as out:
        argv = [argument.replace("{out}", out) for argument in argv]
        start = time.perf_counter()
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        made = Path(out) / APP
        if done.returncode or (out in " ".join(argv) and not (made / "src" / "entry.py").is_file()):
            sys.exit(f"{' '.join(argv)} failed:\n{done.stdout}{done.stderr}")
    return seconds


def measure(rounds: int) -> dict[str, float]:
    """Median seconds of each command; one unmeasured round warms the caches."""
    with tempfile.TemporaryDirectory() as scratch:
        todo = commands(Path(scratch))
        times: dict[str, list[float]] = {name: [] for name in todo}
        for number in range(rounds + 1):
            for name, argv in todo.items():
                seconds = run(argv)
                if number:
                    times[name].append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    medians = measure(options.rounds)
    print(f"{'command':<16}{'median':>10}")
    for name, seconds in medians.items():
        print(f"{name:<16}{seconds * 1000:>7.0f} ms")
    print(f"\n{'ratio':<34}{'is':>6}{'target':>10}")
    rows = []
    for target in TARGETS:
        ratio = medians[target.subject] / medians[target.peer]
        met = None if target.limit is None else ratio <= target.limit
        wanted = "" if target.limit is None else f"<= {target.limit}"
        verdict = {None: "", True: "  met", False: "  MISSED"}[met]
        print(f"{target.subject + ' / ' + target.peer:<34}{ratio:>6.2f}{wanted:>10}{verdict}")
        rows.append({**vars(target), "ratio": ratio, "met": met})
    if options.json:
        report = {"rounds": options.rounds, "median_seconds": medians, "ratios": rows}
        options.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
