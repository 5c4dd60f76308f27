"""A rendered project's own tests pass, with one command and no account."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cfpy.patterns.new import NewRequest, run
from cfpy.tools.context import build_context

# Pattern, answers, and how many tests there are at least. Those of rag as it is are run by
# test_newcomer.py.
CASES: list[tuple[str, dict[str, Any], int]] = [
    (
        "rag",
        {
            "embedding_model": "@cf/baai/bge-m3",
            "chat_model": "@cf/meta/llama-3.1-8b-instruct-fp8",
        },
        140,
    ),
    ("pipeline", {}, 500),
    ("fullstack", {}, 35),
]


@pytest.mark.parametrize(
    ("pattern", "answers", "tests"), CASES, ids=["rag-other-models", "pipeline", "fullstack"]
)
def test_cfpy_test_passes(
    pattern: str, answers: dict[str, Any], tests: int, tmp_path: Path
) -> None:
    request = NewRequest(
        pattern, "myapp", tmp_path, answers, interactive=False, dry_run=False, git=False
    )
    project = run(build_context(print), request).path
    argv = [sys.executable, "-m", "cfpy", "test", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        argv, cwd=project, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counted = re.search(r"(\d+) passed in", done.stdout)
    assert counted
    assert int(counted[1]) >= tests
    assert "skipped" not in done.stdout


def test_a_failing_test_of_the_project_fails_the_command(tmp_path: Path) -> None:
    request = NewRequest("rag", "myapp", tmp_path, {}, interactive=False, dry_run=False, git=False)
    project = run(build_context(print), request).path
    (project / "tests" / "test_wrong.py").write_text("def test_wrong():\n    assert False\n")
    argv = [sys.executable, "-m", "cfpy", "test", "-q", "tests/test_wrong.py"]
    done = subprocess.run(argv, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 1
