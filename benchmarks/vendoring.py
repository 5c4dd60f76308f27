"""Installing the Python packages of a fullstack project next to its Worker, against pip and uv.

cfpy finds wheels that run in Pyodide, chooses versions, writes a lock file with their hashes and
installs from it. pip and uv install the same requirements for this machine into a directory,
and keep no record. All have the packages in their caches.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

from comparison import Target

from cfpy.bindings.wrangler_config import load_project
from cfpy.project.python_requirements import SDK
from cfpy.project.vendor import vendor
from cfpy.tools.process import SubprocessRunner

FIRST, LOCKED, AGAIN = "cfpy, the first time", "cfpy, by its lock", "cfpy, nothing to do"
PIP, UV, UV_AGAIN = "pip install --target", "uv pip install --target", "uv, nothing to do"
TARGETS = (
    Target(FIRST, PIP, None),
    Target(LOCKED, PIP, None),
    Target(FIRST, UV, None),
    Target(LOCKED, UV, 2.0),
    Target(AGAIN, UV_AGAIN, None),
)


def measure(rounds: int) -> dict[str, float]:
    """Median seconds of at most five rounds, after one to fill the caches."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        new = [sys.executable, "-m", "cfpy", "new", "fullstack", "shop", "--defaults", "--no-git"]
        subprocess.run(new, cwd=place, check=True, capture_output=True)
        project, runner = load_project(place / "shop"), SubprocessRunner()
        wanted = tomllib.loads((project.root / "pyproject.toml").read_text())
        requirements = [SDK, *wanted["project"]["dependencies"]]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
        uv = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet"]
        uv += ["--python-version", "3.14"]

        def ours(*gone: str) -> None:
            for name in gone:
                path = project.root / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            target = vendor(project, runner, lambda _: None)
            assert (target / "fastapi").is_dir()

        def peer(argv: list[str], name: str, *, fresh: bool = True) -> None:
            target = place / name
            if fresh:
                shutil.rmtree(target, ignore_errors=True)
            subprocess.run([*argv, "--target", str(target), *requirements], check=True)
            assert (target / "fastapi").is_dir()

        work: dict[str, Callable[[], None]] = {
            FIRST: lambda: ours("pylock.toml", "python_modules"),
            LOCKED: lambda: ours("python_modules"),
            AGAIN: lambda: ours(),
            PIP: lambda: peer(pip, "by-pip"),
            UV: lambda: peer(uv, "by-uv"),
            UV_AGAIN: lambda: peer(uv, "by-uv", fresh=False),
        }
        seconds: dict[str, list[float]] = {name: [] for name in work}
        for number in range(min(rounds, 5) + 1):
            for name, run in work.items():
                start = time.perf_counter()
                run()
                if number:
                    seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}
