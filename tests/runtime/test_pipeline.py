"""The rendered pipeline Worker, cut off again and again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_no_job_is_lost_and_none_done_twice_however_often_the_consumer_is_killed() -> None:
    script = ROOT / "benchmarks" / "pipeline_chaos.py"
    # An hour without a model, of 15 seconds.
    outage = ["--outage", "3600", "--speed", "240"]
    argv = [sys.executable, str(script), "--jobs", "50", "--every", "4", *outage]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(done.stdout)
    # A job may end among the dead letters: then it has no result, and is counted there.
    assert counts["done"] + counts["failed"] == 50
    assert counts["done"] == counts["results"] == counts["jobs_with_result"] > 0
    assert counts["lost"] == counts["twice"] == counts["unfinished"] == 0
    assert counts["kills"] > 0
    assert counts["calls_refused"] > 0
