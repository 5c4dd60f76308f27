"""A pytest plugin for authors of patterns: the fixtures ``pattern`` and ``pattern_case``.

The pattern is the one whose ``pattern.toml`` is in the test's directory or a parent directory. A
test that takes ``pattern_case`` runs once for each case of its ``cases.toml``. Every pytest run
loads this module if cfpy is installed, so it imports nothing until a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cfpy.patterns.cases import Case, Difference
    from cfpy.patterns.findings import Problem
    from cfpy.tools.context import Context

__all__ = ["Case", "PatternUnderTest", "ProjectUnderTest", "pattern"]


class ProjectUnderTest:
    """A project that was rendered for a case. ``path`` is its directory, which is deleted after the
    test."""

    def __init__(self, ctx: Context, path: Path) -> None:
        self._ctx = ctx
        self.path = path

    def test(self) -> None:
        """Run its own tests in the local runtime; fail if they fail."""
        from cfpy.patterns.case_runs import run_tests

        done = run_tests(self._ctx, self.path)
        if done.returncode:
            pytest.fail(f"the project's tests fail\n{done.stdout}{done.stderr}", pytrace=False)

    def dry_run(self) -> None:
        """Check with the real wrangler that it could be deployed; fail if not."""
        from cfpy.patterns.case_runs import dry_run

        complaint = dry_run(self._ctx, self.path)
        if complaint:
            pytest.fail(f"wrangler would not deploy it\n{complaint}", pytrace=False)


class PatternUnderTest:
    """The pattern in ``root``."""

    def __init__(self, root: Path) -> None:
        from cfpy.tools.context import build_context

        self.root = root
        self._ctx = build_context(lambda _text: None)

    def check(self) -> list[Problem]:
        """Return the problems that ``cfpy patterns check`` finds."""
        from cfpy.patterns.check import run

        return list(run(self._ctx, self.root))

    def differences(self, case: Case) -> list[Difference]:
        """The differences between the case's rendered files and its golden, which ``cfpy patterns
        test --update`` updates."""
        from cfpy.patterns.cases import compare

        with self.project(case) as project:
            return list(compare(case, project.path))

    @contextmanager
    def project(self, case: Case) -> Iterator[ProjectUnderTest]:
        """The project of the case, in its own directory."""
        from cfpy.patterns.case_runs import own_pattern, rendered

        with rendered(own_pattern(self._ctx, self.root), case) as path:
            yield ProjectUnderTest(self._ctx, path)


@pytest.fixture
def pattern(request: pytest.FixtureRequest) -> PatternUnderTest:
    """The pattern that the test belongs to."""
    root = _root_of(request.path)
    if root is None:
        pytest.fail(
            f"there is no pattern.toml in the directory of {request.path} or above", pytrace=False
        )
    return PatternUnderTest(root)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes ``pattern_case`` for each case."""
    if "pattern_case" not in metafunc.fixturenames:
        return
    root = _root_of(Path(str(metafunc.definition.path)))
    if root is not None:
        from cfpy.patterns.cases import read_cases

        cases = read_cases(root)
        metafunc.parametrize("pattern_case", cases, ids=[case.name for case in cases])


def _root_of(test: Path) -> Path | None:
    return next((p for p in test.parents if (p / "pattern.toml").is_file()), None)


def __getattr__(name: str) -> object:
    """``Case``, for annotations of tests."""
    if name == "Case":
        from cfpy.patterns.cases import Case

        return Case
    raise AttributeError(name)
