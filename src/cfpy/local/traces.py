"""Shows a traceback of the Worker's Python as a person needs it: own paths, only the frames that
matter, and the error at the end (or, for a failed reload, in the first line)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

# Where workerd and the node runtime mount the directory of the entry module.
_SOURCES = "/session/metadata/"
_MODULES = (f"{_SOURCES}python_modules/", "/session/python_modules/")
# Derived configurations: see preparation.py.
_DERIVED = re.compile(r"\.wrangler/cfpy/(?:front/front|worker)\.json")
_FRAME = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
_HEAD = "Traceback (most recent call last):"
# A frame with its lines of source, in an exception group after bars: they are indented deeper.
_WITH_SOURCE = re.compile(r'(?P<bars>[ |]*)  File "(?P<path>[^"]+)", line \d+')
# Frames of JavaScript, which follow the message of a PythonError.
_SCRIPT_FRAME = "    at "
# More frames of packages than this in a row are folded.
_FOLDED = 3
_HOW = "to `dependencies` in pyproject.toml"
_NO_PYPROJECT = ", which this project does not have yet"
_NO_RESPONSE = re.compile(r"(the Promise did not resolve to 'Response'\.)(?! fetch\(\))")
_RESPOND = (
    r'\1 fetch() has to return a Response, such as Response("text") or Response.json({"a": 1})'
)
# What Pyodide adds to a ModuleNotFoundError (its _pyodide/_importhook.py). A Worker can't use
# micropip. Line breaks may be escaped: a Worker logs its errors as JSON.
_NOTE = re.compile(
    r"(No module named '([^']+)')(?:\\n|\n)The module '([^']+)' is included in the Pyodide"
    r".+?for more details\.",
    re.DOTALL,
)
_NOTE_LINE = re.compile(
    r"\s*(The module '.*' is included in the Pyodide distribution"
    r"|You can install it by calling:$|await (micropip|pyodide)\."
    r"|See https://pyodide\.org/\S+ for more details\.)"
)
_UNKNOWN = re.compile(r"""(ModuleNotFoundError: No module named '[A-Za-z]\w*')(?=\\n|\n|"|$)""")


def in_project(text: str, project: Path, entry: Path) -> str:
    """``text`` with paths of the project instead of those of the interpreter, and with advice that
    is right for a Worker."""
    for place in _MODULES:
        text = text.replace(place, "python_modules/")
    sources = os.path.relpath(entry.parent, project)
    text = text.replace(_SOURCES, "" if sources == os.curdir else f"{sources}/")
    # The folder itself.
    text = text.replace(_SOURCES.rstrip("/"), sources)
    return advise(text, has_pyproject=(project / "pyproject.toml").is_file())


def in_own_file(text: str, config: str) -> str:
    """``text``, in which ``config``, the name of the project's configuration, is in place of the
    files that cfpy derives from it: wrangler names those that it reads."""
    return _DERIVED.sub(config, text)


def advise(text: str, *, has_pyproject: bool = True) -> str:
    """``text``, in which each module that is not there, and each answer that is not a response,
    comes with what to do about it. The node runtime does the same in ``advice.mjs``, because its
    answers contain it as well."""
    how = _HOW if has_pyproject else _HOW + _NO_PYPROJECT

    def add(found: re.Match[str]) -> str:
        said, module, package = found.groups()
        return f"{said}: add {'it' if module == package else repr(package)} {how}"

    text = _NO_RESPONSE.sub(_RESPOND, text)
    return _UNKNOWN.sub(rf"\1: if it is a package, add it {how}", _NOTE.sub(add, text))


def is_advice_of_pyodide(line: str) -> bool:
    """Whether a line of a log is a part of what Pyodide adds about a module that is not there."""
    return bool(_NOTE_LINE.match(line))


def not_loaded(text: str, what: str) -> str:
    """The report of code that can't be loaded: a summary, ``WHAT: FILE:LINE: ERROR``, and then the
    part of the traceback that is about the project.

    Args:
        text: A traceback with paths of the project, or another text.
        what: What failed, such as ``reload failed``.
    """
    lines = text.strip().splitlines() or ["unknown error"]
    own = [match for match in _FRAME.finditer(text) if _is_own(match["path"])]
    if not own:
        return "\n".join([f"{what}: {lines[0]}", *lines[1:]])
    # Below the frames, which are indented.
    after = text[own[-1].end() :].splitlines()[1:]
    why = next((line for line in after if line[:1].strip()), lines[-1].strip())
    summary = f"{what}: {own[-1]['path']}:{own[-1]['line']}: {why}"
    rest = text[own[0].start() :].strip("\n")
    return f"{summary}\n{_HEAD}\n{rest}"


def readable(text: str) -> str:
    """A traceback without the frames of the interpreter, with long runs of frames of packages
    folded, and with the error last. Another text stays as it is. The node runtime does the same in
    ``traces.mjs`` for its answers.

    Args:
        text: A traceback with paths of the project, or another text.
    """
    if _HEAD not in text:
        return text
    lines = text.rstrip("\n").splitlines()
    while lines[-1].startswith(_SCRIPT_FRAME):
        lines.pop()
    lines[0] = lines[0].removeprefix("PythonError: ")
    blocks = list(_blocks(lines))
    if any(path and _is_own(path) for path, _ in blocks):
        blocks = [block for block in blocks if not _is_interpreter(block[0])]
    return "\n".join(_folded(blocks))


_Block = tuple[str, list[str]]


def _blocks(lines: list[str]) -> Iterator[_Block]:
    """The frames with their paths, and what is between them with an empty path."""
    path, depth, kept = "", 0, list[str]()
    for line in lines:
        frame = _WITH_SOURCE.match(line)
        deeper = line[:depth].strip(" |") == "" and line[depth : depth + 1] == " "
        if frame or not (path and deeper):
            if kept:
                yield path, kept
            kept = []
            path = frame["path"] if frame else ""
            depth = len(frame["bars"]) + 2 if frame else 0
        kept.append(line)
    yield path, kept


def _folded(blocks: list[_Block]) -> Iterator[str]:
    """Their lines. Of many frames of packages in a row, the last one stays."""
    for packaged, group in groupby(blocks, lambda block: block[0].startswith("python_modules/")):
        run = list(group)
        if packaged and len(run) > _FOLDED:
            names = dict.fromkeys(Path(path).parts[1].removesuffix(".py") for path, _ in run[:-1])
            bars = run[0][1][0].partition("File ")[0]
            yield f"{bars}({len(run) - 1} frames in {', '.join(names)})"
            run = run[-1:]
        for _, lines in run:
            yield from lines


def _is_own(path: str) -> bool:
    return not path.startswith(("/", "<", "python_modules/"))


def _is_interpreter(path: str) -> bool:
    return path.startswith(("/", "<"))
