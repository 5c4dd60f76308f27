"""Finds the position of a value in a TOML text, which the standard library's parser does not
report."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

from cfpy.errors import LocatedError, ProjectError
from cfpy.project.encoded import read_text
from cfpy.project.invisible import HINT, described, is_invisible

_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")
# What tomlkit means. It ends its texts with a NUL character.
_CLEAR = {
    "Empty key": "a line that is neither `key = value` nor `[table]`",
    "Unexpected character: '\\x00'": "the file ends too early",
    "Unexpected end of file": "the file ends too early: a quote or a bracket has no end",
}


def parse_toml(path: Path, error: type[LocatedError]) -> tuple[str, dict[str, Any]]:
    """Read a TOML file.

    Args:
        path: The file; it may begin with a byte order mark.
        error: What to raise.

    Returns:
        Its text and its plain values.

    Raises:
        LocatedError: It can't be read or does not parse; then with line and column.
    """
    text = read_text(path, error)
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise _located(text, path, str(problem), error) from problem
    except RecursionError:
        raise error("can't be read: its lists or tables are nested too deeply", path=path) from None


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file into plain values.

    Raises:
        ProjectError: It can't be read or does not parse.
    """
    return parse_toml(path, ProjectError)[1]


def locate(text: str, keys: tuple[str | int, ...]) -> tuple[int, int]:
    """The 1-based line and column of a value, or of the innermost existing table around it.

    Args:
        text: A document that parses.
        keys: The path of the value: ``("resources", 0, "kind")``.
    """
    from cfpy.project.edits import names
    from cfpy.project.line_ends import lines_of
    from cfpy.project.toml_layout import blocks

    lines = lines_of(text)
    found = blocks(lines)
    parts = names(keys)
    index = next((key for key in keys if isinstance(key, int)), 0)
    here = (1, 1)
    for depth in range(len(parts) + 1):
        named = [block for block in found if block.name == parts[:depth]]
        if not named:
            continue
        block = named[min(index, len(named) - 1)] if depth else named[0]
        if depth:
            here = _first_letter(lines, block.header)
        if depth < len(parts):
            key = re.compile(rf"""\s*["']?{re.escape(parts[depth])}["']?\s*[=.]""")
            for number in range(block.header, block.end):
                if key.match(lines[number]):
                    here = _first_letter(lines, number)
                    break
    return here


def _first_letter(lines: list[str], number: int) -> tuple[int, int]:
    line = lines[number]
    return number + 1, len(line) - len(line.lstrip()) + 1


def _located(text: str, path: Path, message: str, error: type[LocatedError]) -> LocatedError:
    """The error with its line and column; only tomlkit has them as numbers."""
    if text.lstrip().startswith(("{", "//", "/*")):
        hint = f"Name the file {path.stem}.jsonc, or write it as TOML."
        return error("this looks like JSON, not TOML", path=path, line=1, column=1, hint=hint)
    if (place := _PLACE.search(message)) and (found := _invisible(text, place)):
        line, column = int(place[1]), int(place[2])
        return error(found, path=path, line=line, column=column, hint=HINT)
    import tomlkit
    from tomlkit.exceptions import ParseError, TOMLKitError

    try:
        tomlkit.parse(text)
    except ParseError as problem:
        said = str(problem).split(" at line ")[0]
        said = _CLEAR.get(said, said)
        return error(said, path=path, line=problem.line, column=problem.col + 1)
    except TOMLKitError as problem:
        return error(str(problem), path=path)
    # The standard library is stricter in a few places.
    if place:
        return error(message[: place.start()], path=path, line=int(place[1]), column=int(place[2]))
    return error(message, path=path)


def _invisible(text: str, place: re.Match[str]) -> str:
    """Which invisible character is the reason of an error there; empty if none is."""
    line = text.replace("\r\n", "\n").split("\n")[int(place[1]) - 1]
    character = line[int(place[2]) - 1 : int(place[2])]
    # A control character in a string has a message of its own.
    if not character or unicodedata.category(character) == "Cc" or not is_invisible(character):
        return ""
    return f"{described(character)} between the parts of the configuration"
