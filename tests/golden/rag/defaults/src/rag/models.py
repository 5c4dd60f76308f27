"""The three models, as this application uses them, through the AI Gateway if there is one."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from rag.limits import MAX_ANSWER_TOKENS
from rag.settings import POOLING, Settings
from web.problems import Problem
from workers_ai.chat import Answer, Thoughts, chat_inputs, read_answer
from workers_ai.errors import ai_problem

if TYPE_CHECKING:
    from bindings import AI

Vector = list[float]

# What a stream that breaks off has not: in JSON, the quotes of a text are escaped.
_END = re.compile(r'^\[DONE\]$|"finish_reason":\s*"')


@dataclass(frozen=True)
class Models:
    ai: AI
    settings: Settings
    blob: Callable[[bytes, str], Any]

    async def to_markdown(self, name: str, media_type: str, content: bytes) -> str:
        """The text of a file; a 422 if it can't be converted. Of an image, a model tells what it
        shows."""
        file = {"name": PurePosixPath(name).name, "blob": self.blob(content, media_type)}
        # The metadata of a PDF are the names of programs.
        options = {"conversionOptions": {"pdf": {"metadata": False}}} | self._gateway
        result = await self.ai.toMarkdown(file, options)
        if result["format"] != "error":
            return str(result["data"])
        error = str(result["error"])
        detail = f"{name!r} can't be converted to text: {error}"
        raise ai_problem(error) or Problem(422, "unreadable-file", detail)

    async def embed_passages(self, texts: Sequence[str]) -> list[Vector]:
        """A vector for each text, in their order. At most ``EMBED_BATCH`` texts."""
        inputs = {"text": list(texts), "pooling": POOLING}
        vectors: list[Vector] = (await self._run(self.settings.embedding_model, inputs))["data"]
        if len(vectors) != len(texts):
            raise ValueError(f"{len(texts)} texts gave {len(vectors)} vectors")
        return vectors

    async def embed_query(self, query: str) -> Vector:
        return (await self.embed_passages([self.settings.query_prefix + query]))[0]

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text fits the question, 0 to 1, in their order.

        Workers AI's reranker applies the sigmoid itself; it answers in an order of its own, with
        the index of the text as ``id``.
        """
        inputs = {"query": query, "contexts": [{"text": text} for text in texts]}
        answer = await self._run(self.settings.reranker_model, inputs)
        scores = {item["id"]: float(item["score"]) for item in answer["response"]}
        return [scores.get(index, 0.0) for index in range(len(texts))]

    async def stream(self, messages: Sequence[Mapping[str, str]]) -> AsyncGenerator[Answer, None]:
        """The answer of the first chat model that works, piece by piece as it arrives."""
        model, stream = await self._chat(messages)
        reader = stream.getReader()
        # The prompt of these models itself ends in <think>, so that no answer has it.
        thoughts = Thoughts(thinking="deepseek-r1" in model or "qwq" in model)
        # The network may cut anywhere, also in a character.
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        rest, complete = "", False
        try:
            while not (part := await reader.read()).done:
                *lines, rest = (rest + decoder.decode(part.value.to_bytes())).split("\n")
                for payload in (line[5:].strip() for line in lines if line.startswith("data:")):
                    complete = complete or _END.search(payload) is not None
                    if payload != "[DONE]":
                        piece = _delta(payload)
                        yield replace(piece, text=thoughts.feed(piece.text))
            if not complete:
                raise _broken_off("")
            yield Answer(thoughts.finish())
        finally:
            # If nobody listens any more, the model need not go on.
            await reader.cancel()

    async def _chat(self, messages: Sequence[Mapping[str, str]]) -> tuple[str, Any]:
        """The first chat model that answers at all, and its stream."""
        *preferred, last = self.settings.chat_models
        for model in preferred:
            try:
                return model, await self._run_chat(model, messages)
            except Exception as error:
                # Whatever it is, the next model may not have it: no capacity, or retired.
                print(json.dumps({"level": "warning", "model": model, "error": str(error)}))
        return last, await self._run_chat(last, messages)

    async def _run_chat(self, model: str, messages: Sequence[Mapping[str, str]]) -> Any:
        inputs = chat_inputs(model, messages, max_tokens=MAX_ANSWER_TOKENS)
        return await self._run(model, inputs | {"stream": True})

    async def _run(self, model: str, inputs: Mapping[str, Any]) -> Any:
        return await self.ai.run(model, inputs, self._gateway)

    @property
    def _gateway(self) -> dict[str, Any]:
        gateway = self.settings.ai_gateway
        return {"gateway": {"id": gateway}} if gateway else {}


def _delta(payload: str) -> Answer:
    """What one event of a stream adds; many events add nothing."""
    frame = json.loads(payload)
    if not isinstance(frame, Mapping):
        raise ValueError(f"a stream sent {type(frame).__name__} where an object was due")
    if error := frame.get("error") or frame.get("errors"):
        raise _broken_off(json.dumps(error))
    # Llama's streams do not say why they end, but in their last event how much they were.
    used = (frame.get("usage") or {}).get("completion_tokens") or 0
    answer = read_answer(frame, "delta")
    return replace(answer, cut_off=answer.cut_off or used >= MAX_ANSWER_TOKENS)


def _broken_off(why: str) -> Problem:
    detail = "The chat model broke off in the middle of its answer. Try again."
    return ai_problem(why) or Problem(502, "incomplete-answer", detail)
