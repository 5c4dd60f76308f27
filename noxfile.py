"""Tasks: `nox -s lint`, and so on with docs and tests; `nox` runs these three, and so does CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["everything"]

# The tools are installed beside this interpreter, which need not be on PATH.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
# Hundreds of processes import the same modules: what one compiled is there for the others, in a
# folder of its own, so that no test finds it in its project.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
_COMPILED = Path(__file__).parent.resolve() / ".nox/pycache"
os.environ.setdefault("PYTHONPYCACHEPREFIX", str(_COMPILED))


@nox.session
def everything(session: nox.Session) -> None:
    """What CI runs: lint and docs beside the tests, so their findings stand in its output."""
    argv = [sys.executable, "-m", "nox", "--sessions", "lint", "docs"]
    fresh = not _COMPILED.exists()
    with subprocess.Popen(argv, cwd=Path(__file__).parent) as beside:
        if fresh:
            # Compiles all modules once, before each process of the tests would do it for itself.
            session.run("pytest", "--collect-only", "-qq", silent=True)
        tests(session)
    if beside.returncode:
        session.error("lint or docs failed: see above, or run `nox -s lint docs`")


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types and layers."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports", "--no-logo")


@nox.session
def quick(session: nox.Session) -> None:
    """The inner loop: lint, and the tests that start nothing."""
    lint(session)
    session.run("pytest", "-q", "--numprocesses=2", "tests/unit", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation site, in docs/_build/html; what Sphinx warns of fails."""
    build = ["sphinx-build", "--fail-on-warning", "--keep-going", "-q"]
    session.run(*build, "docs", "docs/_build/html")


@nox.session
def tests(session: nox.Session) -> None:
    """The suite without what is slow; arguments go to pytest."""
    _pytest(session, "not slow")


@nox.session
def slow(session: nox.Session) -> None:
    """The rest of the suite, before a release and each week; arguments go to pytest."""
    _pytest(session, "slow")


def _pytest(session: nox.Session, marked: str) -> None:
    # Most of it waits for Node to start. A file stays together: its tests share running Workers.
    processes = ["--numprocesses=4", "--dist=loadfile", "--no-loadscope-reorder"]
    session.run("pytest", *processes, "-m", marked, *session.posargs)
