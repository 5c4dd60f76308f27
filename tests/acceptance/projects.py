"""Projects for tests to run."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import filelock

from cfpy.bindings.wrangler_config import load_project
from cfpy.patterns.new import NewRequest, run
from cfpy.project.vendor import vendor
from cfpy.tools.context import build_context


def new_project(pattern: str, directory: Path) -> Path:
    """A project called shop."""
    request = NewRequest(
        pattern, "shop", directory, {}, interactive=False, dry_run=False, git=False
    )
    return run(build_context(print), request).path


def answer_again(project: Path, pattern: str, **answers: str) -> None:
    """Replace a project's files, but not its packages, by those of other answers."""
    with TemporaryDirectory() as folder:
        request = NewRequest(
            pattern, "shop", Path(folder), answers, interactive=False, dry_run=False, git=False
        )
        rendered = run(build_context(print), request).path
        for name in ("src", "public", "migrations", "tests", ".cfpy"):
            shutil.rmtree(project / name)
        for name in (".dev.vars.example", "cfpy.toml"):
            (project / name).unlink()
        shutil.copytree(rendered, project, dirs_exist_ok=True)


def vendored_project(pattern: str, home: Path) -> Path:
    """A project called shop in `home`, with its Worker's packages. Of processes that want it at
    the same time, one makes it and the others wait."""
    home.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(home / "lock"):
        if not (home / "ready").exists():
            project = new_project(pattern, home)
            ctx = build_context(print)
            vendor(load_project(project), ctx.runner, ctx.progress)
            (home / "ready").touch()
    return home / "shop"
