"""What the stand-in for Workers AI makes of anything that an OpenAI-compatible endpoint answers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

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


TWO = {"text": ["a", "b"]}
ASK = {"prompt": "How long?"}
HTML = {"headers": {"content-type": "text/html"}, "body": "<html>Sign\nin</html>"}
THOUGHT = "The user asks [2]. Passage [3] says nope."

RIGHT_VECTORS: dict[str, tuple[dict[str, Any], list[list[float]]]] = {
    "in order": (embeddings([1, 0], [0, 1]), [[1, 0], [0, 1]]),
    "in another order": (embeddings([1, 0], [0, 1], order=[1, 0]), [[1, 0], [0, 1]]),
    "without indexes": (as_json({"data": [{"embedding": [1]}, {"embedding": [2]}]}), [[1], [2]]),
    "with a byte order mark": (
        {"body": "\ufeff" + json.dumps({"data": [{"embedding": [1]}, {"embedding": [2]}]})},
        [[1], [2]],
    ),
}

ANSWER = "It takes 30 days [1]."
RIGHT_ANSWERS: dict[str, dict[str, Any]] = {
    "plain": said(ANSWER),
    "in parts": said([{"type": "text", "text": "It takes "}, {"type": "text", "text": ANSWER[9:]}]),
    "parts with reasoning": said(
        [{"type": "thinking", "text": THOUGHT}, {"type": "text", "text": ANSWER}]
    ),
    "thoughts": said(f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"),
    "thoughts twice": said(f"<think>{THOUGHT}</think><thinking>{THOUGHT}</thinking>{ANSWER}"),
    "thoughts without their first mark": said(f"{THOUGHT}\n</think>\n\n{ANSWER}"),
    "thoughts of Mistral": said(f"[THINK]{THOUGHT}[/THINK]{ANSWER}"),
    "thoughts of gpt-oss": said(
        f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant"
        f"<|channel|>final<|message|>{ANSWER}<|return|>"
    ),
    "reasoning apart": said(ANSWER, reasoning_content=THOUGHT, reasoning=THOUGHT),
    "white space around": said(f"\n\n{ANSWER}\n"),
}

# The reply, the code and words of Workers AI, and words of the note.
Wrong = tuple[dict[str, Any], str, str]
INTERNAL = "3043: Internal server error"
NO_MODEL = "5007: No such model own-{} or task"
TIMEOUT = "3007: Request timeout"
BUSY = "3040: Capacity temporarily exceeded, please try again."

WRONG_FOR_BOTH: dict[str, Wrong] = {
    "HTML": (HTML, INTERNAL, "text/html, which is not JSON: <html>Sign in</html>"),
    "nothing": ({"body": ""}, INTERNAL, "not JSON: nothing"),
    "NaN": ({"body": '{"data": [NaN], "choices": [NaN]}'}, INTERNAL, "not JSON"),
    "cut JSON": ({"body": '{"data": ['}, INTERNAL, "not JSON"),
    "null": (as_json(None), INTERNAL, "answered with no"),
    "a list": (as_json([]), INTERNAL, "answered with no"),
    "an error in 200": (
        as_json({"error": {"message": "Provider returned error", "code": 502}}),
        INTERNAL,
        "answered 200: Provider returned error",
    ),
    "no model, in 200": (
        as_json({"error": {"message": 'model "x" not found, try pulling it first'}}),
        NO_MODEL,
        "try pulling it first",
    ),
    "no model": (
        as_json({"error": {"message": "model 'x' not found"}}, 404),
        NO_MODEL,
        "answered 404: model 'x' not found",
    ),
    "no model, in 400": (
        as_json({"error": "The model `x` does not exist"}, 400),
        NO_MODEL,
        "answered 400: The model `x` does not exist",
    ),
    "no such path": ({"status": 404, "body": "404 page not found"}, NO_MODEL, "end in /v1"),
    "a wrong key": (
        as_json({"error": "who are you?"}, 401),
        "3023: Service unavailable for account",
        "answered 401: who are you?",
    ),
    "too large": (as_json({}, 413), "3006: Request is too large", "answered 413"),
    "too often": (
        as_json({"error": {"message": "slow down"}}, 429, **{"retry-after": "7"}),
        BUSY,
        "answered 429: slow down",
    ),
    "broken": (as_json({"detail": "out of memory"}, 500), INTERNAL, "answered 500: out of memory"),
    "a gateway's time-out": (HTML | {"status": 504}, TIMEOUT, "answered 504: <html>"),
    "a redirect": (
        {"status": 307, "headers": {"location": "https://elsewhere.example/"}, "body": ""},
        INTERNAL,
        "answered 307: go to https://elsewhere.example/",
    ),
    "a very long error": ({"status": 500, "body": "x\x1b[31m" * 9999}, INTERNAL, "x [31mx [31m"),
    "silence": ({"hang": True}, TIMEOUT, "no whole answer within 0.05 s; CFPY_AI_TIMEOUT"),
    "nobody listens": ({"refuse": True}, INTERNAL, "can't be reached: connection refused"),
    "broken off": ({"cut": True}, INTERNAL, "broke off its answer: the connection was lost"),
}

# Where no stream was asked for.
EVENT_STREAM: Wrong = (
    {"headers": {"content-type": "text/event-stream"}, "body": "data: [DONE]\n\n"},
    INTERNAL,
    "text/event-stream, which is not JSON: data: [DONE]",
)

WRONG_VECTORS: dict[str, Wrong] = {
    "an event stream": EVENT_STREAM,
    "too few": (embeddings([1, 2]), INTERNAL, "1 embeddings for 2 texts"),
    "too many": (embeddings([1], [2], [3]), INTERNAL, "3 embeddings for 2 texts"),
    "none": (as_json({"object": "list"}), INTERNAL, "no list of embeddings"),
    "of one index": (
        as_json({"data": [{"index": 0, "embedding": [1]}] * 2}),
        INTERNAL,
        "no embedding of index 1",
    ),
    "of other indexes": (
        as_json({"data": [{"index": i, "embedding": [1]} for i in (1, 2)]}),
        INTERNAL,
        "no embedding of index 0",
    ),
    "null items": (as_json({"data": [None, None]}), INTERNAL, "no embedding of index 0"),
    "in base64": (embeddings("AACAPw==", "AACAPw=="), INTERNAL, "base64"),
    "of null": (embeddings([1, None], [1, 2]), INTERNAL, "finite numbers"),
    "of infinity": (
        {"body": '{"data": [{"embedding": [1e999]}, {"embedding": [1]}]}'},
        INTERNAL,
        "finite numbers",
    ),
    "of words": (embeddings(["a"], ["b"]), INTERNAL, "finite numbers"),
    "of zeros": (embeddings([0, 0], [1, 2]), INTERNAL, "all zeros"),
    "of nothing": (embeddings([], []), INTERNAL, "no numbers"),
    "of different lengths": (embeddings([1, 2], [1, 2, 3]), INTERNAL, "different lengths"),
    "too long": (embeddings([1] * 769, [1] * 769), "5006: ", "769 dimensions, more than the 768"),
}

WRONG_ANSWERS: dict[str, Wrong] = {
    "no choices": (as_json({"choices": []}), INTERNAL, "no choices"),
    "null choices": (as_json({"choices": None}), INTERNAL, "no choices"),
    "no message": (as_json({"choices": [{}]}), INTERNAL, "no text (finish_reason: none)"),
    "null": (said(None), INTERNAL, "no text (finish_reason: stop)"),
    "a number": (said(7), INTERNAL, "no text"),
    "empty": (said(""), INTERNAL, "no text"),
    "thoughts alone": (said(f"<think>{THOUGHT}</think>"), INTERNAL, "no text"),
    "thoughts without an end": (said(f"<think>{THOUGHT}", "length"), INTERNAL, "not think"),
    "reasoning alone": (said("", "length", reasoning_content=THOUGHT), INTERNAL, "not think"),
    "analysis alone": (said(f"<|channel|>analysis<|message|>{THOUGHT}"), INTERNAL, "no text"),
}


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


USAGE = {"prompt_tokens": 7, "completion_tokens": 8, "total_tokens": 15}
STOP = piece(finish="stop")
FINAL = "<|end|><|start|>assistant<|channel|>final<|message|>"
RIGHT_STREAMS: dict[str, dict[str, Any]] = {
    "pieces": sse(*pieces(ANSWER), STOP),
    "one piece": sse(piece(ANSWER, "stop")),
    "cut in single bytes": sse(*pieces(ANSWER), STOP, cuts=1),
    "cut in threes": sse(*pieces(ANSWER), STOP, cuts=3),
    "ends of Windows": sse(*pieces(ANSWER), STOP, line="\r\n", cuts=1),
    "ends of old Macs": sse(*pieces(ANSWER), STOP, line="\r", cuts=2),
    "comments and names": {
        "headers": {"content-type": "text/event-stream; charset=utf-8"},
        "body": ": OPENROUTER PROCESSING\n\nevent: message\nid: 1\nretry: 5\n"
        f"data:{json.dumps(piece(ANSWER))}\n\n: x\n\ndata: [DONE]\n\n",
    },
    "data on several lines": {
        "headers": {"content-type": "text/event-stream"},
        "body": '\ufeffdata: {"choices":\ndata: '
        + json.dumps(piece(ANSWER)["choices"])
        + "}\n\ndata:[DONE]",
    },
    "a role first": sse(piece("", role="assistant"), *pieces(ANSWER), STOP),
    "null": sse({"choices": [{"delta": {"content": None}}]}, *pieces(ANSWER), STOP),
    "usage last": sse(*pieces(ANSWER), STOP, {"choices": [], "usage": USAGE}),
    "usage in each": sse(
        *[{**one, "usage": None} for one in pieces(ANSWER)], STOP | {"usage": USAGE}
    ),
    "no choices in the first": sse({"choices": []}, {}, *pieces(ANSWER), STOP),
    "in parts": sse(piece([{"type": "text", "text": ANSWER}]), STOP),
    "thoughts": sse(*pieces(f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"), STOP),
    "thoughts a letter each": sse(*pieces(f" <think>{THOUGHT}</think>{ANSWER}", 1), STOP, cuts=1),
    "thoughts twice": sse(*pieces(f"<think>a</think>\n<thinking>b</thinking>\n{ANSWER}"), STOP),
    "thoughts of Mistral": sse(*pieces(f"[THINK]{THOUGHT}[/THINK]{ANSWER}"), STOP),
    "thoughts of gpt-oss": sse(
        *pieces(f"<|channel|>analysis<|message|>{THOUGHT}{FINAL}{ANSWER}<|return|>"), STOP
    ),
    "no thoughts": sse(*pieces(f"<think></think>{ANSWER}"), STOP),
    "reasoning apart": sse(
        *[piece(reasoning_content=word) for word in THOUGHT.split(" ")], *pieces(ANSWER), STOP
    ),
    "reasoning, by its other name": sse(piece("", reasoning=THOUGHT), *pieces(ANSWER), STOP),
    "white space around": sse(*pieces(f"\n\n{ANSWER}\n \n", 1), STOP),
}
LOST = "broke off its answer: "
# What fails before there is any text of an answer, and what fails in its middle.
WRONG_STREAMS: dict[str, Wrong] = {
    "nothing": (sse(), INTERNAL, "no text (finish_reason: none)"),
    "no text": (sse(piece(""), STOP), INTERNAL, "no text (finish_reason: stop)"),
    "white space": (sse(piece(" \n"), STOP), INTERNAL, "no text"),
    "thoughts alone": (
        sse(*pieces(f"<think>{THOUGHT}</think>"), piece(finish="length")),
        INTERNAL,
        "not think",
    ),
    "thoughts without an end": (
        sse(*pieces(f"<think>{THOUGHT}"), piece(finish="length")),
        INTERNAL,
        "not think",
    ),
    "an error first": (
        sse({"error": {"message": "overloaded", "code": 529}}, ends=False),
        INTERNAL,
        "answered 200: overloaded",
    ),
    "no model": (sse({"error": "model 'x' not found"}), NO_MODEL, "answered 200: model 'x' not"),
    "not JSON": (sse("Sign in"), INTERNAL, "an event that is not JSON: Sign in"),
    "an empty body": (sse(ends=False), INTERNAL, LOST),
    "silence": (sse(hang=True, ends=False), TIMEOUT, "no more of its answer within 0.05 s"),
}
BROKEN_STREAMS: dict[str, Wrong] = {
    "an error": (
        sse(*pieces(ANSWER), {"error": {"message": "out of memory"}}),
        INTERNAL,
        "answered 200: out of memory",
    ),
    "not JSON": (sse(*pieces(ANSWER), '{"choices": [{"del'), INTERNAL, "an event that is not JSON"),
    "no end": (sse(*pieces(ANSWER), ends=False), INTERNAL, f"{LOST}the stream has no [DONE]"),
    "lost": (
        sse(*pieces(ANSWER), ends=False, cut=True),
        INTERNAL,
        f"{LOST}the connection was lost",
    ),
    "silence": (
        sse(*pieces(ANSWER), ends=False, hang=True),
        TIMEOUT,
        "no more of its answer within 0.05 s; CFPY_AI_TIMEOUT",
    ),
    "thoughts without their first mark": (
        sse(*pieces(f"{THOUGHT}\n</think>\n\n{ANSWER}"), STOP),
        INTERNAL,
        "reasoning that does not begin with <think>",
    ),
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, Any]]:
    """What became of every case of the tables, in one process."""
    cases = {f"right {name}": case(BGE, TWO, reply) for name, (reply, _) in RIGHT_VECTORS.items()}
    for name, reply in RIGHT_ANSWERS.items():
        for model in (LLAMA, GEMMA):
            cases[f"{model} {name}"] = case(model, ASK, reply)
            cases[f"{model} {name} streamed"] = case(model, ASK | {"stream": True}, reply)
    for name, (reply, _, _) in (WRONG_FOR_BOTH | WRONG_VECTORS).items():
        cases[f"embed {name}"] = case(BGE, TWO, reply, AI_TIMEOUT="0.05")
    for name, (reply, _, _) in (WRONG_FOR_BOTH | WRONG_ANSWERS).items():
        for streamed in (False, True):
            inputs = ASK | {"stream": streamed}
            cases[f"chat {streamed} {name}"] = case(GEMMA, inputs, reply, AI_TIMEOUT="0.05")
    cases["chat False an event stream"] = case(GEMMA, ASK, EVENT_STREAM[0])
    streamed_ask = ASK | {"stream": True}
    for model in (LLAMA, GEMMA):
        for name, reply in RIGHT_STREAMS.items():
            cases[f"{model} stream {name}"] = case(model, streamed_ask, reply)
        for name, (reply, _, _) in WRONG_STREAMS.items():
            wrong = case(model, streamed_ask, reply, AI_TIMEOUT="0.05")
            cases[f"{model} wrong stream {name}"] = wrong
        for name, (reply, _, _) in BROKEN_STREAMS.items():
            broken = case(model, streamed_ask, reply, AI_TIMEOUT="0.05")
            cases[f"{model} broken stream {name}"] = broken
    return dict(zip(cases, run_all(list(cases.values())), strict=True))


@pytest.mark.parametrize("name", RIGHT_VECTORS)
def test_each_text_gets_its_own_vector(outcomes: dict[str, dict[str, Any]], name: str) -> None:
    outcome = outcomes[f"right {name}"]
    vectors = [vector + [0] * (768 - len(vector)) for vector in RIGHT_VECTORS[name][1]]
    assert outcome["result"] == {"shape": [2, 768], "data": vectors, "pooling": "mean"}
    [request] = outcome["requests"]
    assert request["url"] == f"{BASE}/embeddings"
    assert request["body"] == {"model": "own-embed", "input": ["a", "b"]}
    assert request["redirect"] == "manual"


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


@pytest.mark.parametrize("name", RIGHT_ANSWERS)
@pytest.mark.parametrize("model", [LLAMA, GEMMA])
def test_the_answer_is_what_the_model_says_and_not_what_it_thinks(
    outcomes: dict[str, dict[str, Any]], model: str, name: str
) -> None:
    outcome = outcomes[f"{model} {name}"]
    result = outcome["result"]
    text = result["response"] if model == LLAMA else result["choices"][0]["message"]["content"]
    assert text == ANSWER
    [request] = outcome["requests"]
    assert request["url"] == f"{BASE}/chat/completions"
    assert request["body"]["model"] == "own-chat"
    assert request["body"]["stream"] is False
    assert text_of(events_of(outcomes[f"{model} {name} streamed"])) == ANSWER


@pytest.mark.parametrize("name", RIGHT_STREAMS)
@pytest.mark.parametrize("model", [LLAMA, GEMMA])
def test_a_stream_is_passed_on_in_the_form_of_the_family(
    outcomes: dict[str, dict[str, Any]], model: str, name: str
) -> None:
    outcome = outcomes[f"{model} stream {name}"]
    events = events_of(outcome)
    assert text_of(events) == ANSWER
    assert events[-1]["response"] == ""
    usage = events[-1]["usage"]
    assert (usage == USAGE) is ("usage" in name)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    if model == LLAMA:
        assert all("response" in event for event in events)
    else:
        assert {event["object"] for event in events[:-1]} == {"chat.completion.chunk"}
        assert {event["model"] for event in events[:-1]} == {GEMMA}
        assert events[-2]["choices"][0]["finish_reason"] == "stop"
        reasoning = "".join(delta.get("reasoning_content", "") for delta in deltas_of(events))
        apart = {
            "reasoning apart": THOUGHT.replace(" ", ""),
            "reasoning, by its other name": THOUGHT,
        }
        assert reasoning == apart.get(name, "")
    [request] = outcome["requests"]
    assert request["body"]["stream"] is True
    assert request["body"]["stream_options"] == {"include_usage": True}


def test_a_stream_arrives_in_the_pieces_of_the_endpoint(
    outcomes: dict[str, dict[str, Any]],
) -> None:
    events = events_of(outcomes[f"{LLAMA} stream pieces"])
    assert len([event for event in events if event["response"]]) > 4


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


@pytest.mark.parametrize("name", WRONG_FOR_BOTH | WRONG_VECTORS)
def test_no_wrong_vector_is_taken(outcomes: dict[str, dict[str, Any]], name: str) -> None:
    wrong = (WRONG_FOR_BOTH | WRONG_VECTORS)[name]
    assert_wrong(outcomes[f"embed {name}"], wrong, "embeddings")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", WRONG_FOR_BOTH | WRONG_ANSWERS)
def test_no_wrong_answer_is_taken(
    outcomes: dict[str, dict[str, Any]], name: str, streamed: bool
) -> None:
    wrong = (WRONG_FOR_BOTH | WRONG_ANSWERS)[name]
    assert_wrong(outcomes[f"chat {streamed} {name}"], wrong, "chat/completions")


def test_a_stream_that_was_not_asked_for(outcomes: dict[str, dict[str, Any]]) -> None:
    assert_wrong(outcomes["chat False an event stream"], EVENT_STREAM, "chat/completions")


@pytest.mark.parametrize("name", WRONG_STREAMS)
@pytest.mark.parametrize("model", [LLAMA, GEMMA])
def test_a_stream_without_text_is_an_error_of_the_call(
    outcomes: dict[str, dict[str, Any]], model: str, name: str
) -> None:
    outcome = outcomes[f"{model} wrong stream {name}"]
    assert_wrong(outcome, WRONG_STREAMS[name], "chat/completions")


@pytest.mark.parametrize("name", BROKEN_STREAMS)
@pytest.mark.parametrize("model", [LLAMA, GEMMA])
def test_a_stream_that_breaks_off_never_looks_complete(
    outcomes: dict[str, dict[str, Any]], model: str, name: str
) -> None:
    outcome = outcomes[f"{model} broken stream {name}"]
    assert outcome["result"]
    assert "[DONE]" not in outcome["result"]
    assert_wrong(outcome, BROKEN_STREAMS[name], "chat/completions", "broken")


def test_many_texts_go_in_requests_that_an_endpoint_takes() -> None:
    texts = {"text": ["x" * (n + 1) for n in range(100)]}
    refused = as_json({"error": {"message": "batch size must not exceed 10"}}, 400)
    serves = {"embeddings": True}
    easy, hard = run_all([case(BGE, texts, serves), case(BGE, texts, refused, refused, serves)])
    for outcome in (easy, hard):
        assert [vector[:2] for vector in outcome["result"]["data"]] == [
            [n + 1, 1] for n in range(100)
        ]
    assert [len(r["body"]["input"]) for r in easy["requests"]] == [32, 32, 32, 4]
    assert [len(r["body"]["input"]) for r in hard["requests"]][:4] == [32, 16, 8, 8]


def test_what_is_refused_whatever_its_size_is_an_error() -> None:
    refused = as_json({"error": {"message": "no embeddings here"}}, 400)
    [outcome] = run_all([case(BGE, {"text": ["x"] * 100}, refused)])
    assert "no embeddings here" in outcome["error"]["note"]
    assert [len(r["body"]["input"]) for r in outcome["requests"]] == [32, 16, 8, 4, 2, 1]


def test_any_embedding_model_can_rerank() -> None:
    contexts = {"query": "q", "contexts": [{"text": "far"}, {"text": "near"}]}
    vectors = [[3.0] * 1024, [*[-3.0] * 1023, 3.0], [9.0] * 1024]
    [outcome] = run_all([case(RERANKER, contexts, embeddings(*vectors))])
    scores = outcome["result"]["response"]
    assert [item["id"] for item in scores] == [1, 0]
    assert all(0 <= item["score"] <= 1 for item in scores)
    assert scores[0]["score"] > 0.99


def test_an_answer_of_the_endpoint_is_not_cut_again() -> None:
    long = "Die Rückgabefrist beträgt dreißig Tage. " * 80 + "😀" * 6000
    cut = {"prompt": "😀" * 100, "max_tokens": 5}
    whole, own = run_all([case(LLAMA, ASK, said(long)), case(LLAMA, cut, AI_BASE_URL="")])
    assert whole["result"]["response"] == long
    assert whole["requests"][0]["body"]["max_tokens"] == 256
    assert own["result"]["response"] == "You said: 😀😀😀😀😀"
    own["result"]["response"].encode()


def test_the_key_is_sent_and_never_shown() -> None:
    refused = as_json({"error": "who are you?"}, 401)
    [outcome] = run_all([case(LLAMA, ASK, refused, CFPY_AI_API_KEY="own-key")])
    assert outcome["requests"][0]["headers"]["authorization"] == "Bearer own-key"
    assert "own-key" not in json.dumps(outcome["error"])


WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PLAIN_TOOL = {"name": "weather", "description": "The weather", "parameters": WEATHER}
TOOL = {"type": "function", "function": PLAIN_TOOL}
CALL = {
    "id": "call_9",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Bern"}'},
}
CALLED = said(None, "tool_calls", tool_calls=[CALL])
CALLED_IN_PIECES = sse(
    piece("", role="assistant"),
    piece(tool_calls=[{"index": 0, **CALL, "function": {"name": "weather", "arguments": ""}}]),
    piece(tool_calls=[{"index": 0, "function": {"arguments": '{"city": '}}]),
    piece(tool_calls=[{"index": 0, "function": {"arguments": '"Bern"}'}}]),
    piece(finish="tool_calls"),
)


def body_of(outcome: dict[str, Any]) -> Any:
    [request] = outcome["requests"]
    return request["body"]


def test_tool_calls_are_passed_on() -> None:
    """Llama models take and give their own form; the others OpenAI's."""
    inputs = {"messages": [{"role": "user", "content": "Bern?"}], "tools": [PLAIN_TOOL, TOOL]}
    more = {"tool_choice": "required", "parallel_tool_calls": False}
    llama, gemma, oss = run_all(
        [
            case(LLAMA, inputs | more, CALLED),
            case(GEMMA, inputs, CALLED),
            case(
                GPT_OSS, {"input": "Bern?", "tools": [{"type": "function", **PLAIN_TOOL}]}, CALLED
            ),
        ]
    )
    assert body_of(llama)["tools"] == [TOOL, TOOL]
    assert {name: body_of(llama)[name] for name in more} == more
    assert body_of(oss)["tools"] == [TOOL]
    assert llama["result"]["response"] is None
    assert llama["result"]["tool_calls"] == [{"name": "weather", "arguments": {"city": "Bern"}}]
    [choice] = gemma["result"]["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"] == {"role": "assistant", "content": None, "tool_calls": [CALL]}
    called = oss["result"]["output"][-1]
    assert (called["type"], called["call_id"], called["name"]) == (
        "function_call",
        "call_9",
        "weather",
    )
    assert called["arguments"] == CALL["function"]["arguments"]


