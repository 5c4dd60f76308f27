"""The Worker's entry point: requests, and the cron.

Nothing here, or in what it imports, may touch a binding, the clock or randomness while it is
imported: that happens once, at deployment, and is shared by every request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, Protocol

import js
from pyodide.ffi import JsException, to_js
from workers import Request, Response, WorkerEntrypoint

from access.edge import admit
from rag.resources import RagApp, Resources, StreamReply
from rag.settings import Settings
from web.auth import Access
from web.edge import blob, discard_rest, from_workers, to_workers

if TYPE_CHECKING:
    from bindings import AI, D1Database, RateLimit, ScheduledController, Vectorize


class Env(Protocol):
    """What wrangler.toml binds."""

    AI: AI
    DB: D1Database
    VECTORIZE: Vectorize
    RATE_LIMITER: RateLimit


class Default(WorkerEntrypoint):
    """Called by the runtime, in a new instance for each event."""

    env: Env

    async def fetch(self, request: Request) -> Response:
        app = RagApp(self._resources, self._variable, JsException)
        reply = await app.handle(from_workers(request))
        await discard_rest(request)
        if not isinstance(reply, StreamReply):
            return to_workers(reply)
        pipe = js.TransformStream.new()
        # The runtime ends an invocation when its response is out; `waitUntil` lets it wait.
        self.ctx.waitUntil(_pump(reply.stream, pipe.writable.getWriter()))
        return Response(pipe.readable, status=reply.status, headers=dict(reply.headers))

    # The runtime passes `env` and `ctx`, and both are None in Python.
    async def scheduled(
        self, controller: ScheduledController, env: None = None, ctx: None = None
    ) -> None:
        await self._resources().tidy()

    def _resources(self) -> Resources:
        access = Access(admit, self._variable)
        return Resources(self.env, Settings(self._variable), blob, access)

    def _variable(self, name: str) -> object:
        return getattr(self.env, name, None)


async def _pump(stream: AsyncGenerator[bytes, None], writer: Any) -> None:
    """Write a stream's pieces as they come; stop making them when the client is gone."""
    try:
        async for piece in stream:
            await writer.write(to_js(piece))
        await writer.close()
    except JsException:
        pass  # Writing fails only when nobody reads any more.
    finally:
        await stream.aclose()
