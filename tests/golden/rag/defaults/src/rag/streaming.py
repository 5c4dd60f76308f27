"""Replies that come piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from rag.sse import encode_event
from web.app import App, write_log
from web.http import Call, Reply


@dataclass(frozen=True, kw_only=True)
class StreamReply(Reply):
    """A reply whose body is a stream of server-sent events."""

    stream: AsyncGenerator[bytes, None]


class StreamingApp(App):
    """An application that also sends streams: their log line is written when they end."""

    def finish(self, reply: Reply, call: Call) -> Reply:
        if not isinstance(reply, StreamReply):
            return super().finish(reply, call)
        return replace(reply, stream=self._guarded(reply, call))

    async def _guarded(self, reply: StreamReply, call: Call) -> AsyncGenerator[bytes, None]:
        """A stream that ends in an event where it would break: the status is out by now."""
        try:
            async with aclosing(reply.stream) as pieces:
                async for piece in pieces:
                    yield piece
        except Exception as error:
            yield encode_event("error", self.problem(error, call).body(call.id))
        finally:
            write_log(call, reply.status)
