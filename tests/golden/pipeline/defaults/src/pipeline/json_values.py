"""The values of a JSON document, each with the path that leads to it.

Python's parser builds the whole document first, which for a list of empty objects takes thirty
times as much memory as the file. This one holds the path alone.
"""

import json
import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NoReturn

from jobs.job import Unprocessable
from pipeline.limits import MAX_JSON_DEPTH

# An empty list or object is one token: there may be millions of them.
_TOKEN = re.compile(
    rb"""[ \t\r\n]*+ (
      "(?: [^"\\\x00-\x1f]++ | \\(?: ["\\/bfnrt] | u[0-9A-Fa-f]{4} ) )*+"
    | \{[ \t\r\n]*+\} | \[[ \t\r\n]*+\] | [\[\]{},:] | [-+.\w]++ | \Z )""",
    re.X | re.A,
)
# Python's parser takes the last three, and some programs write them.
_WORD = re.compile(
    rb"-?(?:0|[1-9]\d*+)(?:\.\d++)?(?:[eE][-+]?\d++)?|true|false|null|NaN|-?Infinity"
)
# Half a character, which JSON can write and nothing can send.
_SURROGATE = re.compile("[\ud800-\udfff]")
_CLOSES = {b"[": b"]", b"{": b"}"}


class _Next(Enum):
    """What may come next."""

    VALUE = auto()
    # The first item of a list or an object, or its end.
    FIRST = auto()
    NAME = auto()
    COLON = auto()
    # A comma, or the end of what is open.
    COMMA = auto()


def read_json(data: bytes) -> Iterator[str]:
    """One line a value that is no list and no object, with its path.

    Args:
        data: The document, in UTF-8.

    Raises:
        Unprocessable: It is not JSON, or nested too deep.
    """
    # For each list or object that is open: what closes it, and where in it the next value is.
    open_: list[bytes] = []
    path: list[str | int] = []
    state, position = _Next.VALUE, 0
    while found := _TOKEN.match(data, position):
        token = found[1]
        if not token:
            break
        if open_ and token == open_[-1] and state in (_Next.FIRST, _Next.COMMA):
            open_.pop(), path.pop()
            state = _Next.COMMA
        elif state is _Next.COMMA:
            if token != b"," or not open_:
                _refuse(data, found.start(1), extra=not open_)
            in_list = open_[-1] == b"]"
            if in_list:
                path[-1] = int(path[-1]) + 1
            state = _Next.VALUE if in_list else _Next.NAME
        elif state is _Next.NAME or (state is _Next.FIRST and open_[-1] == b"}"):
            if token[:1] != b'"':
                _refuse(data, found.start(1))
            path[-1] = _string(token)
            state = _Next.COLON
        elif state is _Next.COLON:
            if token != b":":
                _refuse(data, found.start(1))
            state = _Next.VALUE
        elif token in _CLOSES:
            open_.append(_CLOSES[token])
            path.append(0)
            if len(open_) > MAX_JSON_DEPTH:
                raise Unprocessable(f"The JSON is nested more than {MAX_JSON_DEPTH} deep.")
            state = _Next.FIRST
        else:
            if token[:1] not in b"[{":
                yield _line(path, _leaf(data, found))
            state = _Next.COMMA
        position = found.end()
    if found is None or open_ or state is not _Next.COMMA:
        _refuse(data, found.start(1) if found else position)


def _leaf(data: bytes, found: re.Match[bytes]) -> str:
    token = found[1]
    if token[:1] == b'"':
        return _string(token)
    # Numbers stay as they are written.
    if not _WORD.fullmatch(token):
        _refuse(data, found.start(1))
    return str(token, "ascii")


def _string(token: bytes) -> str:
    return str(json.loads(token)) if b"\\" in token else token[1:-1].decode()


def _line(path: list[str | int], value: str) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    name = "".join(steps).removeprefix(".")
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", f"{name}: {value}" if name else value)


def _refuse(data: bytes, position: int, *, extra: bool = False) -> NoReturn:
    line = data.count(b"\n", 0, position) + 1
    found = data[position : position + 20].decode(errors="replace")
    if extra:
        why = f"it has a second value in line {line}. Send JSON Lines as a .txt file"
    else:
        why = f"line {line} does not go on as JSON at {found!r}" if found else "it ends too early"
    raise Unprocessable(f"The file is no valid JSON: {why}.")
