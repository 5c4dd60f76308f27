"""What the stand-in for Workers AI makes of anything that an OpenAI-compatible endpoint answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from canned_endpoint import (
    ANSWER,
    ASK,
    BASE,
    BGE,
    BUSY,
    GEMMA,
    HTML,
    INTERNAL,
    LLAMA,
    NO_MODEL,
    RERANKER,
    THOUGHT,
    TIMEOUT,
    TWO,
    Wrong,
    as_json,
    assert_wrong,
    case,
    embeddings,
    events_of,
    run_all,
    said,
    text_of,
)

RIGHT_VECTORS: dict[str, tuple[dict[str, Any], list[list[float]]]] = {
    "in order": (embeddings([1, 0], [0, 1]), [[1, 0], [0, 1]]),
    "in another order": (embeddings([1, 0], [0, 1], order=[1, 0]), [[1, 0], [0, 1]]),
    "without indexes": (as_json({"data": [{"embedding": [1]}, {"embedding": [2]}]}), [[1], [2]]),
    "with a byte order mark": (
        {"body": "\ufeff" + json.dumps({"data": [{"embedding": [1]}, {"embedding": [2]}]})},
        [[1], [2]],
    ),
}
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


def test_a_failure_of_the_local_model_has_its_name() -> None:
    local = {"CFPY_EMBEDDINGS_URL": "http://127.0.0.1:9/v1", "CFPY_EMBEDDINGS_KEY": "k"}
    broken = as_json({"error": {"message": "onnxruntime is not installed"}}, 500)
    env = {"AI_BASE_URL": "", "AI_EMBED_MODEL": "", **local}
    [outcome] = run_all([case(BGE, TWO, broken, **env)])
    assert outcome["error"]["note"] == (
        "the local embedding model (all-MiniLM-L6-v2) answered 500: onnxruntime is not installed"
    )
