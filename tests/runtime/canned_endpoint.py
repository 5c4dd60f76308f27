"""Canned answers of an OpenAI-compatible endpoint, and what becomes of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from cfpy.local.local_runtime import RUNTIME_FILES
from cfpy.tools.process import SubprocessRunner
from cfpy.tools.toolchain import Toolchain

BASE = "http://endpoint.example/v1"
ENV = {"AI_BASE_URL": f"{BASE}/", "AI_CHAT_MODEL": "own-chat", "AI_EMBED_MODEL": "own-embed"}
BGE = "@cf/baai/bge-base-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
LLAMA = "@cf/meta/llama-3.1-8b-instruct-fp8"
GEMMA = "@cf/google/gemma-4-26b-a4b-it"
GPT_OSS = "@cf/openai/gpt-oss-120b"


def run_all(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    node = Toolchain(SubprocessRunner(), print).node.binary
    script = Path(__file__).parent / "endpoint.mjs"
    argv = [str(node), "--no-warnings", str(script), str(RUNTIME_FILES / "local_services")]
    done = subprocess.run(argv, input=json.dumps(cases), capture_output=True, text=True, check=True)
    outcomes: list[dict[str, Any]] = json.loads(done.stdout)
    return outcomes


def case(model: str, inputs: dict[str, Any], *replies: Any, **env: str) -> dict[str, Any]:
    return {"env": ENV | env, "model": model, "inputs": inputs, "replies": list(replies)}


def as_json(document: Any, status: int = 200, **headers: str) -> dict[str, Any]:
    return {"status": status, "headers": headers, "body": json.dumps(document)}


def embeddings(*vectors: Any, order: list[int] | None = None) -> dict[str, Any]:
    data = [{"index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    return as_json({"data": [data[i] for i in order or range(len(data))]})


def said(content: Any, finish: str = "stop", **message: Any) -> dict[str, Any]:
    choice = {"message": {"content": content, **message}, "finish_reason": finish}
    return as_json({"choices": [choice], "error": None})


def sse(*datas: Any, ends: bool = True, line: str = "\n", **reply: Any) -> dict[str, Any]:
    """A reply with these events; those that are no strings as JSON."""
    texts = [data if isinstance(data, str) else json.dumps(data) for data in datas]
    lines = [f"data: {text}{line}{line}" for text in (*texts, *(["[DONE]"] if ends else []))]
    return {"headers": {"content-type": "text/event-stream"}, "body": "".join(lines), **reply}


def piece(content: Any = None, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    said = {} if content is None else {"content": content}
    return {"choices": [{"index": 0, "delta": {**said, **delta}, "finish_reason": finish}]}


def pieces(text: str, size: int = 3) -> list[dict[str, Any]]:
    return [piece(text[i : i + size]) for i in range(0, len(text), size)]


def events_of(outcome: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a stream that came to its end."""
    assert "broken" not in outcome, outcome
    frames = outcome["result"].removesuffix("\n\n").split("\n\n")
    assert frames.pop() == "data: [DONE]"
    return [json.loads(frame.removeprefix("data: ")) for frame in frames]


def deltas_of(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["choices"][0]["delta"] for event in events if "choices" in event]


def text_of(events: list[dict[str, Any]]) -> str:
    """The text of a streamed answer, of either family."""
    return "".join(
        event["choices"][0]["delta"].get("content", "") if "choices" in event else event["response"]
        for event in events
    )


def body_of(outcome: dict[str, Any]) -> Any:
    [request] = outcome["requests"]
    return request["body"]


TWO = {"text": ["a", "b"]}
ASK = {"prompt": "How long?"}
STREAMED = ASK | {"stream": True}
HTML = {"headers": {"content-type": "text/html"}, "body": "<html>Sign\nin</html>"}
THOUGHT = "The user asks [2]. Passage [3] says nope."
ANSWER = "It takes 30 days [1]."
USAGE = {"prompt_tokens": 7, "completion_tokens": 8, "total_tokens": 15}
STOP = piece(finish="stop")

# The reply, the code and words of Workers AI, and words of the note.
Wrong = tuple[dict[str, Any], str, str]
INTERNAL = "3043: Internal server error"
NO_MODEL = "5007: No such model own-{} or task"
TIMEOUT = "3007: Request timeout"
BUSY = "3040: Capacity temporarily exceeded, please try again."


def assert_wrong(outcome: dict[str, Any], wrong: Wrong, path: str, where: str = "error") -> None:
    _, start, words = wrong
    error = outcome[where]
    kind = "embed" if path == "embeddings" else "chat"
    assert error["name"] == "AiError"
    assert error["message"].startswith(start.format(kind))
    assert error["message"].endswith(f"({error['note']})")
    assert words in error["note"]
    assert "\n" not in error["note"]
    assert len(error["note"]) < 400
    if "dimensions" not in words:
        assert error["note"].startswith(f"{BASE}/{path} ")
