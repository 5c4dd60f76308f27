"""Reads answers as people write them, and checks them as far as the questions allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfpy.errors import PatternError
from cfpy.patterns.pattern import Pattern, Question

# Template syntax in a choice: its value is known only after rendering.
_DELIMITERS = ("{", "[", "<", "%")


def read_answers(pattern: Pattern, given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert answers from the command line, a file or a record to what copier expects.

    A list may be written as ``weur,enam`` or in YAML: ``[weur, enam]``.

    Raises:
        PatternError: There is no such question, or no such choice.
    """
    return {name: _read(pattern.question(name), value) for name, value in given.items()}


def masked(text: str, secrets: Mapping[str, Any]) -> str:
    """``text`` without the values of ``secrets``."""
    for value in secrets.values():
        if isinstance(value, str) and value:
            text = text.replace(value, "***")
    return text


def _read(question: Question, value: Any) -> Any:
    choices = _known_choices(question)
    if not question.multiselect:
        _refuse_unknown(question, [value] if choices else [], choices)
        return value
    if isinstance(value, str):
        value = _listed(value, choices)
    if isinstance(value, list | tuple):
        _refuse_unknown(question, list(value) if choices else [], choices)
        return list(value)
    if isinstance(value, str):
        return value
    # One choice of a file of answers: ``regions: weur``.
    return [value]


def _listed(text: str, choices: tuple[str, ...]) -> Any:
    """The items of ``a,b``. YAML stays a string: copier reads its items by the question's type."""
    stripped = text.strip()
    if stripped.startswith(("[", "- ")):
        return stripped
    if text in choices:
        return [text]
    return [item.strip() for item in stripped.split(",") if item.strip()]


def _known_choices(question: Question) -> tuple[str, ...]:
    """The choices as strings; only those that no template and no conversion changes."""
    if question.type not in ("str", "int"):
        return ()
    texts = tuple(str(choice) for choice in question.choices)
    plain = all(type(choice) in (str, int) for choice in question.choices)
    return texts if plain and not any(sign in t for t in texts for sign in _DELIMITERS) else ()


def _refuse_unknown(question: Question, values: list[Any], choices: tuple[str, ...]) -> None:
    for value in values:
        if str(value) not in choices:
            shown = "the answer" if question.secret else repr(value)
            raise PatternError(
                f"{shown} is not a choice of {question.name!r}",
                hint=f"Choose one of: {', '.join(choices)}",
            )
