from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.errors import PatternError
from cfpy.patterns.manifest import parse_manifest
from cfpy.patterns.pattern import (
    Layer,
    Pattern,
    merge_configs,
    parse_questions,
)

MINIMAL = {"title": "T", "summary": "S", "version": "1.0.0"}


def test_questions_leave_settings_out_and_read_every_form_of_choice() -> None:
    questions = parse_questions(
        {
            "_subdirectory": "template",
            "short": "value",
            "flag": {"type": "bool", "default": True, "help": "H"},
            "list": {"type": "str", "choices": ["a", ["Label", "b"], {"value": "c"}]},
            "map": {"type": "int", "choices": {"One": 1, "Two": {"value": 2}}},
            "hidden": {"type": "str", "secret": True, "default": ""},
        }
    )
    by_name = {question.name: question for question in questions}
    assert list(by_name) == ["short", "flag", "list", "map", "hidden"]
    assert by_name["short"].type == "str"
    assert by_name["short"].default == "value"
    assert by_name["list"].choices == ("a", "b", "c")
    assert by_name["map"].choices == (1, 2)
    assert by_name["hidden"].secret
    assert by_name["flag"].default is True


def test_an_unknown_question_is_refused_with_the_nearest() -> None:
    manifest = parse_manifest(MINIMAL, Path("pattern.toml"))
    pattern = Pattern((Layer("rag", Path(), manifest, {"chat_model": "x"}),))
    with pytest.raises(PatternError) as caught:
        pattern.question("chat_modle")
    assert caught.value.hint == "Did you mean 'chat_model'?"
    assert caught.value.exit_code == 3


def test_a_question_asked_again_keeps_its_place_and_what_is_not_said_anew() -> None:
    below = {"name": {"type": "str", "help": "a"}, "ci": {"default": True}, "_exclude": ["x"]}
    above = {"name": {"help": "b"}, "model": {"default": "m"}, "_exclude": ["x", "y"]}
    merged = merge_configs([below, above])
    assert list(merged) == ["name", "ci", "_exclude", "model"]
    assert merged["name"] == {"type": "str", "help": "b"}
    assert merged["_exclude"] == ["x", "y"]
