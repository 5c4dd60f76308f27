"""R2, a queue, a chat model and the web in plain Python, and the application among them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pipeline.consumer import DEAD_LETTERS, Consumer
from pipeline.fetching import Fetched
from pipeline.resources import Resources
from pipeline.services import Bindings, Services
from pipeline.settings import read_settings
from pipeline.sweep import sweep
from services import FakeD1, FakeLimiter, Fuse, ServiceError, pieces
from web.app import App
from web.http import Reply, Request

TOKEN, OTHER_TOKEN = "a-token-of-the-tests", "another-one"
VARIABLES = {
    "OPERATION": "summary",
    "SUMMARY_MODEL": "@cf/google/gemma-4-26b-a4b-it",
    "API_TOKENS": f"ada:{TOKEN}, bob:{OTHER_TOKEN}",
}
# What wrangler.toml says.
MAX_RETRIES = 7


@dataclass
class FakeDate:
    """A date of JavaScript."""

    seconds: float

    def getTime(self) -> float:
        return self.seconds * 1000


@dataclass
class StoredFile:
    key: str
    data: bytes
    uploaded: FakeDate

    async def bytes(self) -> memoryview:
        return memoryview(self.data)


class FakeR2:
    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.files: dict[str, StoredFile] = {}
        self.page_size = 1000

    async def put(self, key: str, value: Any) -> None:
        await asyncio.sleep(0)
        self.fuse.before_call()
        if not isinstance(value, bytes):
            value = b"".join([piece.to_bytes() async for piece in value])
        self.files[key] = StoredFile(key, value, FakeDate(time.time()))
        self.fuse.after_call()

    async def get(self, key: str) -> StoredFile | None:
        await asyncio.sleep(0)
        self.fuse.before_call()
        return self.files.get(key)

    async def head(self, key: str) -> StoredFile | None:
        return await self.get(key)

    async def delete(self, keys: str | list[str]) -> None:
        await asyncio.sleep(0)
        self.fuse.before_call()
        for key in [keys] if isinstance(keys, str) else keys:
            self.files.pop(key, None)
        self.fuse.after_call()

    async def list(self, options: Mapping[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.fuse.before_call()
        keys = sorted(key for key in self.files if key > options.get("cursor", ""))
        size = min(self.page_size, options["limit"])
        page = {"objects": [self.files[key] for key in keys[:size]], "truncated": len(keys) > size}
        return page | ({"cursor": keys[size - 1]} if len(keys) > size else {})


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


class FakeAI:
    """A chat model that says how much it read. ``error`` makes it fail, after ``good`` answers."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.error = ""
        self.good = 0
        self.hangs_after: int | None = None
        # What it answers, in this order, if anything is set; the last one again and again.
        self.replies: list[str] = []
        self.prompts: list[str] = []
        self.calls = self.running = self.most_at_once = 0

    async def run(self, model: str, inputs: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await asyncio.sleep(0)
            if self.hangs_after is not None and len(self.prompts) >= self.hangs_after:
                await asyncio.Event().wait()
        finally:
            self.running -= 1
        self.fuse.before_call()
        if self.error and len(self.prompts) >= self.good:
            raise ServiceError(self.error)
        self.prompts.append(inputs["messages"][-1]["content"])
        reply = f"{len(self.prompts[-1])} characters."
        if self.replies:
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return {"choices": [{"message": {"content": reply}}]}


@dataclass
class Page:
    """What the fake web has at an address."""

    body: bytes = b"A page about whales."
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/plain"})
    seconds: float = 0


class World:
    """The application among its services."""

    def __init__(self, **variables: str) -> None:
        self.fuse = Fuse()
        # For a service that is away.
        self.broken = Fuse()
        self.broken.blows_at = 0
        self.passed = 0.0
        self.database = FakeD1(self.fuse)
        self.bucket = FakeR2(self.fuse)
        self.queue = FakeQueue(self.fuse)
        self.ai = FakeAI(self.fuse)
        self.limiter = FakeLimiter()
        self.web: dict[str, Page] = {}
        self.fetched: list[str] = []
        self.closed = 0
        self.variables = VARIABLES | variables

    @property
    def bindings(self) -> Bindings:
        """The fakes, which have no more of each service than the application uses."""
        services: Any = (self.ai, self.database, self.bucket, self.queue, self.limiter, self.fetch)
        return Bindings(*services)

    @property
    def services(self) -> Services:
        return Services(self.bindings, read_settings(self.variables.get))

    def resources(self) -> Resources:
        return Resources(self.services, read_settings(self.variables.get))

    async def fetch(self, url: str) -> Fetched:
        await asyncio.sleep(0)
        self.fuse.before_call()
        self.fetched.append(url)
        page = self.web[url]
        await asyncio.sleep(page.seconds)

        async def close() -> None:
            self.closed += 1

        return Fetched(page.status, page.headers, pieces(page.body), close)

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        token: str = TOKEN,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request, with the length of its body unless ``headers`` have another."""
        given = {"authorization": f"Bearer {token}"}
        if body is not None:
            given["content-length"] = str(len(body))
        given |= headers or {}
        request = Request(
            method=method,
            path=path,
            parameters=parameters or {},
            headers={name: value for name, value in given.items() if value},
            body=None if body is None else pieces(body),
        )
        return await App(self.resources, self.variables.get, ServiceError).handle(request)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Send a request; return the status and the parsed reply."""
        reply = asyncio.run(self.send(method, path, body, **options))
        return reply.status, json.loads(reply.body) if reply.body else None

    def upload(
        self, text: str | bytes = "Whales swim.", name: str = "a.txt", **options: Any
    ) -> str:
        """Upload a file; return the job's id."""
        data = text.encode() if isinstance(text, str) else text
        status, job = self.call("POST", "/files", data, parameters={"name": name}, **options)
        assert status == 202, job
        return str(job["id"])

    def upload_url(self, url: str) -> str:
        body = json.dumps({"file_url": url}).encode()
        headers = {"content-type": "application/json"}
        status, job = self.call("POST", "/files", body, headers=headers)
        assert status == 202, job
        return str(job["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        status, job = self.call("GET", f"/jobs/{job_id}")
        assert status == 200, job
        return dict(job)

    @property
    def now(self) -> float:
        return time.time() + self.passed

    def deliver_due(self) -> None:
        """Deliver what has waited for as long as it was told to."""
        for queue in ("myapp-jobs", "myapp-jobs" + DEAD_LETTERS):
            self.deliver(queue, self.now)

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
        for stored in self.bucket.files.values():
            stored.uploaded.seconds -= seconds
