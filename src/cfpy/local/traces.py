"""Shows a traceback of the Worker's Python as a person needs it: one line first, own paths."""

from __future__ import annotations

import os
import re
from pathlib import Path

# Where workerd and the node runtime mount the directory of the entry module.
_SOURCES = "/session/metadata/"
_MODULES = (f"{_SOURCES}python_modules/", "/session/python_modules/")
_FRAME = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
_HEAD = "Traceback (most recent call last):"


def in_project(text: str, project: Path, entry: Path) -> str:
    """``text`` with paths of the project instead of those of the interpreter."""
    for place in _MODULES:
        text = text.replace(place, "python_modules/")
    sources = os.path.relpath(entry.parent, project)
    return text.replace(_SOURCES, "" if sources == os.curdir else f"{sources}/")


def reload_failed(text: str) -> str:
    """The report of code that can't be loaded: a summary, ``reload failed: FILE:LINE: ERROR``, and
    then the part of the traceback that is about the project.

    Args:
        text: A traceback with paths of the project, or another text.
    """
    lines = text.strip().splitlines() or ["unknown error"]
    own = [match for match in _FRAME.finditer(text) if _is_own(match["path"])]
    if not own:
        return "\n".join([f"reload failed: {lines[0]}", *lines[1:]])
    # Below the frames, which are indented.
    after = text[own[-1].end() :].splitlines()[1:]
    why = next((line for line in after if line[:1].strip()), lines[-1].strip())
    summary = f"reload failed: {own[-1]['path']}:{own[-1]['line']}: {why}"
    rest = text[own[0].start() :].strip("\n")
    return f"{summary}\n{_HEAD}\n{rest}"


def _is_own(path: str) -> bool:
    return not path.startswith(("/", "<", "python_modules/"))
