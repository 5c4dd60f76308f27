"""Projects for tests to run."""

from __future__ import annotations

from pathlib import Path

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
