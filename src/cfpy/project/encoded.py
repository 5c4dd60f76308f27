"""Reads a configuration file as text."""

from __future__ import annotations

from pathlib import Path

from cfpy.errors import LocatedError

_HINT = "Save it as UTF-8 with your editor."


def read_text(path: Path, error: type[LocatedError]) -> str:
    """The text of a file in UTF-8; it may begin with a byte order mark, which is left out.

    Args:
        path: The file.
        error: What to raise.

    Raises:
        LocatedError: It can't be read, or has another encoding.
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise error(f"can't be read: {problem.strerror or problem}", path=path) from problem
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        what = "it is UTF-16, not UTF-8" if wide else f"line {line} is not UTF-8"
        raise error(f"can't be read: {what}", path=path, hint=_HINT) from problem
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        message = f"can't be read: line {line} has a NUL character, as in a file in UTF-16"
        raise error(message, path=path, hint=_HINT)
    return text
