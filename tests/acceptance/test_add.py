"""The real wrangler accepts what `cfpy add` makes of a project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from add_matrix import FOREIGN, PATTERNS, accepted, add, foreign_project, pattern_project
from cfpy.bindings.registry import BY_NAME


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_with_everything_added(pattern: str, tmp_path: Path) -> None:
    root = pattern_project(pattern, tmp_path)
    added = [kind for kind in BY_NAME if add(root, kind)]
    assert len(added) >= len(BY_NAME) - 2
    assert accepted(root) == ""
    for tool in (["mypy", "--no-incremental"], ["ruff", "check"], ["ruff", "format", "--check"]):
        argv = [sys.executable, "-m", *tool]
        done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("shape", FOREIGN[::2])
def test_a_foreign_project_with_everything_added(shape: str, tmp_path: Path) -> None:
    root = foreign_project(shape, tmp_path)
    assert accepted(root) == ""
    added = [kind for kind in BY_NAME if add(root, kind)]
    assert len(added) >= len(BY_NAME) - 1
    assert accepted(root) == ""
