"""Reads JSON like wrangler: with comments and trailing commas, and no other extensions.

wrangler 4.164 reads both ``wrangler.json`` and ``wrangler.jsonc`` with Microsoft's jsonc-parser and
``allowTrailingComma`` (``parseJSONC`` in its ``workers-utils/src/parse.ts``).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NoReturn

from cfpy.errors import LocatedError

_TOKEN = re.compile(
    r"""(?P<comment>//[^\r\n]*|/\*.*?\*/)|(?P<value>"[^"\\]*(?:\\.[^"\\]*)*"|[^\s",/])|,""", re.S
)
_NOT_BLANK = re.compile(r"[^\r\n]")


def parse_jsonc(path: Path, error: type[LocatedError]) -> tuple[str, Any]:
    """Read a file of JSON with comments.

    Args:
        path: The file; it may begin with a byte order mark.
        error: What to raise.

    Returns:
        Its text and its plain values.

    Raises:
        LocatedError: It can't be read or does not parse; then with line and column.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return text, loads(text)
    except json.JSONDecodeError as problem:
        line, column = problem.lineno, problem.colno
        raise error(problem.msg, path=path, line=line, column=column) from None
    except (OSError, ValueError, RecursionError) as problem:
        raise error(f"can't be read: {problem}", path=path) from problem


def loads(text: str) -> Any:
    """The plain values of a document.

    Raises:
        json.JSONDecodeError: It does not parse.
        ValueError: It has a number that JSON does not know.
        RecursionError: It is nested too deeply.
    """
    return json.loads(without_comments(text), parse_constant=_refuse)


def comments(text: str) -> list[tuple[int, int]]:
    """Where each comment begins and ends."""
    return [token.span() for token in _TOKEN.finditer(text) if token["comment"]]


def without_comments(text: str) -> str:
    """The text with spaces in place of comments and trailing commas, so that positions stay the
    same."""
    characters = list(text)
    before, comma = "", -1
    for token in _TOKEN.finditer(text):
        if token["comment"]:
            characters[token.start() : token.end()] = _NOT_BLANK.sub(" ", token[0])
        elif token["value"]:
            if comma >= 0 and token[0] in "]}":
                characters[comma] = " "
            before, comma = token[0], -1
        else:
            # Two commas in a row, or one without a value before it, are errors, not trailing
            # commas.
            comma = token.start() if comma < 0 and before not in ("", "[", "{", ":") else -1
            before = ","
    return "".join(characters)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
