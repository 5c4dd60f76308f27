"""Projects for tests to run."""

from __future__ import annotations

from pathlib import Path

from cfpy.patterns.new import NewRequest, run
from cfpy.tools.context import build_context


def new_project(pattern: str, directory: Path) -> Path:
    """A project called shop."""
    request = NewRequest(
        pattern, "shop", directory, {}, interactive=False, dry_run=False, git=False
    )
    return run(build_context(print), request).path
