"""Reads JSON like wrangler: with comments and trailing commas, and no other extensions.

wrangler 4.164 reads both ``wrangler.json`` and ``wrangler.jsonc`` with Microsoft's jsonc-parser and
``allowTrailingComma`` (``parseJSONC`` in its ``workers-utils/src/parse.ts``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from cfpy.errors import LocatedError
from cfpy.project.encoded import read_text
from cfpy.project.jsonc_blanks import without_comments
from cfpy.project.jsonc_faults import fault, unknown_number


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
    text = read_text(path, error)
    try:
        return text, loads(text)
    except json.JSONDecodeError as problem:
        found = fault(text, problem)
    except RecursionError:
        raise error(
            "can't be read: its lists or objects are nested too deeply", path=path
        ) from None
    except ValueError as problem:
        unknown = unknown_number(text)
        if unknown is None:
            what = "can't be read: a number has too many digits"
            raise error(what, path=path) from problem
        found = unknown
    raise error(found.message, path=path, line=found.line, column=found.column, hint=found.hint)


def loads(text: str) -> Any:
    """The plain values of a document.

    Raises:
        json.JSONDecodeError: It does not parse.
        ValueError: It has a number that JSON does not know.
        RecursionError: It is nested too deeply.
    """
    return json.loads(without_comments(text), parse_constant=_refuse)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
