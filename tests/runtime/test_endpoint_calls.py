"""What an OpenAI-compatible endpoint is asked; tools, JSON mode and reasoning in its answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from canned_endpoint import (
    ANSWER,
    ASK,
    GEMMA,
    GPT_OSS,
    LLAMA,
    STOP,
    STREAMED,
    THOUGHT,
    USAGE,
    as_json,
    body_of,
    case,
    deltas_of,
    events_of,
    piece,
    pieces,
    run_all,
    said,
    sse,
    text_of,
)

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


ODD_CALLS: dict[str, list[Any]] = {
    "null": [None],
    "no function": [{"id": "x", "name": "weather", "arguments": "{}"}],
    "a string": ["weather"],
}


@pytest.mark.parametrize("name", ODD_CALLS)
@pytest.mark.parametrize("model", [LLAMA, GEMMA])
def test_tool_calls_that_are_none_are_an_error(model: str, name: str) -> None:
    calls = ODD_CALLS[name]
    whole = said(None, tool_calls=calls)
    stream = sse(piece(tool_calls=calls), piece(finish="tool_calls"))
    asked = ASK | {"tools": [TOOL]}
    for outcome in run_all([case(model, asked, whole), case(model, asked | STREAMED, stream)]):
        assert outcome["error"]["name"] == "AiError"
        assert outcome["error"]["note"].endswith("answered with a tool call without a function")


def test_arguments_as_an_object() -> None:
    function = {"name": "weather", "arguments": {"city": "Bern"}}
    reply = said("", tool_calls=[{**CALL, "function": function}])
    llama, gemma = run_all(
        [case(model, ASK | {"tools": [TOOL]}, reply) for model in (LLAMA, GEMMA)]
    )
    assert llama["result"]["tool_calls"] == [function]
    [call] = gemma["result"]["choices"][0]["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "Bern"}


def test_inputs_of_the_wrong_type_are_refused() -> None:
    wrong: list[dict[str, Any]] = [
        {"tools": "weather"},
        {"tools": TOOL},
        {"response_format": "json"},
        {"response_format": {"type": "xml"}},
    ]
    for outcome in run_all([case(LLAMA, ASK | inputs, said(ANSWER)) for inputs in wrong]):
        assert outcome["error"]["message"].startswith("5006: Error: ")
        assert outcome["requests"] == []


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
        (
            LLAMA,
            {
                "messages": [{**message, "id": 1, "name": None} for message in messages],
                "max_tokens": None,
                "temperature": None,
            },
        ),
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
    assert chat["messages"] == plain["messages"] == responses["messages"] == messages
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