@pytest.mark.parametrize("reply", [CALLED, CALLED_IN_PIECES], ids=["whole", "in pieces"])
def test_tool_calls_in_a_stream(reply: dict[str, Any]) -> None:
    inputs = ASK | {"stream": True, "tools": [TOOL]}
    llama, gemma = (
        events_of(one) for one in run_all([case(m, inputs, reply) for m in (LLAMA, GEMMA)])
    )
    calls = [call for event in llama for call in event.get("tool_calls", [])]
    assert calls == [{"name": "weather", "arguments": {"city": "Bern"}}]
    parts = [part for delta in deltas_of(gemma) for part in delta.get("tool_calls", [])]
    assert {part["index"] for part in parts} == {0}
    assert parts[0]["id"] == "call_9"
    said = "".join(part["function"].get("arguments", "") for part in parts)
    assert said == CALL["function"]["arguments"]
    assert gemma[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_the_results_of_tools_go_to_the_calls() -> None:
    """Llama models have no ids of calls; OpenAI's format wants them."""
    ask = {"role": "user", "content": "Bern and Basel?"}
    named = [{"name": "weather", "arguments": {"city": city}} for city in ("Bern", "Basel")]
    results = [{"role": "tool", "name": "weather", "content": text} for text in ("sun", "rain")]
    messages = [ask, {"role": "assistant", "content": None, "tool_calls": named}, *results]
    whole = [
        ask,
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_9", "content": "sun"},
    ]
    response_items = [
        ask,
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "call_9", **CALL["function"]},
        {"type": "function_call_output", "call_id": "call_9", "output": "sun"},
    ]
    llama, gemma, oss = run_all(
        [
            case(LLAMA, {"messages": messages}, said(ANSWER)),
            case(GEMMA, {"messages": whole}, said(ANSWER)),
            case(GPT_OSS, {"input": response_items}, said(ANSWER)),
        ]
    )
    _, asked, first, second = body_of(llama)["messages"]
    ids = [call["id"] for call in asked["tool_calls"]]
    assert [first["tool_call_id"], second["tool_call_id"]] == ids
    assert len(set(ids)) == 2
    assert asked["tool_calls"][1]["function"] == {
        "name": "weather",
        "arguments": '{"city":"Basel"}',
    }
    assert body_of(gemma)["messages"] == whole
    assert body_of(oss)["messages"] == whole


