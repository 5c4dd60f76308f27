"""A sample of the fault matrix; all its cases take half an hour."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MATRIX = Path(__file__).with_name("fault_matrix.py")


def test_provision_finishes_after_any_fault_of_a_sample() -> None:
    run = subprocess.run(
        [sys.executable, MATRIX, "--sample", "10"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "10 of " in run.stdout
    assert " 0 broken" in run.stdout
