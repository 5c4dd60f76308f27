"""A rendered project's own tests pass, with one command and no account."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from projects import answer_again

# Pattern, answers, and what of the tests to run. Those of rag as it is are run by test_newcomer.py;
# other models change what the running Worker does. The unit tests of pipeline are run by
# test_rendered_ci.py.
CASES: list[tuple[str, dict[str, str], str]] = [
    (
        "rag",
        {
            "embedding_model": "@cf/baai/bge-base-en-v1.5",
            "chat_model": "@cf/meta/llama-3.1-8b-instruct-fp8",
        },
        "tests/test_worker.py",
    ),
    ("pipeline", {}, "tests/test_worker.py"),
    ("fullstack", {}, "tests"),
]


@pytest.mark.parametrize(
    ("pattern", "answers", "part"), CASES, ids=["rag-other-models", "pipeline", "fullstack"]
)
def test_cfpy_test_passes(
    pattern: str, answers: dict[str, str], part: str, ready: Callable[[str], Path]
) -> None:
    project = ready(pattern)
    if answers:
        answer_again(project, pattern, **answers)
    argv = [sys.executable, "-m", "cfpy", "test", "-q", "-p", "no:cacheprovider", part]
    done = subprocess.run(
        argv, cwd=project, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ passed in", done.stdout, re.MULTILINE)


def test_a_failing_test_of_the_project_fails_the_command(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text('name = "shop"\nmain = "index.js"\n')
    (tmp_path / "test_wrong.py").write_text("def test_wrong():\n    assert False\n")
    argv = [sys.executable, "-m", "cfpy", "test", "-q"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
