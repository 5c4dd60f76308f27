"""Start-up, against a bare `import typer` and other tools; rendering, against copier on the very
same template and cookiecutter on an equal one.

Each round runs every command once, in turn, so that other load on the machine affects all equally.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from comparison import Target

from cfpy.patterns.composer import compose
from cfpy.patterns.pattern_store import PatternStore
from cfpy.tools.process import SubprocessRunner
from cfpy.tools.toolchain import Toolchain

BIN = Path(sys.executable).parent
APP = "myapp"
# Typer with nothing but what it completes: it loads pydantic to look at the options.
BARE = """
import typer
app = typer.Typer()
@app.callback()
def root(verbose: bool = False): ...
@app.command()
def patterns(): ...
app(prog_name="cfpy")
"""
# As bash asks for completion.
ENV = ("env", "_CFPY_COMPLETE=complete_bash", "COMP_WORDS=cfpy pat", "COMP_CWORD=1")


TARGETS = (
    Target("cfpy --help", "import typer", 1.5),
    Target("cfpy --version", "wrangler --version", 1.0),
    Target("completion of `cfpy pat`", "completion by a bare typer", 1.5),
    Target("cfpy --help", "copier --help", None),
    Target("cfpy --help", "cookiecutter --help", None),
    Target("cfpy new rag", "copier copy", 0.6),
    Target("cfpy new rag", "cookiecutter", None),
)


def commands(scratch: Path) -> dict[str, list[str]]:
    """The commands to time; `{out}` is replaced by a fresh directory for each run."""
    toolchain = Toolchain(SubprocessRunner(), print)
    wrangler = toolchain.directory / "node_modules" / "wrangler" / "bin" / "wrangler.js"
    return {
        "import typer": [sys.executable, "-c", "import typer"],
        "cfpy --help": [str(BIN / "cfpy"), "--help"],
        "cfpy --version": [str(BIN / "cfpy"), "--version"],
        "completion of `cfpy pat`": [*ENV, str(BIN / "cfpy")],
        "completion by a bare typer": [*ENV, sys.executable, "-c", BARE],
        "wrangler --version": [str(toolchain.node.binary), str(wrangler), "--version"],
        "copier --help": [str(BIN / "copier"), "--help"],
        "cookiecutter --help": [str(BIN / "cookiecutter"), "--help"],
        "cfpy new rag": [
            *(str(BIN / "cfpy"), "new", "rag", APP),
            *("--defaults", "--no-git", "--into", "{out}"),
        ],
        "copier copy": [
            *(str(BIN / "copier"), "copy", "--defaults", "--quiet"),
            *("--data", f"project_name={APP}", "--data", "_cfpy_requirement=cfpy-cli"),
            *(str(composed(scratch / "rag")), f"{{out}}/{APP}"),
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
