"""copier is imported without the libraries that ask, which still ask when they are needed."""

from __future__ import annotations

import subprocess
import sys

import pytest
import questionary
from prompt_toolkit.lexers import PygmentsLexer

from cfpy.patterns.late_prompts import STAND_INS, Choice
from cfpy.patterns.prompts import replaceable

_ASKING = ("questionary", "prompt_toolkit", "pygments.lexers.data")


def _after(code: str) -> set[str]:
    """Which modules are loaded in a new interpreter after ``code``."""
    printed = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", printed], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_copier_is_imported_without_the_libraries_that_ask() -> None:
    code = "from cfpy.patterns.late_prompts import import_copier; import_copier()"
    loaded = _after(f"{code}\nfrom cfpy.patterns import renderer")
    assert "copier" in loaded
    assert not loaded.intersection(_ASKING)


def test_if_copier_takes_another_name_it_gets_the_real_libraries() -> None:
    code = (
        "from cfpy.patterns import late_prompts\n"
        "del late_prompts.STAND_INS['questionary']['confirm']\n"
        "late_prompts.import_copier()\n"
        "import copier, questionary\n"
        "assert copier._main.confirm is questionary.confirm"
    )
    assert _after(code).issuperset({"copier", *_ASKING})


def test_garbage_is_collected_again_after_the_import() -> None:
    _after(
        "from cfpy.patterns.late_prompts import import_copier; import_copier()\n"
        "import gc\nassert gc.isenabled()"
    )


@pytest.mark.parametrize("module", STAND_INS)
def test_each_stand_in_is_for_a_name_of_the_real_library(module: str) -> None:
    real = __import__(module, fromlist=["x"])
    assert all(hasattr(real, name) for name in STAND_INS[module])


def test_a_late_call_reaches_the_real_library() -> None:
    late = STAND_INS["questionary"]["confirm"]
    assert isinstance(late("Sure?"), questionary.Question)


@pytest.mark.parametrize("name", ["JsonLexer", "YamlLexer"])
def test_an_answer_is_highlighted_by_the_real_lexer(name: str) -> None:
    lexer = STAND_INS["pygments.lexers.data"][name]
    made = STAND_INS["prompt_toolkit.lexers"]["PygmentsLexer"](lexer)
    assert isinstance(made, PygmentsLexer)
    assert type(made.pygments_lexer).__name__ == name


def test_a_choice_is_as_questionarys() -> None:
    for arguments, options in (
        (("One",), {}),
        (("One", 1), {}),
        (("One", 0), {"disabled": "not now"}),
        (("One", None), {"checked": True}),
        (("One", False), {"disabled": ""}),
    ):
        ours, theirs = Choice(*arguments, **options), questionary.Choice(*arguments, **options)
        wanted = (theirs.title, theirs.value, theirs.disabled, bool(theirs.checked))
        assert (ours.title, ours.value, ours.disabled, ours.checked) == wanted
        real = ours.real()
        assert (real.title, real.value, real.disabled, bool(real.checked)) == wanted


def test_a_question_is_asked_with_real_choices_and_its_default_is_one_of_them() -> None:
    one, two = Choice("One", 1), Choice("Two", 2, checked=True)
    asked = replaceable({"type": "select", "choices": [one, two], "default": two})
    assert [type(choice) for choice in asked["choices"]] == [questionary.Choice] * 2
    assert asked["default"] is asked["choices"][1]
    assert asked["choices"][1].checked


def test_a_question_without_a_default_gets_none() -> None:
    asked = replaceable({"type": "checkbox", "choices": [Choice("One")]})
    assert "default" not in asked
