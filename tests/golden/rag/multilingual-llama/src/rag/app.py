"""The application's outside: one reply and one log line for each request, whatever happens."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from rag.cors import allowed_origins, cors_headers, preflight
from rag.http import Call, Reply, Request, json_reply
from rag.problems import Problem, service_problem
from rag.resources import Bindings, Resources
from rag.settings import read_settings
from rag.sse import encode_event


class App:
    """The application, for one request.

    Args:
        bindings: Cloudflare's services.
        variable: Gives a variable or secret by name, ``None`` if it is not set.
        service_error: What Cloudflare's services raise when they fail.
    """

    def __init__(
        self,
        bindings: Bindings,
        variable: Callable[[str], object],
        service_error: type[Exception],
    ) -> None:
        self._bindings = bindings
        self._variable = variable
        self._service_error = service_error

    async def handle(self, request: Request) -> Reply:
        """Answer a request."""
        call = Call(request)
        origins = allowed_origins(self._variable("CORS_ORIGINS"))
        try:
            if request.method == "OPTIONS":
                reply = preflight(request, origins)
            else:
                resources = Resources(self._bindings, read_settings(self._variable))
                reply = await resources.route(call)
        except Exception as error:
            reply = self._error_reply(error, call)
        headers = {
            **reply.headers,
            **cors_headers(request, origins),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Request-Id": call.id,
        }
        if reply.stream is not None:
            return Reply(reply.status, b"", headers, self._guarded(reply.stream, call))
        _write_log(call, reply.status)
        body = b"" if request.method == "HEAD" else reply.body
        return Reply(reply.status, body, headers)

    async def _guarded(
        self, stream: AsyncGenerator[bytes, None], call: Call
    ) -> AsyncGenerator[bytes, None]:
        """A stream that ends in an event where it would break: the status is out by now."""
        try:
            async with aclosing(stream) as pieces:
                async for piece in pieces:
                    yield piece
        except Exception as error:
            yield encode_event("error", self._problem(error, call).body(call.id))
        finally:
            _write_log(call, 200)

    def _error_reply(self, error: Exception, call: Call) -> Reply:
        problem = self._problem(error, call)
        reply = json_reply(problem.status, problem.body(call.id), "application/problem+json")
        return Reply(reply.status, reply.body, {**reply.headers, **problem.headers})

    def _problem(self, error: Exception, call: Call) -> Problem:
        """What to tell the client of an error; the log gets all of it."""
        if isinstance(error, Problem):
            problem = error
        else:
            call.log["error"] = "".join(traceback.format_exception(error))
            if isinstance(error, self._service_error):
                problem = service_problem(str(error))
            else:
                problem = Problem(500, "internal-error", "Something went wrong in the Worker.")
        call.log["code"] = problem.code
        return problem


def _write_log(call: Call, status: int) -> None:
    """One line of JSON, which Workers Logs takes apart. No question, text or token is in it."""
    line: dict[str, Any] = {
        "level": "error" if status >= 500 or "error" in call.log else "info",
        "request_id": call.id,
        "method": call.request.method,
        "path": call.request.path,
        "status": status,
        "ms": round((time.monotonic() - call.started) * 1000),
        **call.log,
    }
    print(json.dumps(line))
