"""Runs unit tests of rendered projects that no other run of the suite reaches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pattern_cases import CASES, Case

# They start a Worker.
_NEED_A_RUNTIME = {"test_worker.py"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["queue-and-originals", "tenants"])
def test_the_tests_that_a_case_renders_its_own_way_pass(name: str, tmp_path: Path) -> None:
    [case] = [case for case in CASES if (case.pattern, case.name) == ("rag", name)]
    assert _run(case, tmp_path) == 0


def _run(case: Case, parent: Path) -> int:
    own = {path.name for path in (case.golden / "tests").glob("test_*.py")} - _NEED_A_RUNTIME
    assert "test_originals.py" in own
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    argv += [f"tests/{name}" for name in sorted(own)]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(argv, cwd=case.render(parent), env=env, check=False).returncode
