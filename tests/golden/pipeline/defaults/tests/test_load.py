"""The test of load waits for its own jobs alone."""

from __future__ import annotations

from typing import Any

import pytest

import load


class Stuck(load.Client):
    """A Worker with a job that nobody finishes, and one of this run, finished after a while."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1")
        self.slept = 0

    def call(self, method: str, path: str, body: str | None = None, **headers: str) -> Any:
        ids = ["other"] if self.slept else ["other", "own"]
        jobs = [{"id": job_id} for job_id in ids] if "status=queued" in path else []
        return {"jobs": jobs, "next_cursor": None}

    def sleep(self, _seconds: float) -> None:
        self.slept += 1


def test_jobs_of_others_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Stuck()
    monkeypatch.setattr("time.sleep", worker.sleep)
    load.wait(worker, {"own"}, 60)
    assert worker.slept == 1
