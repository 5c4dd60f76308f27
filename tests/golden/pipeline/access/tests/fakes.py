"""A chat model in plain Python, and the application among its services."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from access.tokens import HEADER
from access_stand_in import OTHER_TOKEN, admit
from access_stand_in import VARIABLES as ACCESS
from job_services import JobWorld
from pipeline.resources import Resources
from pipeline.services import Bindings, Services
from pipeline.settings import read_settings
from services import TOKEN, FakeLimiter, Fuse, ServiceError, pieces
from web.app import App
from web.auth import Access
from web.http import Reply, Request

__all__ = ["OTHER_TOKEN", "TOKEN", "World"]
VARIABLES = {
    "OPERATION": "summary",
    "SUMMARY_MODEL": "@cf/google/gemma-4-26b-a4b-it",
    **ACCESS,
    "WEBHOOK_SECRET": "a-secret-of-the-tests",
}


class FakeAI:
    """A chat model that says how much it read. ``error`` makes it fail, after ``good`` answers."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.error = ""
        self.good = 0
        self.hangs_after: int | None = None
        # What it answers, in this order, if anything is set; the last one again and again.
        self.replies: list[str] = []
        # What comes with each answer, in this order, as the last one again and again.
        self.ends: list[dict[str, Any]] = [{"finish_reason": "stop"}]
        self.prompts: list[str] = []
        self.calls = self.running = self.most_at_once = 0
        # What toMarkdown() answers, as the last one again and again.
        whales = {"format": "markdown", "data": "# Whales swim."}
        self.documents: list[dict[str, Any] | BaseException] = [whales]
        self.converted: list[tuple[str, str, bytes]] = []

    async def to_markdown(self, name: str, media_type: str, data: bytes) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.fuse.before_call()
        self.converted.append((name, media_type, data))
        result = self.documents.pop(0) if len(self.documents) > 1 else self.documents[0]
        if isinstance(result, BaseException):
            raise result
        return {"name": name, **result}

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
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if "usage" in end:
            return {"response": reply, **end}
        return {"choices": [{"message": {"content": reply}, **end}]}


class World(JobWorld):
    """The application among its services."""

    def __init__(self, **variables: str) -> None:
        super().__init__()
        # For a service that is away.
        self.broken = Fuse()
        self.broken.blows_at = 0
        self.ai = FakeAI(self.fuse)
        self.limiter = FakeLimiter()
        self.variables = VARIABLES | variables

    @property
    def bindings(self) -> Bindings:
        """The fakes, which have no more of each service than the application uses."""
        jobs: Any = (self.database, self.bucket, self.queue, self.fetch, ServiceError)
        services: Any = (*jobs, self.post, self.ai, self.ai.to_markdown, self.limiter)
        return Bindings(*services)

    @property
    def services(self) -> Services:
        return Services(self.bindings, read_settings(self.variables.get))

    def resources(self) -> Resources:
        access = Access(admit, self.variables.get)
        return Resources(self.services, read_settings(self.variables.get), access)

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
        given = {HEADER.lower(): token}
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
