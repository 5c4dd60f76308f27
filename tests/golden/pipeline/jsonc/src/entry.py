"""The Worker's entry point: requests, messages of both queues, and the cron.

Nothing here, or in what it imports, may touch a binding, the clock or randomness while it is
imported: that happens once, at deployment, and is shared by every request.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPMethod
from typing import TYPE_CHECKING, Any, Protocol

from pyodide.ffi import JsException
from workers import Request, Response, WorkerEntrypoint, fetch

from jobs.consumer import Consumer
from jobs.fetching import Fetched
from jobs.sweep import sweep
from pipeline.resources import Resources
from pipeline.services import Bindings, Services
from pipeline.settings import read_settings
from web.app import App
from web.edge import blob, discard_rest, from_workers, to_workers

if TYPE_CHECKING:
    from bindings import (
        AI,
        D1Database,
        MessageBatch,
        Queue,
        R2Bucket,
        RateLimit,
        ScheduledController,
    )


class Env(Protocol):
    """What wrangler.jsonc binds."""

    AI: AI
    DB: D1Database
    BUCKET: R2Bucket
    QUEUE: Queue
    RATE_LIMITER: RateLimit


class Default(WorkerEntrypoint):
    """Called by the runtime, in a new instance for each event."""

    env: Env

    async def fetch(self, request: Request) -> Response:
        app = App(self._resources, self._variable, JsException)
        reply = await app.handle(from_workers(request))
        await discard_rest(request)
        return to_workers(reply)

    # The runtime passes `env` and `ctx` to these two, and both are None in Python.
    async def queue(self, batch: MessageBatch, env: None = None, ctx: None = None) -> None:
        await Consumer(self._services()).consume(batch)

    async def scheduled(
        self, controller: ScheduledController, env: None = None, ctx: None = None
    ) -> None:
        await sweep(self._services())

    def _resources(self) -> Resources:
        return Resources(self._services(), read_settings(self._variable))

    def _services(self) -> Services:
        bindings = Bindings(
            ai=self.env.AI,
            to_markdown=self._to_markdown,
            database=self.env.DB,
            bucket=self.env.BUCKET,
            queue=self.env.QUEUE,
            rate_limiter=self.env.RATE_LIMITER,
            fetch=_fetch,
            service_error=JsException,
            post=_post,
        )
        return Services(bindings, read_settings(self._variable))

    async def _to_markdown(self, name: str, media_type: str, data: bytes) -> Mapping[str, Any]:
        file = {"name": name, "blob": blob(data, media_type)}
        # What is in the properties of a PDF is mostly not about its text.
        options = {"conversionOptions": {"pdf": {"metadata": False}}}
        return await self.env.AI.toMarkdown(file, options)

    def _variable(self, name: str) -> object:
        return getattr(self.env, name, None)


async def _fetch(url: str) -> Fetched:
    response = await fetch(url, redirect="manual", headers={"User-Agent": "file-pipeline"})

    async def close() -> None:
        if response.body is not None and not response.js_object.bodyUsed:
            await response.body.cancel()

    return Fetched(response.status, response.headers, response.body, close)


async def _post(url: str, body: str, headers: Mapping[str, str]) -> int:
    named = {**headers, "User-Agent": "file-pipeline"}
    response = await fetch(url, method=HTTPMethod.POST, redirect="manual", headers=named, body=body)
    if response.body is not None:
        await response.body.cancel()
    return int(response.status)
