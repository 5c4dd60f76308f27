"""Reads and edits the text of a configuration, TOML or JSON with comments: the one place that knows
both.

An edit keeps every byte that it need not change. Each format has its ways to edit; a result is used
only if it parses to exactly what the edit has to give.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfpy.errors import LocatedError, ProjectError
from cfpy.project import jsonc, jsonc_text, jsonc_tree, toml_position, toml_text
from cfpy.project.edits import Append, Edit, NoPlaceError, Put, Remove, change, dotted, in_the_way
from cfpy.project.line_ends import plain, with_ends_of


@dataclass(frozen=True)
class _Format:
    read: Callable[[Path, type[LocatedError]], tuple[str, Any]]
    loads: Callable[[str], Any]
    locate: Callable[[str, tuple[str | int, ...]], tuple[int, int]]
    candidates: Callable[[str, Edit], Iterator[str]]


_TOML = _Format(
    toml_position.parse_toml, toml_text.loads, toml_position.locate, toml_text.candidates
)
_JSONC = _Format(jsonc.parse_jsonc, jsonc.loads, jsonc_tree.locate, jsonc_text.candidates)
_FORMATS = {".toml": _TOML, ".json": _JSONC, ".jsonc": _JSONC}

#: How the names of files in these formats end.
SUFFIXES = tuple(_FORMATS)


def read(path: Path, error: type[LocatedError] = ProjectError) -> tuple[str, dict[str, Any]]:
    """The text of a configuration and its values.

    Args:
        path: A file whose name ends with one of :data:`SUFFIXES`.
        error: What to raise.

    Raises:
        LocatedError: It can't be read, does not parse (then with line and column), or is not a
            table.
    """
    text, data = _FORMATS[path.suffix].read(path, error)
    if not isinstance(data, dict):
        line, column = _FORMATS[path.suffix].locate(text, ())
        message = "is not a JSON object, so not a configuration"
        hint = 'Write an object: { "name": "my-worker" }'
        raise error(message, path=path, line=line, column=column, hint=hint)
    return text, data


def loads(path: Path, text: str) -> Any:
    """The values of a document.

    Args:
        path: The file of ``text``; it is not read.
        text: A document.

    Raises:
        ValueError: It does not parse.
        RecursionError: It is nested too deeply.
    """
    return _FORMATS[path.suffix].loads(plain(text))


def locate(path: Path, text: str, keys: tuple[str | int, ...]) -> tuple[int, int]:
    """The 1-based line and column of a value, or of the innermost existing table around it.

    Args:
        path: The file of ``text``, which parses.
        text: A document.
        keys: The path of the value: ``("vectorize", 0, "metric")``.
    """
    return _FORMATS[path.suffix].locate(text, keys)


def repeated(path: Path, text: str) -> list[tuple[str, int]]:
    """The keys that are there more than once, with the line of the one that counts: JSON allows
    that, TOML does not.

    Args:
        path: The file of ``text``, which parses.
        text: A document.
    """
    return [] if path.suffix == ".toml" else jsonc_tree.repeated(text)


def edited(path: Path, text: str, edits: Iterable[Edit]) -> str:
    """``text`` after edits, with all its line ends.

    Args:
        path: The file of ``text``; it is neither read nor written.
        text: A document.
        edits: The edits, in order.

    Raises:
        ProjectError: It does not parse, or an edit is not possible without changing something else.
    """
    form = _FORMATS[path.suffix]
    for edit in edits:
        try:
            text = _after(form, text, edit)
        except NoPlaceError as error:
            line, column = form.locate(plain(text), error.at) if error.at else (None, None)
            null = str(error).endswith(" is null")
            hint = "Remove it, then run the same command again." if null else _by_hand(edit)
            raise ProjectError(f"{error}", path=path, line=line, column=column, hint=hint) from None
        except (ValueError, RecursionError) as error:
            raise ProjectError(f"can't be edited: {error}", path=path) from error
    return text


def try_edit(suffix: str, text: str, edit: Edit) -> str:
    """``text`` after one edit.

    Raises:
        NoPlaceError: It is not possible without changing something else.
        ValueError: ``text`` does not parse.
    """
    return _after(_FORMATS[suffix], text, edit)


def _after(form: _Format, text: str, edit: Edit) -> str:
    body = plain(text)
    before = form.loads(body)
    wanted = copy.deepcopy(before)
    try:
        change(wanted, edit)
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        raise _no_place(before, edit) from error
    for candidate in form.candidates(body, edit):
        with contextlib.suppress(ValueError):
            if _is(form.loads(candidate), wanted, edit):
                return with_ends_of(text, candidate)
    raise NoPlaceError(f"`{dotted(edit.path)}` can't be edited without changing something else")


def _no_place(data: Any, edit: Edit) -> NoPlaceError:
    if isinstance(edit, Remove):
        return NoPlaceError(f"there is no `{dotted(edit.path)}`")
    at = in_the_way(data, edit.path)
    name, value = dotted(at or edit.path), data
    for part in at:
        value = value[part]
    if at and value is None:
        return NoPlaceError(f"`{name}` is null", at)
    return NoPlaceError(f"something else has the name `{name}`", at)


def _is(found: Any, wanted: Any, edit: Edit) -> bool:
    if isinstance(edit, Remove):
        # A table or array that is empty now may stay, with the comments in it.
        for length in range(len(edit.path) - 1, 0, -1):
            with contextlib.suppress(KeyError, IndexError, TypeError):
                parent: Any = found
                for part in edit.path[: length - 1]:
                    parent = parent[part]
                if parent[edit.path[length - 1]] in ({}, []):
                    del parent[edit.path[length - 1]]
    return bool(found == wanted)


def _by_hand(edit: Edit) -> str:
    match edit:
        case Append(path):
            return f"Add it to `{dotted(path)}` by hand."
        case Put(path, value) if isinstance(value, str):
            return f"Set `{dotted(path)}` to {value!r} by hand, then run the same command again."
        case Put(path):
            return f"Add `{dotted(path)}` by hand."
        case Remove(path):
            return f"Remove `{dotted(path)}` by hand, then run the same command again."