SCHEMA = {"type": "json_schema", "json_schema": WEATHER}
NAMED = {"type": "json_schema", "json_schema": {"name": "w", "schema": WEATHER, "strict": True}}


def test_json_mode() -> None:
    object_ = {"type": "json_object"}
    reply = said('{"city": "Bern"}')
    llama, named, gemma, plain, prose, cut, streamed = run_all(
        [
            case(LLAMA, ASK | {"response_format": SCHEMA}, reply),
            case(LLAMA, ASK | {"response_format": NAMED}, reply),
            case(GEMMA, ASK | {"response_format": object_}, reply),
            case(LLAMA, ASK | {"response_format": {"type": "text"}}, reply),
            case(LLAMA, ASK | {"response_format": object_}, said(ANSWER)),
            case(LLAMA, ASK | {"response_format": object_}, said('{"city": "Be', "length")),
            case(LLAMA, ASK | {"response_format": SCHEMA, "stream": True}, reply),
        ]
    )
    asked = body_of(llama)["response_format"]
    assert asked == {"type": "json_schema", "json_schema": {"name": "answer", "schema": WEATHER}}
    assert body_of(named)["response_format"] == NAMED
    assert llama["result"]["response"] == {"city": "Bern"}
    assert gemma["result"]["choices"][0]["message"]["content"] == '{"city": "Bern"}'
    assert body_of(gemma)["response_format"] == object_
    assert plain["result"]["response"] == '{"city": "Bern"}'
    for outcome in (prose, cut):
        assert outcome["error"]["message"].startswith("5024: JSON Mode couldn't be met")
    assert streamed["error"]["message"].startswith("5023: JSON Schema mode is not supported with")
    assert streamed["requests"] == []


