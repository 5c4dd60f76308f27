"""A default gives way to what is typed."""

from __future__ import annotations

from typing import Any

import pytest
from copier import _main

from cfpy.patterns import copier_worker, prompts


def question(kind: str, default: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": "q", "message": "Q", "default": default, **more}


@pytest.mark.parametrize("kind", ["input", "path", "password"])
def test_a_default_is_the_answer_when_nothing_is_typed(kind: str) -> None:
    asked = prompts.replaceable(
        question(kind, "3", filter=int, validate=lambda answer: int(answer) < 9 or "too much")
    )
    assert "default" not in asked
    assert (asked["filter"](""), asked["filter"]("5")) == (3, 5)
    assert (asked["validate"](""), asked["validate"]("12")) == (True, "too much")


def test_without_a_filter_the_default_is_the_answer_too() -> None:
    asked = prompts.replaceable(question("input", "red"))
    assert (asked["filter"](""), asked["filter"]("blue")) == ("red", "blue")


def test_a_secret_default_is_not_shown() -> None:
    shown = prompts.replaceable(question("password", "hush"))["placeholder"]
    assert [text for _, text in shown] == ["********"]


@pytest.mark.parametrize(
    "asked",
    [
        question("confirm", True),
        question("select", "red", choices=["red", "green"]),
        question("input", "a: 1\nb: 2\n", multiline=True),
        question("input", ""),
        {"type": "input", "name": "q", "message": "Q"},
    ],
)
def test_other_questions_stay_as_they_are(asked: dict[str, Any]) -> None:
    assert prompts.replaceable(asked) == asked


@pytest.mark.parametrize("kind", ["input", "path", "password"])
def test_an_empty_answer_is_a_space_where_it_is_valid(kind: str) -> None:
    asked = prompts.replaceable(question(kind, "red", filter=str, validate=lambda _: True))
    assert [asked["filter"](typed) for typed in ("", " ", "   ", " a ")] == ["red", "", "", " a "]
    assert asked["message"] == "Q (a space for an empty answer)"


@pytest.mark.parametrize(
    "more",
    [
        {"filter": int},
        {"validate": lambda answer: bool(answer) or "it needs one"},
        {"filter": lambda answer: answer or None},
    ],
)
def test_where_it_is_not_valid_nothing_is_said_about_it(more: dict[str, Any]) -> None:
    assert prompts.replaceable(question("input", "3", **more))["message"] == "Q"


def test_the_end_of_the_input_cancels(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object, **__: object) -> None:
        raise EOFError

    monkeypatch.setattr("questionary.unsafe_prompt", ended)
    with pytest.raises(KeyboardInterrupt):
        prompts.ask([])


def test_copier_asks_by_it() -> None:
    assert issubclass(copier_worker.Rendering, _main.Worker)
    assert "unsafe_prompt" in _main.Worker._ask.__code__.co_names
    assert vars(_main)["unsafe_prompt"] is prompts.ask
