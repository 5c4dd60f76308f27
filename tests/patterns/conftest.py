"""Renders each case once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pattern_cases import CASES, Case, tree


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
    """Reads a tree. What cfpy packs for updates has tests of its own."""
    return tree
