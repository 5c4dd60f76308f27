"""The Worker's entry point: translates between the Workers runtime and the application.

Nothing here or in ``rag`` may touch a binding, the clock or randomness while it is imported: that
happens once, at deployment, and is shared by every request.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import js
from pyodide.ffi import JsException, to_js
from workers import Response, WorkerEntrypoint

from rag.app import App
from rag.http import Reply, Request
from rag.resources import Bindings


class Default(WorkerEntrypoint):
    """Called by the runtime, in a new instance for each request."""

    async def fetch(self, request):
        bindings = Bindings(
            ai=self.env.AI,
            database=self.env.DB,
            vectorize=self.env.VECTORIZE,
            rate_limiter=self.env.RATE_LIMITER,
        )
        app = App(bindings, lambda name: getattr(self.env, name, None), JsException)
        return self._respond(await app.handle(_translate(request)))

    def _respond(self, reply: Reply) -> Response:
        headers = list(reply.headers.items())
        if reply.stream is None:
            return Response(reply.body or None, status=reply.status, headers=headers)
        pipe = js.TransformStream.new()
        # The runtime ends an invocation when its response is out, unless it is told to wait.
        self.ctx.waitUntil(_pump(reply.stream, pipe.writable.getWriter()))
        return Response(pipe.readable, status=reply.status, headers=headers)


async def _pump(stream, writer):
    """Write a stream's pieces as they come; stop making them when the client is gone."""
    try:
        async for piece in stream:
            await writer.write(to_js(piece))
        await writer.close()
    except JsException:
        # Writing fails only when nobody reads any more.
        pass
    finally:
        await stream.aclose()


def _translate(request) -> Request:
    url = urlsplit(request.url)
    return Request(
        # Not `request.method`: that one fails for methods that Python's enumeration lacks.
        method=str(request.js_object.method),
        path=unquote(url.path),
        parameters=dict(parse_qsl(url.query)),
        headers=request.headers,
        body=request.body or None,
    )
