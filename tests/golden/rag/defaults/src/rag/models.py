"""The three models, as this application uses them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.limits import MAX_ANSWER_TOKENS
from rag.settings import POOLING, Settings
from rag.sse import END, EventDecoder
from workers_ai.chat import Answer, Thoughts, chat_inputs, read_answer, without_thoughts

if TYPE_CHECKING:
    from bindings import AI

Vector = list[float]


class Models:
    """Workers AI.

    Args:
        ai: The AI binding.
        settings: Which models.
    """

    def __init__(self, ai: AI, settings: Settings) -> None:
        self._ai = ai
        self._settings = settings

    async def embed_passages(self, texts: Sequence[str]) -> list[Vector]:
        """A vector for each text, in their order. At most ``EMBED_BATCH`` texts."""
        inputs = {"text": list(texts), "pooling": POOLING}
        answer = await self._ai.run(self._settings.embedding_model, inputs)
        vectors: list[Vector] = answer["data"]
        if len(vectors) != len(texts):
            raise ValueError(f"{len(texts)} texts gave {len(vectors)} vectors")
        return vectors

    async def embed_query(self, query: str) -> Vector:
        """The vector of a question."""
        return (await self.embed_passages([self._settings.query_prefix + query]))[0]

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text fits the question, 0 to 1, in their order.

        Workers AI's reranker applies the sigmoid itself; it answers in an order of its own, with
        the index of the text as ``id``.
        """
        inputs = {"query": query, "contexts": [{"text": text} for text in texts]}
        answer = await self._ai.run(self._settings.reranker_model, inputs)
        scores = [0.0] * len(texts)
        for item in answer["response"]:
            scores[item["id"]] = float(item["score"])
        return scores

    async def complete(self, messages: Sequence[Mapping[str, str]]) -> Answer:
        """The chat model's whole answer."""
        model = self._settings.chat_model
        inputs = chat_inputs(model, messages, max_tokens=MAX_ANSWER_TOKENS)
        answer = read_answer(await self._ai.run(model, inputs))
        return replace(answer, text=without_thoughts(answer.text))

    async def stream(self, messages: Sequence[Mapping[str, str]]) -> AsyncGenerator[Answer, None]:
        """The chat model's answer, piece by piece as it arrives."""
        model = self._settings.chat_model
        inputs = chat_inputs(model, messages, max_tokens=MAX_ANSWER_TOKENS, stream=True)
        stream = await self._ai.run(model, inputs)
        reader = stream.getReader()
        decoder, thoughts = EventDecoder(), Thoughts()
        try:
            while not (part := await reader.read()).done:
                for payload in decoder.feed(part.value.to_bytes()):
                    if payload != END:
                        piece = _delta(payload)
                        yield replace(piece, text=thoughts.feed(piece.text))
            yield Answer(thoughts.finish())
        finally:
            # If nobody listens any more, the model need not go on.
            await reader.cancel()


def _delta(payload: str) -> Answer:
    """What one event of a stream adds; many events add nothing."""
    frame = json.loads(payload)
    if not isinstance(frame, Mapping):
        raise ValueError(f"a stream sent {type(frame).__name__} where an object was due")
    return read_answer(frame, "delta")
