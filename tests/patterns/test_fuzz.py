"""Runs tests/fuzz: what clients and queues may send, against the code of each pattern.

fullstack's requests are made by schemathesis, in tests/runtime/test_fullstack.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["rag", "pipeline"])
def test_nothing_that_is_sent_breaks_it(pattern: str, tmp_path: Path) -> None:
    golden = TESTS / "golden" / pattern / "defaults"
    path = [golden / "src", golden / "tests", TESTS / "fuzz"]
    # Beside the golden's files nothing may be written: they are compared.
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    script = TESTS / "fuzz" / f"fuzz_{pattern}.py"
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run(
        [*argv, "--rootdir", str(tmp_path), "-c", "/dev/null", str(script)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
