"""The application's outside: one reply and one log line for each request, whatever happens."""

import json
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from web.cors import cors_headers, preflight
from web.http import Call, Reply, Request, json_reply
from web.problems import Problem
from web.settings import Variable, items


class Resources(Protocol):
    async def route(self, call: Call) -> Reply: ...


class App:
    """The application, for one request.

    ``resources`` makes what it serves once a request is there, so that a missing setting is
    answered like every other error. ``service_error`` is what Cloudflare's services raise.
    """

    def __init__(
        self, resources: Callable[[], Resources], variable: Variable, service_error: type[Exception]
    ) -> None:
        self._resources = resources
        self._service_error = service_error
        self._origins = frozenset(items(variable("CORS_ORIGINS")))

    def explain(self, _message: str) -> Problem:
        """What to tell a client when a Cloudflare service failed with this message. It stays in the
        log: it may name things that are nobody else's business."""
        wait = {"Retry-After": "10"}
        return Problem(502, "service-failed", "A Cloudflare service failed.", headers=wait)

    async def handle(self, request: Request) -> Reply:
        call = Call(request)
        try:
            if request.method == "OPTIONS":
                reply = preflight(request, self._origins)
            else:
                reply = await self._resources().route(call)
        except Exception as error:
            problem = self.problem(error, call)
            kind = {"Content-Type": "application/problem+json"}
            reply = json_reply(problem.status, problem.body(call.id), {**problem.headers, **kind})
        headers = {
            **reply.headers,
            **cors_headers(request, self._origins),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Request-Id": call.id,
        }
        return self.finish(replace(reply, headers=headers), call)

    def finish(self, reply: Reply, call: Call) -> Reply:
        """The last thing before a reply leaves."""
        write_log(call, reply.status)
        return replace(reply, body=b"") if call.request.method == "HEAD" else reply

    def problem(self, error: Exception, call: Call) -> Problem:
        """What to tell the client of an error; the log gets all of it."""
        if isinstance(error, Problem):
            problem = error
        else:
            call.log["error"] = "".join(traceback.format_exception(error))
            if isinstance(error, self._service_error):
                problem = self.explain(str(error))
            else:
                problem = Problem(500, "internal-error", "Something went wrong in the Worker.")
        call.log["code"] = problem.code
        return problem


def write_log(call: Call, status: int) -> None:
    """One line of JSON, which Workers Logs takes apart. No body and no token is in it."""
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
