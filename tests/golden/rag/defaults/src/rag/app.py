"""The application: what its errors mean."""

from __future__ import annotations

from rag.streaming import StreamingApp
from web.problems import Problem
from workers_ai.errors import ai_problem


class RagApp(StreamingApp):
    """Questions answered from documents, for one request."""

    def explain(self, message: str) -> Problem:
        if "dimensions" in message:
            detail = "The Vectorize index has other dimensions than the embedding model's vectors."
            return Problem(500, "index-mismatch", detail)
        return ai_problem(message) or super().explain(message)
