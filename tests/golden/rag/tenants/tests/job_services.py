"""A queue and the web in plain Python, and what a test does with jobs."""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bucket import FakeR2
from jobs.consumer import DEAD_LETTERS, Consumer
from jobs.fetching import Fetched
from jobs.services import JobServices
from jobs.sweep import sweep
from services import FakeD1, Fuse, pieces

# What wrangler.toml says.
MAX_RETRIES = 7


@dataclass
class FakeMessage:
    """A message and what became of it. The first call of ack() or retry() counts."""

    id: str
    body: Any
    attempts: int = 1
    outcome: str = ""
    delay: int = 0
    due: float = 0

    def ack(self) -> None:
        self.outcome = self.outcome or "ack"

    def retry(self, options: Mapping[str, int]) -> None:
        if not self.outcome:
            self.outcome, self.delay = "retry", options["delaySeconds"]


@dataclass
class FakeBatch:
    queue: str
    messages: list[FakeMessage]


@dataclass
class FakeQueue:
    """A queue and its dead letters."""

    fuse: Fuse
    waiting: list[FakeMessage] = field(default_factory=list)
    dead: list[FakeMessage] = field(default_factory=list)
    sent: int = 0

    async def sendBatch(self, messages: list[dict[str, Any]]) -> None:
        await asyncio.sleep(0)
        self.fuse.before_call()
        assert 1 <= len(messages) <= 100
        for message in messages:
            self.sent += 1
            body = json.loads(json.dumps(message["body"]))
            self.waiting.append(FakeMessage(f"message-{self.sent}", body))
        self.fuse.after_call()


@dataclass
class Page:
    """What the fake web has at an address."""

    body: bytes = b"A page about whales."
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/plain"})
    seconds: float = 0


class JobWorld(ABC):
    """The services of jobs, and time that passes."""

    def __init__(self) -> None:
        self.fuse = Fuse()
        self.passed = 0.0
        self.database = FakeD1(self.fuse)
        self.bucket = FakeR2(self.fuse)
        self.queue = FakeQueue(self.fuse)
        self.web: dict[str, Page] = {}
        self.fetched: list[str] = []
        self.closed = 0
        # What the receivers of webhooks answer, in this order, the last one again and again.
        self.receiver: list[int | Exception] = [204]
        self.posted: list[tuple[str, str, dict[str, str]]] = []

    @property
    @abstractmethod
    def services(self) -> JobServices:
        """The services of an event."""

    async def fetch(self, url: str) -> Fetched:
        await asyncio.sleep(0)
        self.fuse.before_call()
        self.fetched.append(url)
        page = self.web[url]
        await asyncio.sleep(page.seconds)

        async def close() -> None:
            self.closed += 1

        return Fetched(page.status, page.headers, pieces(page.body), close)

    async def post(self, url: str, body: str, headers: Mapping[str, str]) -> int:
        await asyncio.sleep(0)
        self.fuse.before_call()
        self.posted.append((url, body, dict(headers)))
        answer = self.receiver.pop(0) if len(self.receiver) > 1 else self.receiver[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def now(self) -> float:
        return time.time() + self.passed

    def deliver_due(self) -> None:
        """Deliver what has waited for as long as it was told to."""
        for queue in ("myapp-jobs", "myapp-jobs" + DEAD_LETTERS):
            self.deliver(queue, self.now)

    def deliver_after_waits(self) -> list[FakeMessage]:
        """Deliver what waits for the next ten minutes, when they are over."""
        self.pass_time(minutes=10)
        return self.deliver()

    def deliver(self, queue: str = "myapp-jobs", until: float = float("inf")) -> list[FakeMessage]:
        """Deliver all that waits once, as one batch, and put back what is to come again."""
        dead = queue.endswith(DEAD_LETTERS)
        waiting = self.queue.dead if dead else self.queue.waiting
        batch: Any = FakeBatch(queue, [message for message in waiting if message.due <= until])
        waiting[:] = [message for message in waiting if message.due > until]
        asyncio.run(Consumer(self.services).consume(batch))
        for message in batch.messages:
            if message.outcome == "ack":
                continue
            # No outcome: the delivery was cut off, which the queue takes for a retry.
            due = self.now + message.delay
            again = FakeMessage(message.id, message.body, message.attempts + 1, due=due)
            exhausted = not dead and message.attempts > MAX_RETRIES
            (self.queue.dead if exhausted else waiting).append(again)
        return list(batch.messages)

    def sweep(self) -> None:
        asyncio.run(sweep(self.services))

    def pass_time(self, **delta: int) -> None:
        """Make everything there is older."""
        seconds = int(timedelta(**delta).total_seconds())
        self.passed += seconds
        self.database.connection.execute(
            "UPDATE jobs SET created_at = created_at - ?1, updated_at = updated_at - ?1, "
            "leased_until = leased_until - ?1, due_at = due_at - ?1",
            (seconds,),
        )
        self.database.connection.execute("UPDATE webhooks SET due_at = due_at - ?", (seconds,))
        for stored in self.bucket.files.values():
            stored.uploaded.seconds -= seconds
