"""Renders each case once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pattern_cases import CASES, Case


@pytest.fixture(
    params=CASES, ids=[f"{case.pattern}-{case.name}" for case in CASES], scope="session"
)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture(scope="session")
def rendered(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of this case."""
    return case.render(tmp_path_factory.mktemp(case.name))


@pytest.fixture(scope="session")
def files() -> Callable[[Path], dict[str, bytes]]:
    """Reads a tree: relative path to bytes. What cfpy packs for updates has tests of its own."""

    def read(root: Path) -> dict[str, bytes]:
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.name != "base.zip"
        }

    return read
