"""Removes an environment from a project's files: the opposite of :mod:`environment_writer`.

The lines of its tables are deleted, with the comments right above them; every other byte stays. The
result is parsed and compared before it is used.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from cfpy.bindings.environments import NAME_KEYS
from cfpy.errors import ProjectError
from cfpy.project.line_ends import edited, lines_of
from cfpy.project.toml_layout import Block, blocks


def without_environment(text: str, name: str, path: Path) -> str:
    """A ``wrangler.toml`` without ``[env.NAME]`` and all that is below it.

    Args:
        text: The file, with its line ends.
        name: An environment that it has.
        path: The file, for messages.

    Raises:
        ProjectError: It can't be removed without changing something else.
    """
    below = re.compile(rf"env\.{re.escape(name)}(\..+)?")

    def change(data: Any) -> None:
        del data["env"][name]
        if not data["env"]:
            del data["env"]

    return _without(text, change, lambda block, _: bool(below.fullmatch(block.name)), path)


def without_settings(text: str, gone: Mapping[str, Collection[str]], path: Path) -> str:
    """A ``cfpy.toml`` without the settings of resources.

    Args:
        text: The file, with its line ends.
        gone: Names of resources, by the table of ``cfpy.toml`` that may have settings of them.
        path: The file, for messages.

    Raises:
        ProjectError: They can't be removed without changing something else.
    """
    data = tomllib.loads(text.removeprefix("\ufeff"))
    numbers = {
        (table, number)
        for table, names in gone.items()
        for number, item in enumerate(data.get(table) or ())
        if item.get(NAME_KEYS[table]) in names
    }
    if not numbers:
        return text

    def change(document: Any) -> None:
        for table, number in sorted(numbers, reverse=True):
            del document[table][number]
            if not document[table]:
                del document[table]

    def goes(block: Block, index: Mapping[str, int]) -> bool:
        table = block.name.partition(".")[0]
        return (table, index.get(table, -1)) in numbers

    return _without(text, change, goes, path)


def _without(
    text: str,
    change: Callable[[Any], None],
    goes: Callable[[Block, Mapping[str, int]], bool],
    path: Path,
) -> str:
    def edit(body: str) -> str:
        wanted = _parsed(body)
        change(wanted)
        for candidate in _candidates(body, change, goes):
            with contextlib.suppress(tomllib.TOMLDecodeError):
                if _same(_parsed(candidate), wanted):
                    return candidate
        raise ProjectError(
            "can't be removed without changing something else",
            path=path,
            hint="Remove its tables by hand.",
        )

    return edited(text, edit)


def _candidates(
    body: str,
    change: Callable[[Any], None],
    goes: Callable[[Block, Mapping[str, int]], bool],
) -> Iterator[str]:
    lines = lines_of(body)
    index: dict[str, int] = {}
    gone: list[Block] = []
    for block in blocks(lines):
        if "." not in block.name:
            index[block.name] = index.get(block.name, -1) + 1
        if block.name and goes(block, index):
            gone.append(block)
    yield _cut(lines, gone)
    with contextlib.suppress(TOMLKitError, KeyError, ValueError):
        document = tomlkit.parse(body)
        change(document)
        yield tomlkit.dumps(document)


def _cut(lines: list[str], gone: list[Block]) -> str:
    """``lines`` without blocks, and without the empty lines around them."""
    left = list(lines)
    for block in reversed(gone):
        start, end = block.start, block.end
        if "".join(left[end:]).strip():
            while not left[end].strip():
                end += 1
        elif start and not left[start - 1].strip():
            start -= 1
        at_end = end == len(left) and not left[-1].endswith("\n")
        del left[start:end]
        if at_end and left:
            # The last line of the file had no line end, so the new last line has none, either.
            left[-1] = left[-1].removesuffix("\n")
    return "".join(left)


def _parsed(body: str) -> dict[str, Any]:
    # Compare numbers as text: nan is not equal to itself.
    return tomllib.loads(body, parse_float=str)


def _same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    if not found.get("env", True):
        found = {key: value for key, value in found.items() if key != "env"}
    return found == wanted
