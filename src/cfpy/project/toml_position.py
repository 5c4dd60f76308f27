"""Finds the position of a value in a TOML text, which the standard library's parser does not
report."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from cfpy.errors import LocatedError, ProjectError


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
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise _located(text, path, str(problem), error) from problem
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        message = f"can't be read: line {line} is not UTF-8"
        raise error(message, path=path, hint="Save it as UTF-8 with your editor.") from problem
    except RecursionError:
        raise error("can't be read: its lists or tables are nested too deeply", path=path) from None
    except OSError as problem:
        raise error(f"can't be read: {problem}", path=path) from problem


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
    from cfpy.project.line_ends import lines_of
    from cfpy.project.toml_layout import blocks

    lines = lines_of(text)
    found = blocks(lines)
    names = [key for key in keys if isinstance(key, str)]
    index = next((key for key in keys if isinstance(key, int)), 0)
    here = (1, 1)
    for depth in range(len(names) + 1):
        named = [block for block in found if block.name == ".".join(names[:depth])]
        if not named:
            continue
        block = named[min(index, len(named) - 1)] if depth else named[0]
        if depth:
            here = _first_letter(lines, block.header)
        if depth < len(names):
            key = re.compile(rf"""\s*["']?{re.escape(names[depth])}["']?\s*[=.]""")
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
    import tomlkit
    from tomlkit.exceptions import ParseError, TOMLKitError

    try:
        tomlkit.parse(text)
    except ParseError as problem:
        said = str(problem).split(" at line ")[0]
        return error(said, path=path, line=problem.line, column=problem.col + 1)
    except TOMLKitError as problem:
        return error(str(problem), path=path)
    return error(message, path=path)
