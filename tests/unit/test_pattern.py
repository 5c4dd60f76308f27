from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.domain.pattern import (
    Layer,
    Pattern,
    merge_configs,
    parse_manifest,
    parse_questions,
)
from cfpy.errors import PatternError

PATH = Path("pattern.toml")
MINIMAL = {"title": "T", "summary": "S", "version": "1.0.0"}


def test_a_manifest_is_read_whole() -> None:
    manifest = parse_manifest(
        MINIMAL
        | {
            "services": ["D1"],
            "resources": [{"kind": "d1", "binding": "DB", "purpose": "rows"}],
            "secrets": [{"name": "API_TOKEN", "purpose": "auth"}],
            "next_steps": ["cfpy dev"],
        },
        PATH,
    )
    assert manifest.resources[0].binding == "DB"
    assert manifest.secrets[0].name == "API_TOKEN"
    assert manifest.next_steps == ("cfpy dev",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": ""}, "'title' is missing"),
        ({"version": 1}, "'version' is missing"),
        ({"servces": []}, "unknown key 'servces'"),
        ({"services": "D1"}, "not a list of texts"),
        ({"resources": [{"kind": "d1"}]}, "lacks the text 'binding'"),
        (
            {"resources": [{"kind": "d1", "binding": "DB", "purpose": "p", "x": 1}]},
            "unknown key 'x'",
        ),
        ({"secrets": {"name": "x"}}, "not a list of tables"),
    ],
)
def test_a_broken_manifest_is_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(PatternError) as caught:
        parse_manifest(MINIMAL | change, PATH)
    assert words in caught.value.message
    assert "pattern.toml" in caught.value.message


def test_a_misspelt_key_gets_the_nearest_known_one() -> None:
    with pytest.raises(PatternError) as caught:
        parse_manifest(MINIMAL | {"next_step": []}, PATH)
    assert caught.value.hint == "Did you mean 'next_steps'?"


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
    manifest = parse_manifest(MINIMAL, PATH)
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


@pytest.mark.parametrize(("key", "value"), [("extends", 1), ("abstract", "yes"), ("removes", "x")])
def test_keys_of_layers_have_types(key: str, value: object) -> None:
    with pytest.raises(PatternError, match=key):
        parse_manifest(MINIMAL | {key: value}, PATH)
