"""The real wrangler accepts what `cfpy add` makes of a project."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from add_matrix import FOREIGN, FORMATS, PATTERNS, accepted, add, foreign_project, pattern_project
from cfpy.bindings.registry import BY_NAME
from cfpy.patterns.config_format import ConfigFormat
from wrangler_shapes import ids


@pytest.fixture(scope="module")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize(("pattern", "config"), [*zip(PATTERNS, itertools.cycle(FORMATS))])
def test_a_pattern_with_everything_added(
    pattern: str, config: ConfigFormat, tmp_path: Path, mypy_cache: Path
) -> None:
    root = pattern_project(pattern, tmp_path, config)
    added = [kind for kind in BY_NAME if add(root, kind)]
    assert len(added) >= len(BY_NAME) - 2
    assert accepted(root) == ""
    types = ["mypy", "--cache-dir", str(mypy_cache)]
    for tool in (types, ["ruff", "check"], ["ruff", "format", "--check"]):
        argv = [sys.executable, "-m", *tool]
        done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("shape", FOREIGN[::3], ids=ids)
def test_a_foreign_project_with_everything_added(shape: tuple[str, str], tmp_path: Path) -> None:
    root = foreign_project(shape, tmp_path)
    assert accepted(root) == ""
    added = [kind for kind in BY_NAME if add(root, kind)]
    assert len(added) >= len(BY_NAME) - 1
    assert accepted(root) == ""
