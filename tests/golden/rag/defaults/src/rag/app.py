"""The application: its streams of server-sent events, and what its errors mean."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from web.app import App, write_log
from web.http import Call, Reply
from web.problems import Problem
from workers_ai.errors import ai_problem


@dataclass(frozen=True, kw_only=True)
class StreamReply(Reply):
    """A reply whose body is a stream of server-sent events."""

    stream: AsyncGenerator[bytes, None]


def encode_event(name: str, data: Any) -> bytes:
    """One event; ``data`` is sent as JSON, which keeps it on one line."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return f"event: {name}\ndata: {text}\n\n".encode()


class RagApp(App):
    def explain(self, message: str) -> Problem:
        if "dimensions" in message:
            detail = "The Vectorize index has other dimensions than the embedding model's vectors."
            return Problem(500, "index-mismatch", detail)
        return ai_problem(message) or super().explain(message)

    def finish(self, reply: Reply, call: Call) -> Reply:
        if not isinstance(reply, StreamReply):
            return super().finish(reply, call)
        return replace(reply, stream=self._guarded(reply, call))

    async def _guarded(self, reply: StreamReply, call: Call) -> AsyncGenerator[bytes, None]:
        """A stream that ends in an event where it would break: the status is out by now. The log
        line comes when it ends."""
        try:
            async with aclosing(reply.stream) as pieces:
                async for piece in pieces:
                    yield piece
        except Exception as error:
            yield encode_event("error", self.problem(error, call).body(call.id))
        finally:
            write_log(call, reply.status)
