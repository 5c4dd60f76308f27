"""What a job is."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Charset:
    """How a text is written, and whether that was guessed, because nothing said so."""

    name: str
    guessed: bool = False


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
    """``characters`` counts the text that was read, which a file's markup is no part of.

    ``charset`` is how the file is written; ``None`` if it is not text, but a document.
    """

    operation: str
    text: str
    characters: int
    model: str
    charset: Charset | None = None


@dataclass(frozen=True)
class WebhookState:
    """Where to announce that a job is finished, and how that goes.

    ``status`` is ``waiting`` for the job's end, ``pending``, ``delivered`` or ``failed``.
    """

    url: str
    status: str
    attempts: int
    error: str | None


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
    webhook: WebhookState | None


@dataclass(frozen=True)
class Claim:
    """The right to work on a job, until ``LEASE_SECONDS`` are over."""

    job_id: str
    lease: str
    source: Source
    # The deliveries that began to work on the job, with this one.
    attempts: int
    # Those of them that ended with an answer of no use.
    bad_answers: int
    has_webhook: bool


class Unprocessable(Exception):
    """Nothing will ever come of this job; the message is for its owner."""


class BadAnswer(Exception):
    """What a model answered is of no use. Another attempt often helps."""


def object_key(job_id: str) -> str:
    """The key of a job's file in R2."""
    return f"uploads/{job_id}"
