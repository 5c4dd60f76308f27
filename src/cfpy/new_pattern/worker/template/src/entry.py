"""The Worker's entry point."""

from __future__ import annotations

from typing import Protocol

from workers import Request, Response, WorkerEntrypoint


class Env(Protocol):
    """What wrangler.toml binds."""

    GREETING: str


class Default(WorkerEntrypoint):
    """Called by the runtime, in a new instance for each request."""

    env: Env

    async def fetch(self, _request: Request) -> Response:
        return Response(f"{self.env.GREETING}\n")
