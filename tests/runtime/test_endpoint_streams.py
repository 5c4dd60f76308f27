"""Streamed answers of an OpenAI-compatible endpoint, as the stand-in passes them on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from canned_endpoint import (
    ANSWER,
    GEMMA,
    INTERNAL,
    LLAMA,
    NO_MODEL,
    STOP,
    STREAMED,
    THOUGHT,
    TIMEOUT,
    USAGE,
    Wrong,
    assert_wrong,
    case,
    deltas_of,
    events_of,
    piece,
    pieces,
    run_all,
    sse,
    text_of,
)

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
    "thoughts of gpt-oss from their start": sse(
        *pieces(
            f"<|start|>assistant<|channel|>analysis<|message|>{THOUGHT}{FINAL}{ANSWER}<|return|>", 5
        ),
        STOP,
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
    "comments": (
        sse(hang="comments", ends=False),
        TIMEOUT,
        "no more of its answer within 0.05 s",
    ),
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
    "comments": (
        sse(*pieces(ANSWER), ends=False, hang="comments"),
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
    cases = {}
    for model in (LLAMA, GEMMA):
        for name, reply in RIGHT_STREAMS.items():
            cases[f"{model} stream {name}"] = case(model, STREAMED, reply)
        for name, (reply, _, _) in WRONG_STREAMS.items():
            wrong = case(model, STREAMED, reply, AI_TIMEOUT="0.05")
            cases[f"{model} wrong stream {name}"] = wrong
        for name, (reply, _, _) in BROKEN_STREAMS.items():
            broken = case(model, STREAMED, reply, AI_TIMEOUT="0.05")
            cases[f"{model} broken stream {name}"] = broken
    return dict(zip(cases, run_all(list(cases.values())), strict=True))


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
