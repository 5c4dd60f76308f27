"""What a job is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """``received -> queued -> processing -> done | failed``.

    A job that has to wait for another attempt goes back from ``processing`` to ``queued``, and so
    does a failed one that somebody asks to retry.
    """

    RECEIVED = "received"
    QUEUED = "queued"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Source:
    """What to work on: a file in R2 (``name``, ``media_type``), or one at ``url``.

    That one gets its ``media_type`` when it is in R2, too.
    """

    name: str | None
    media_type: str | None
    url: str | None


@dataclass(frozen=True)
class Result:
    """``characters`` counts the text that was read, which a file's markup is no part of."""

    operation: str
    text: str
    characters: int
    model: str


@dataclass(frozen=True)
class Job:
    """A job as its owner sees it. Times are Unix seconds."""

    id: str
    status: Status
    source: Source
    attempts: int
    error: str | None
    # When the sweep ends its wait for another attempt.
    due_at: int | None
    created_at: int
    updated_at: int
    result: Result | None


@dataclass(frozen=True)
class Claim:
    """The right to work on a job, until ``LEASE_SECONDS`` are over."""

    job_id: str
    lease: str
    source: Source
    # The deliveries that began to work on the job, with this one.
    attempts: int


class Unprocessable(Exception):
    """Nothing will ever come of this job; the message is for its owner."""


def object_key(job_id: str) -> str:
    """The key of a job's file in R2."""
    return f"uploads/{job_id}"
