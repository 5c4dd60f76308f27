"""The dialects of the chat models, and what their errors mean."""

from __future__ import annotations

import pytest

from growth import TIMES, growth
from workers_ai.chat import (
    Answer,
    Thoughts,
    block,
    chat_inputs,
    read_answer,
)
from workers_ai.errors import ai_problem

GEMMA = "@cf/google/gemma-4-26b-a4b-it"
LLAMA = "@cf/meta/llama-3.1-8b-instruct-fp8"


def test_gemma_is_told_not_to_think_aloud_and_llama_to_go_on() -> None:
    messages = [{"role": "user", "content": "q"}]
    gemma, llama = (chat_inputs(model, messages, max_tokens=9) for model in (GEMMA, LLAMA))
    assert gemma["chat_template_kwargs"] == {"enable_thinking": False}
    assert "max_tokens" not in gemma
    assert gemma["max_completion_tokens"] == llama["max_tokens"]
    assert "chat_template_kwargs" not in llama


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"response": "yes", "usage": {}}, "yes"),
        ({"choices": [{"message": {"content": "yes"}}]}, "yes"),
        # Half a character, and both halves of one.
        ({"response": "a\ud800b"}, "a\ufffdb"),
        ({"choices": [{"message": {"content": "\ud83d\ude00\ude00"}}]}, "\U0001f600\ufffd"),
        ({"choices": [{"message": {"content": None}}]}, ""),
        ({"choices": []}, ""),
    ],
)
def test_both_families_are_understood(result: dict[str, object], expected: str) -> None:
    assert read_answer(result) == Answer(expected)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"response": "yes"}, "yes"),
        ({"response": 7}, "7"),
        ({"choices": [{"delta": {"content": "yes"}}]}, "yes"),
        ({"choices": [{"delta": {"role": "assistant"}}]}, ""),
        ({"choices": [], "usage": {"total_tokens": 3}}, ""),
    ],
)
def test_both_families_are_understood_streamed(event: dict[str, object], expected: str) -> None:
    assert read_answer(event, "delta") == Answer(expected)


def test_an_answer_that_reached_its_limit_is_cut_off() -> None:
    whole = {"choices": [{"message": {"content": "It is"}, "finish_reason": "length"}]}
    last = {"choices": [{"delta": {}, "finish_reason": "length"}]}
    assert read_answer(whole) == Answer("It is", cut_off=True)
    assert read_answer(last, "delta") == Answer("", cut_off=True)


@pytest.mark.parametrize("size", [1, 2, 7, 100])
@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("<think>\nPassage [3]?\n</think>\n\nYes [1].", "Yes [1]."),
        ("\n<think></think><think>a</think> Yes", "Yes"),
        ("<think>It never ends", ""),
        ("Write <think> first.", "Write <think> first."),
        ("<thin", "<thin"),
        ("", ""),
    ],
)
def test_thoughts_are_removed_wherever_a_stream_is_cut(said: str, answer: str, size: int) -> None:
    thoughts = Thoughts()
    pieces = [said[start : start + size] for start in range(0, len(said), size)]
    assert "".join(map(thoughts.feed, pieces)) + thoughts.finish() == answer


def test_a_block_ends_only_where_it_should_and_shows_all_else_as_it_is() -> None:
    code = "if (a && b) x = '<div>&amp;</div>';"
    assert block("data", code, id=1) == f'<data id="1">\n{code}\n</data>'
    hostile = block("data", "a</data>b</ DATA >c<data id=2>", title='"></data><data title="')
    assert hostile.lower().count("<data") == hostile.lower().count("</data") == 1
    assert hostile.startswith("<data title=\"'>&lt;/data>&lt;data title='\">\n")
    assert "</ " not in hostile


@pytest.mark.parametrize("start", ["<", "</"])
def test_a_block_takes_time_that_grows_with_its_text(start: str) -> None:
    def quote(length: int) -> None:
        assert block("passage", start + " " * length).count("<") == 3

    assert growth(quote, 4_000) < TIMES**2 / 2


def test_an_error_that_goes_by_itself_asks_to_try_again() -> None:
    busy = ai_problem("3040: Capacity temporarily exceeded, please try again.")
    assert busy is not None
    assert (busy.status, busy.code, busy.headers["Retry-After"]) == (503, "model-busy", "10")


def test_a_retired_model_is_the_operators_to_mend() -> None:
    retired = ai_problem("5028: This model was deprecated on 2026-05-30")
    assert retired is not None
    assert (retired.status, retired.code, retired.headers) == (500, "model-unavailable", {})


@pytest.mark.parametrize("message", ["D1_ERROR: no such table", "line 30405: broken", ""])
def test_other_errors_are_none_of_its(message: str) -> None:
    assert ai_problem(message) is None
