"""What cfpy does with each part of copier's format. It ignores none of them.

The lists are copier's own: its settings are what its ``Template`` reads of ``copier.yml``, its
options the fields of its ``Worker``, the keys of a question those of its ``Question``
(copier.readthedocs.io/en/stable/configuring/). A test compares them with the installed copier, so
that a new one must be added here.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from cfpy.errors import PatternError
from cfpy.patterns.pattern import Pattern
from cfpy.project.names import did_you_mean

#: Settings of ``copier.yml`` that work with ``cfpy new`` and ``cfpy update``.
SETTINGS = frozenset(
    {
        *("_answers_file", "_envops", "_exclude", "_jinja_extensions", "_message_after_copy"),
        *("_message_after_update", "_message_before_copy", "_message_before_update"),
        *("_min_copier_version", "_secret_questions", "_skip_if_exists", "_subdirectory"),
        *("_tasks", "_templates_suffix"),
    }
)
#: Settings of ``copier.yml`` that do not work, and why.
UNSUPPORTED = {
    "_external_data": "it reads the finished project, and cfpy renders into an empty folder",
    "_migrations": "an update does not run commands of a pattern",
    "_preserve_symlinks": "cfpy does not copy links from a pattern",
}
#: Options of copier's command line. Copier itself ignores them in ``copier.yml``.
OPTIONS = frozenset(
    {
        *("_ask", "_cleanup_on_error", "_conflict", "_context_lines", "_data", "_data_file"),
        *("_defaults", "_dst_path", "_force", "_overwrite", "_pretend", "_quiet", "_settings"),
        *("_skip_answered", "_skip_tasks", "_src_path", "_unsafe", "_use_prereleases"),
        *("_user_defaults", "_vcs_ref"),
    }
)
#: Keys of a question. All of them work.
QUESTION_KEYS = frozenset(
    {
        *("ask", "choices", "default", "help", "multiline", "multiselect", "placeholder", "qmark"),
        *("secret", "type", "validator", "when"),
    }
)
#: Types of a question. All of them work.
TYPES = frozenset({"bool", "float", "int", "json", "path", "str", "yaml"})
# How similar a key must be to a setting to count as a typo of it.
_NEAR = 0.7
_TASK_KEYS = frozenset({"command", "when", "working_directory"})
_CHOICE_KEYS = frozenset({"value", "validator"})


def check_format(pattern: Pattern) -> None:
    """Refuse a pattern that has a setting or a key without effect.

    Raises:
        PatternError: It has one; the message names it.
    """
    for layer in reversed(pattern.layers):
        for key, value in layer.config.items():
            for problem, hint in _wrong(key, value):
                raise PatternError(problem, path=layer.root / "copier.yml", hint=hint)
    for problem, hint in _wrong_secrets(pattern):
        raise PatternError(problem, path=pattern.layers[-1].root / "copier.yml", hint=hint)


def _wrong_secrets(pattern: Pattern) -> Iterator[tuple[str, str]]:
    named = pattern.config.get("_secret_questions")
    names = [question.name for question in pattern.questions]
    for name in named if isinstance(named, list) else ():
        if name not in names:
            yield (
                f"_secret_questions names {name!r}, but there is no such question",
                did_you_mean(name, names),
            )
    for question in pattern.questions:
        if question.secret and question.default is None:
            hint = f'Add to the question {question.name}: default: ""'
            yield (
                f"the secret question {question.name!r} has no default, and copier requires one",
                hint,
            )


def _wrong(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if not key.startswith("_"):
        yield from _wrong_question(key, value)
    elif key in UNSUPPORTED:
        if value:
            yield f"{key} is not supported: {UNSUPPORTED[key]}", _ELSEWHERE
    elif key in OPTIONS:
        hint = "Remove it. This changes nothing: copier ignores it, too."
        yield f"{key} is an option of copier's command line, not a setting of copier.yml", hint
    elif key not in SETTINGS:
        # Others pass, as in copier: settings of other tools, or the author's notes.
        if near := difflib.get_close_matches(key, SETTINGS | set(UNSUPPORTED), n=1, cutoff=_NEAR):
            hint = "Only a key that holds a YAML anchor may have such a name."
            yield f"{key} is not a setting of copier; {near[0]} is", hint
    elif key == "_tasks":
        for task in value if isinstance(value, list) else ():
            yield from _unknown(task, _TASK_KEYS, "a task of _tasks")


_ELSEWHERE = "Use a version of the template without it, or copier itself."


def _wrong_question(name: str, spec: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(spec, Mapping):
        return
    where = f"the question {name!r}"
    yield from _unknown(spec, QUESTION_KEYS, where)
    kind = spec.get("type", "str")
    if isinstance(kind, str) and kind and kind.isalnum() and kind not in TYPES:
        yield f"{where} has the unknown type {kind!r}", f"Types: {', '.join(sorted(TYPES))}."
    choices = spec.get("choices")
    labelled = list(choices.values()) if isinstance(choices, Mapping) else choices
    for choice in labelled if isinstance(labelled, list) else ():
        value = choice[1] if isinstance(choice, list) and len(choice) == 2 else choice
        yield from _unknown(value, _CHOICE_KEYS, f"a choice of {where}")


def _unknown(value: Any, known: Collection[str], where: str) -> Iterator[tuple[str, str]]:
    for key in value if isinstance(value, Mapping) else ():
        if key not in known:
            hint = did_you_mean(str(key), known) or f"Known: {', '.join(sorted(known))}."
            yield f"{where} has the unknown key {key!r}", hint
