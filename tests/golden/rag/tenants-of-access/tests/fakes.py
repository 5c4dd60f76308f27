"""Workers AI and Vectorize in plain Python: models that count words, an exact vector search."""

from __future__ import annotations

import asyncio
import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from access.tokens import HEADER
from access_stand_in import VARIABLES as ACCESS
from access_stand_in import admit
from rag.resources import RagApp, Resources, StreamReply
from rag.settings import Settings
from rag.store import Store
from services import TOKEN, FakeD1, FakeLimiter, FakePiece, Fuse, ServiceError, pieces
from web.auth import Access
from web.http import Reply, Request

VARIABLES = {
    "EMBEDDING_MODEL": "@cf/baai/bge-base-en-v1.5",
    "RERANKER_MODEL": "@cf/baai/bge-reranker-base",
    "CHAT_MODEL": "@cf/google/gemma-4-26b-a4b-it",
    "MIN_SCORE": "0.1",
    **ACCESS,
    "TENANTS": "acme:ada@example.com,globex:example.org",
}
_DIMENSIONS = 64


class FakeVectorize:
    """Exact cosine similarity. Mutations are visible at once or, if it ``lags``, when they are
    processed, in their order."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.lags = False
        self.vectors: dict[str, dict[str, Any]] = {}
        self.mutations: list[dict[str, dict[str, Any] | None]] = []

    def process(self, count: int | None = None) -> None:
        """Make the oldest mutations visible, or all of them."""
        taken = self.mutations[:count]
        del self.mutations[:count]
        for mutation in taken:
            for id_, vector in mutation.items():
                self.vectors.pop(id_, None)
                if vector is not None:
                    self.vectors[id_] = vector

    def _mutate(self, mutation: dict[str, dict[str, Any] | None]) -> None:
        self.mutations.append(mutation)
        if not self.lags:
            self.process()

    async def upsert(self, vectors: list[dict[str, Any]]) -> None:
        await asyncio.sleep(0)
        self.fuse.before_call()
        assert all(len(vector["id"].encode()) <= 64 for vector in vectors)
        assert all(1 <= len(vector["namespace"].encode()) <= 64 for vector in vectors)
        self._mutate({vector["id"]: vector for vector in vectors})
        self.fuse.after_call()

    async def query(self, vector: list[float], options: Mapping[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.fuse.before_call()
        wanted = options.get("filter", {})
        found = [
            {"id": item["id"], "score": _similarity(vector, item["values"])}
            for item in self.vectors.values()
            if all(item["metadata"].get(key) in rule["$in"] for key, rule in wanted.items())
            and item["namespace"] == options["namespace"]
        ]
        found.sort(key=lambda match: -match["score"])
        return {"matches": found[: options["topK"]]}

    async def getByIds(self, ids: list[str]) -> list[dict[str, Any]]:
        await asyncio.sleep(0)
        self.fuse.before_call()
        assert len(ids) <= 20
        return [self.vectors[id_] for id_ in ids if id_ in self.vectors]

    async def deleteByIds(self, ids: list[str]) -> None:
        await asyncio.sleep(0)
        self.fuse.before_call()
        assert len(ids) <= 100
        self._mutate(dict.fromkeys(ids))
        self.fuse.after_call()


@dataclass(frozen=True)
class FakeBlob:
    """A file as JavaScript has it."""

    content: bytes
    media_type: str


class FakeAI:
    """Embeds and reranks by the words of a text; says each of ``replies`` once, then ``reply`` to
    every prompt."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.reply = "It says so [1]."
        self.replies: list[str] = []
        self.finish_reason = "stop"
        self.frames: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.gateways: set[str | None] = set()
        self.failing: set[str] = set()
        self.streams: list[FakeStream] = []
        self.converted: list[tuple[str, str]] = []
        self.conversion_error = ""

    async def run(self, model: str, inputs: dict[str, Any], options: dict[str, Any]) -> Any:
        await asyncio.sleep(0)
        self.fuse.before_call()
        self.calls.append((model, inputs))
        self.gateways.add(options.get("gateway", {}).get("id"))
        if model in self.failing:
            raise ServiceError("3040: Capacity temporarily exceeded")
        if "text" in inputs:
            assert len(inputs["text"]) <= 100
            assert inputs["pooling"] == "cls"
            return {"data": [_embed(text) for text in inputs["text"]]}
        if "contexts" in inputs:
            texts = [context["text"] for context in inputs["contexts"]]
            scores = [{"id": i, "score": _overlap(inputs["query"], t)} for i, t in enumerate(texts)]
            return {"response": sorted(scores, key=lambda item: -item["score"])}
        assert inputs["stream"]
        reply = self.replies.pop(0) if self.replies else self.reply
        frames = self.frames or _frames(reply, self.finish_reason)
        self.streams.append(FakeStream(_cut(frames)))
        return self.streams[-1]

    async def toMarkdown(self, file: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
        """Whatever it is, it is called what its name says, and says what is in it."""
        await asyncio.sleep(0)
        self.fuse.before_call()
        assert set(file) == {"name", "blob"} and isinstance(file["blob"], FakeBlob)
        assert set(options) <= {"conversionOptions", "gateway"}
        self.gateways.add(options.get("gateway", {}).get("id"))
        self.converted.append((file["name"], file["blob"].media_type))
        if self.conversion_error:
            return {"name": file["name"], "format": "error", "error": self.conversion_error}
        text = file["blob"].content.decode(errors="replace")
        return {"name": file["name"], "format": "markdown", "data": f"# {file['name']}\n{text}\n"}

    def chats(self) -> list[dict[str, Any]]:
        """The inputs of the calls to a chat model."""
        return [inputs for _, inputs in self.calls if "messages" in inputs]


class FakeStream:
    """A JavaScript stream that is its own reader, and its own pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.cancelled = False

    def getReader(self) -> FakeStream:
        return self

    async def read(self) -> FakePiece:
        await asyncio.sleep(0)
        piece = next(self._pieces, None)
        return FakePiece(done=piece is None, data=piece or b"")

    async def cancel(self) -> None:
        self.cancelled = True


class World:
    """The application among its services."""

    def __init__(self, **variables: str) -> None:
        self.fuse = Fuse()
        self.database = FakeD1(self.fuse)
        self.vectorize = FakeVectorize(self.fuse)
        self.ai = FakeAI(self.fuse)
        self.limiter = FakeLimiter()
        self.variables = VARIABLES | variables

    @property
    def env(self) -> Any:
        """The fakes, which have no more of each service than the application uses."""
        return SimpleNamespace(
            AI=self.ai,
            DB=self.database,
            VECTORIZE=self.vectorize,
            RATE_LIMITER=self.limiter,
        )

    def resources(self) -> Resources:
        settings = Settings(self.variables.get)
        access = Access(admit, self.variables.get)
        return Resources(self.env, settings, FakeBlob, access)

    @property
    def store(self) -> Store:
        return Store(self.env.DB, self.env.VECTORIZE, "")

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request; a ``body`` that is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        all_headers = {HEADER.lower(): TOKEN, "content-type": "application/json"}
        request = Request(
            method=method,
            path=path,
            parameters=parameters or {},
            headers=all_headers | dict(headers or {}),
            body=None if body is None else pieces(data),
        )
        return await RagApp(self.resources, self.variables.get, ServiceError).handle(request)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Send a request; return the status and the parsed reply."""
        reply = asyncio.run(self.send(method, path, body, **options))
        return reply.status, json.loads(reply.body) if reply.body else None

    def ingest(self, *documents: Mapping[str, Any]) -> list[str]:
        """Ingest documents; return what became of each."""
        statuses = []
        # No more than a request indexes itself.
        for start in range(0, len(documents), 10):
            body = {"documents": documents[start : start + 10]}
            status, reply = self.call("POST", "/documents", body)
            assert status == 200, reply
            statuses += [document["status"] for document in reply["documents"]]
        return statuses

    def search(self, query: str) -> list[str]:
        """The titles of the documents that a search finds, each once."""
        status, reply = self.call("GET", "/search", parameters={"q": query, "top_k": "10"})
        assert status == 200, reply
        return sorted({source["title"] for source in reply["sources"]})

    def run_cron(self) -> None:
        """What the cron does."""
        asyncio.run(self.resources().tidy())

    def stream(self, query: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Ask with ``stream``; return the events."""

        async def collect() -> bytes:
            reply = await self.send("POST", "/query", {**query, "stream": True})
            assert isinstance(reply, StreamReply), reply.body
            return b"".join([piece async for piece in reply.stream])

        events = asyncio.run(collect()).decode().removesuffix("\n\n").split("\n\n")
        pairs = [re.fullmatch(r"event: (.*)\ndata: (.*)", event) for event in events]
        return [(pair[1], json.loads(pair[2])) for pair in pairs if pair]


def _frames(reply: str, finish_reason: str) -> list[dict[str, Any]]:
    """The events of a chat model's stream."""
    choices: list[dict[str, Any]] = [
        {"delta": {"content": word}} for word in re.findall(r"\s*\S+", reply)
    ]
    last = {"delta": {}, "finish_reason": finish_reason}
    return [{"choices": [choice]} for choice in [*choices, last]]


def _cut(frames: list[dict[str, Any]]) -> Iterator[bytes]:
    """A stream, cut where no reader would expect it."""
    lines = [*map(json.dumps, frames), "[DONE]"]
    text = "".join(f"data: {line}\n\n" for line in lines).encode()
    return (text[start : start + 7] for start in range(0, len(text), 7))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _embed(text: str) -> list[float]:
    vector = [0.0] * _DIMENSIONS
    for word in _words(text):
        vector[zlib.crc32(word.encode()) % _DIMENSIONS] += 1.0
    length = math.hypot(*vector) or 1.0
    return [value / length for value in vector]


def _similarity(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _overlap(query: str, text: str) -> float:
    asked = set(_words(query))
    return len(asked & set(_words(text))) / (len(asked) or 1)