def test_what_the_model_is_asked() -> None:
    """`prompt` as well as `messages`, whole or streamed, with the settings of both formats."""
    settings = {"temperature": 0.2, "top_p": 0.5, "seed": 7, "frequency_penalty": 1, "stop": ["x"]}
    messages = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "How long?"}]
    other = {"top_k": 5, "raw": True, "chat_template_kwargs": {"enable_thinking": False}}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    parts = [{"type": "text", "text": "What is this?"}, picture]
    cases: list[tuple[str, dict[str, Any]]] = [
        (LLAMA, ASK | settings | other | {"max_tokens": 9}),
        (GEMMA, {"messages": messages, "max_completion_tokens": 11, **settings}),
        (LLAMA, {"messages": messages, "max_tokens": None, "temperature": None}),
        (GEMMA, {"messages": [{"role": "user", "content": parts}]}),
        (GPT_OSS, {"input": "How long?", "instructions": "Answer.", "max_output_tokens": 12}),
    ]
    replies = said(ANSWER), sse(*pieces(ANSWER), STOP)
    runs = [
        case(model, inputs | {"stream": streamed}, replies[streamed])
        for model, inputs in cases
        for streamed in (False, True)
    ]
    whole, streamed = (run_all(runs)[i::2] for i in (0, 1))
    bodies = [body_of(outcome) for outcome in whole]
    for body, outcome in zip(bodies, streamed, strict=True):
        again = dict(body_of(outcome))
        assert again.pop("stream_options") == {"include_usage": True}
        assert again.pop("stream") is True
        assert again == {name: value for name, value in body.items() if name != "stream"}
    prompt, chat, plain, image, responses = bodies
    assert prompt["messages"] == [{"role": "user", "content": "How long?"}]
    assert chat["messages"] == responses["messages"] == messages
    assert image["messages"][0]["content"] == parts
    assert [body["max_tokens"] for body in bodies] == [9, 11, 256, 2048, 12]
    for body in (prompt, chat):
        assert {name: body[name] for name in settings} == settings
    assert not set(other) & set(prompt)
    assert "temperature" not in plain


