"""Reads JSON as wrangler does: with comments and trailing commas, and nothing else beyond JSON.

wrangler 4.164 reads ``wrangler.json`` and ``wrangler.jsonc`` alike, by Microsoft's jsonc-parser
with ``allowTrailingComma`` (``parseJSONC`` in its ``workers-utils/src/parse.ts``).
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


def parse_jsonc(path: Path, error: type[LocatedError]) -> Any:
    """Read a file of JSON with comments.

    Args:
        path: The file; it may begin with a byte order mark.
        error: What to raise.

    Returns:
        Its plain values.

    Raises:
        LocatedError: It can't be read or does not parse; then with line and column.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return json.loads(_as_json(text), parse_constant=_refuse)
    except json.JSONDecodeError as problem:
        line, column = problem.lineno, problem.colno
        raise error(problem.msg, path=path, line=line, column=column) from None
    except (OSError, ValueError, RecursionError) as problem:
        raise error(f"can't be read: {problem}", path=path) from problem


def _as_json(text: str) -> str:
    """The text with blanks for its comments and trailing commas: all else stays where it is."""
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
            # Of two commas, or of one without a value before it, none is a trailing one.
            comma = token.start() if comma < 0 and before not in ("", "[", "{", ":") else -1
            before = ","
    return "".join(characters)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
