"""Finds answers that are kept only in the rendered files. Pure.

A secret answer is not in any record, so `cfpy update` can't read it there. The base (what the
pattern rendered) has a stand-in in its place; the surrounding lines in the project's own file show
the value.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from cfpy.patterns.merge import BaseFile, File, digest
from cfpy.patterns.pattern import Pattern, Question

_STAND_IN = "cfpy-does-not-keep-{}-"
_ANY = re.compile(_STAND_IN.format(r"(\w+)").encode())
_MOST_LINES = 20_000
_LONGEST = 2_000


def stand_ins(pattern: Pattern) -> dict[str, Any]:
    """Stand-ins for the answers that are kept only in the project: strings that occur nowhere else.
    Other types than strings are rendered with their default."""
    return {
        question.name: _STAND_IN.format(question.name)
        for question in pattern.questions
        if question.kept_in_project and _takes_any_text(question)
    }


def other_answers(pattern: Pattern, answers: Mapping[str, Any]) -> dict[str, Any]:
    """A different answer for each of ``answers``, to find out what depends on it."""
    found = {}
    for name, value in answers.items():
        question = pattern.question(name)
        if question.choices:
            others = [choice for choice in question.choices if value not in (choice, [choice])]
            other = others[0] if others else value
            found[name] = [other] if question.multiselect else other
        else:
            found[name] = _other(value)
    return found


def found_answers(
    base: Mapping[str, BaseFile], project: Callable[[str], bytes | None], names: Iterable[str]
) -> dict[str, str]:
    """The answers in a project's files at the places where the base has stand-ins.

    Args:
        base: The files as the pattern rendered them.
        project: Looks up a file of the project.
        names: The questions.

    Returns:
        The answers on which all places agree.
    """
    seen: dict[str, set[str]] = {name: set() for name in names}
    for file_name, file in base.items():
        old = _text(file.data)
        here = [name for name in seen if old and _STAND_IN.format(name) in old]
        mine = _text(project(file_name)) if here else None
        if old is None or mine is None:
            continue
        for name, value in _differences(old, mine, here):
            seen[name].add(value)
    return {name: values.pop() for name, values in seen.items() if len(values) == 1}


def filled(base: Mapping[str, BaseFile], answers: Mapping[str, str]) -> dict[str, BaseFile]:
    """The base with ``answers`` in place of their stand-ins."""
    return {name: _filled(file, answers) for name, file in base.items()}


def reproduced(
    standing: Mapping[str, File],
    rendered: Mapping[str, File],
    found: Mapping[str, str],
    given: Mapping[str, Any],
) -> dict[str, str]:
    """The answers in ``found`` that a template writes unchanged.

    A value that passed a filter, such as one that quotes it, is not the answer: with it in place of
    the stand-in, the file differs from what rendering the value gives.

    Args:
        standing: The files rendered with stand-ins.
        rendered: The files rendered with ``found`` and ``given``.
        found: What :func:`found_answers` found.
        given: Answers to other questions with stand-ins.
    """
    values = {**{name: str(value) for name, value in given.items()}, **found}
    wrong = set()
    for file, content in standing.items():
        text = (_text(rendered[file].data) if file in rendered else None) or ""
        for line in (_text(content.data) or "").splitlines():
            here = {name for name in values if _STAND_IN.format(name) in line}
            if here and _replaced(line, values) not in text:
                wrong |= here
    return {name: value for name, value in found.items() if name not in wrong}


def stand_ins_of(base: Mapping[str, BaseFile]) -> set[str]:
    """The questions whose stand-ins are in the base."""
    return {name.decode() for file in base.values() for name in _ANY.findall(file.data or b"")}


def holds_stand_in(base: Mapping[str, BaseFile], name: str) -> bool:
    """Whether any file of the base contains the stand-in of a question."""
    stand_in = _STAND_IN.format(name).encode()
    return any(file.data is not None and stand_in in file.data for file in base.values())


def depends(
    one: Mapping[str, File], other: Mapping[str, File], result: File, mine: File | None, name: str
) -> bool:
    """Whether a merge adds lines to a file that depend on an answer.

    Args:
        one: The file rendered with one answer.
        other: The file rendered with another answer.
        result: The merged file ``name``.
        mine: The project's version of it.
    """
    if name not in one or (name in other and one[name].data == other[name].data):
        return False
    lines = set(one[name].data.splitlines())
    lines -= set(other[name].data.splitlines()) if name in other else set()
    before = set(mine.data.splitlines()) if mine else set()
    return bool(lines & set(result.data.splitlines()) - before)


def _takes_any_text(question: Question) -> bool:
    return question.type in ("str", "path") and not question.choices and not question.multiselect


def _other(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}2"
        case Mapping():
            return {key: _other(item) for key, item in value.items()}
        case list():
            return [_other(item) for item in value]
    return value


def _differences(old: str, mine: str, names: list[str]) -> Iterator[tuple[str, str]]:
    """Each stand-in in ``old``, with the text that ``mine`` has in its place."""
    before, after = old.splitlines(keepends=True), mine.splitlines(keepends=True)
    if max(len(before), len(after)) > _MOST_LINES:
        return
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, start, end, first, last in matcher.get_opcodes():
        if kind != "replace":
            continue
        if found := _values("".join(before[start:end]), "".join(after[first:last]), names):
            yield from found
        elif end - start == last - first:
            # Other parts of these lines were changed: use the lines that are as rendered.
            for line, now in zip(before[start:end], after[first:last], strict=True):
                yield from _values(line, now, names)


def _values(old: str, mine: str, names: list[str]) -> list[tuple[str, str]]:
    """The values that turn ``old`` into ``mine`` if put in place of its stand-ins; empty if there
    are none."""
    parts = re.split("(" + "|".join(re.escape(_STAND_IN.format(name)) for name in names) + ")", old)
    marks = {_STAND_IN.format(name): name for name in names}
    pattern, seen = "", set()
    for part in parts:
        name = marks.get(part)
        if name is None:
            pattern += re.escape(part)
        elif name in seen:
            pattern += f"(?P=_{names.index(name)})"
        else:
            seen.add(name)
            pattern += f"(?P<_{names.index(name)}>.*?)"
    if not seen or (len(seen) > 1 and len(mine) > _LONGEST):
        return []  # Two unknown values in a long text take too long to try.
    match = re.fullmatch(pattern, mine, re.DOTALL)
    return [(name, match[f"_{names.index(name)}"]) for name in sorted(seen)] if match else []


def _filled(file: BaseFile, answers: Mapping[str, str]) -> BaseFile:
    if file.data is None:
        return file
    data = file.data
    for name, value in answers.items():
        data = data.replace(_STAND_IN.format(name).encode(), value.encode())
    return file if data == file.data else BaseFile(digest(data), file.executable, data)


def _replaced(text: str, answers: Mapping[str, str]) -> str:
    for name, value in answers.items():
        text = text.replace(_STAND_IN.format(name), value)
    return text


def _text(data: bytes | None) -> str | None:
    """``data`` as a string, ``None`` if it is not text."""
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None