REFUSALS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "max_tokens": (
        ["Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."],
        {"max_completion_tokens": 9, "temperature": 0.2},
    ),
    "two": (
        ["temperature must be 1 for this model", "Unsupported parameter: 'max_tokens'"],
        {"max_completion_tokens": 9},
    ),
    "the usage of a stream": (
        ["stream_options: Extra inputs are not permitted"],
        {"max_tokens": 9, "temperature": 0.2},
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_an_endpoint_does_not_take_is_left_out(name: str) -> None:
    refusals, left = REFUSALS[name]
    replies = [as_json({"error": {"message": text}}, 400) for text in refusals]
    inputs = ASK | {"stream": True, "max_tokens": 9, "temperature": 0.2}
    [outcome] = run_all([case(LLAMA, inputs, *replies, sse(*pieces(ANSWER), STOP))])
    assert text_of(events_of(outcome)) == ANSWER
    body = outcome["requests"][-1]["body"]
    settings = ("max_tokens", "max_completion_tokens", "temperature")
    assert {key: body[key] for key in settings if key in body} == left
    assert len(outcome["requests"]) == len(replies) + 1


def test_a_wait_that_the_endpoint_asks_for_is_named() -> None:
    slow = as_json({"error": {"message": "slow down"}}, 429, **{"retry-after": "7"})
    for inputs in (ASK, ASK | {"stream": True}):
        [outcome] = run_all([case(GEMMA, inputs, slow)])
        assert outcome["error"]["note"].endswith("answered 429: slow down (retry-after: 7)")


def test_reasoning_is_given_where_the_family_has_a_place_for_it() -> None:
    reply = said(ANSWER, reasoning_content=THOUGHT)
    counted = as_json(json.loads(reply["body"]) | {"usage": USAGE})
    gemma, llama, oss = run_all(
        [
            case(GEMMA, ASK, counted),
            case(LLAMA, ASK, counted),
            case(GPT_OSS, {"input": "x"}, counted),
        ]
    )
    assert gemma["result"]["choices"][0]["message"]["reasoning_content"] == THOUGHT
    assert llama["result"] == {"response": ANSWER, "tool_calls": [], "usage": USAGE}
    thought, message = oss["result"]["output"]
    assert thought["content"] == [{"type": "reasoning_text", "text": THOUGHT}]
    assert message["content"][0]["text"] == ANSWER
    assert oss["result"]["usage"] == {"input_tokens": 7, "output_tokens": 8, "total_tokens": 15}


def test_a_failure_of_the_local_model_has_its_name() -> None:
    local = {"CFPY_EMBEDDINGS_URL": "http://127.0.0.1:9/v1", "CFPY_EMBEDDINGS_KEY": "k"}
    broken = as_json({"error": {"message": "onnxruntime is not installed"}}, 500)
    env = {"AI_BASE_URL": "", "AI_EMBED_MODEL": "", **local}
    [outcome] = run_all([case(BGE, TWO, broken, **env)])
    assert outcome["error"]["note"] == (
        "the local embedding model (all-MiniLM-L6-v2) answered 500: onnxruntime is not installed"
    )
