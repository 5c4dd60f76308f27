"""Questions on a terminal: typing replaces the default instead of being appended to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cfpy.patterns.late_prompts import Choice

# Types of questionary that take one line. Choices and yes or no already replace their default.
_LINES = ("input", "path", "password")
_DIM = "fg:ansibrightblack"


def ask(questions: Iterable[Mapping[str, Any]], **options: Any) -> dict[str, Any]:
    """``questionary.unsafe_prompt``, where each default is only shown until something is typed.

    Raises:
        KeyboardInterrupt: Ctrl-C, or Ctrl-D: there is no more input.
    """
    import questionary  # Takes long, and without questions it is not needed.

    asked = [replaceable(question) for question in questions]
    try:
        return questionary.unsafe_prompt(asked, **options)
    except EOFError:
        raise KeyboardInterrupt from None


def replaceable(question: Mapping[str, Any]) -> dict[str, Any]:
    """A question of questionary whose default is the answer if nothing is typed. Where an empty
    answer is valid, too, a space gives it, and the question says so.

    The default of a multi-line answer stays in the editor, for editing.
    """
    changed = _with_real_choices(question)
    default = question.get("default")
    is_line = question["type"] in _LINES and not question.get("multiline")
    if not is_line or not default or not isinstance(default, str):
        return changed
    del changed["default"]
    shown = "*" * 8 if question["type"] == "password" else default
    if _takes_nothing(question):
        changed["message"] = f"{question['message']} (a space for an empty answer)"
    changed["placeholder"] = [(_DIM, shown)]
    for name in ("filter", "validate"):
        if name in question:
            changed[name] = _or_default(question[name], default)
    if "filter" not in question:
        changed["filter"] = _or_default(lambda answer: answer, default)
    return changed


def _takes_nothing(question: Mapping[str, Any]) -> bool:
    """Whether an empty answer is valid, and stays one."""
    validate, read = question.get("validate"), question.get("filter")
    try:
        return (validate is None or validate("") is True) and (read is None or read("") == "")
    except (ValueError, TypeError):
        return False


def _or_default(read: Any, default: str) -> Any:
    return lambda answer: read(default if answer == "" else answer if answer.strip() else "")


def _with_real_choices(question: Mapping[str, Any]) -> dict[str, Any]:
    """The question with questionary's own choices; its default is one of them, not a copy."""
    found = {id(item): item.real() for item in question.get("choices", ()) if type(item) is Choice}
    changed = dict(question)
    if found:
        changed["choices"] = [found.get(id(item), item) for item in question["choices"]]
        if id(question.get("default")) in found:
            changed["default"] = found[id(question["default"])]
    return changed
