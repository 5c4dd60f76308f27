"""The application: Cloudflare's services and this project's resources, put together."""

from __future__ import annotations

from collections.abc import Callable

from rag.resources import Bindings, Resources
from rag.settings import read_settings
from rag.streaming import StreamingApp
from web.http import Call, Reply
from web.problems import Problem
from workers_ai.errors import ai_problem


class RagApp(StreamingApp):
    """Questions answered from documents, for one request.

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
        super().__init__(variable, service_error)
        self._bindings = bindings

    async def route(self, call: Call) -> Reply:
        # Here, and not before: a missing setting is answered like every other error.
        resources = Resources(self._bindings, read_settings(self.variable))
        return await resources.route(call)

    def explain(self, message: str) -> Problem:
        if "dimensions" in message:
            detail = "The Vectorize index has other dimensions than the embedding model's vectors."
            return Problem(500, "index-mismatch", detail)
        return ai_problem(message) or super().explain(message)
