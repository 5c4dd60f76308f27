"""A sample of the fault matrix; all its cases take half an hour.

`tests/unit/account/test_provision_faults.py` breaks every request without processes. Here are the
faults that depend on the real wrangler, or on how a process ends.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MATRIX = Path(__file__).with_name("fault_matrix.py")
FAULTS = ("429", "500, and applied", "dropped", "dropped, and applied", "slow", "killed")


@pytest.mark.slow
def test_provision_finishes_after_any_fault_of_a_sample() -> None:
    run = subprocess.run(
        [sys.executable, MATRIX, "--pattern", "rag", "--sample", "6", "--fault", *FAULTS],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "6 of " in run.stdout
    assert {line.split("  ")[0] for line in run.stdout.splitlines()[:-1]} == set(FAULTS)
    assert " 0 broken" in run.stdout
