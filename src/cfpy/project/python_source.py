"""Small additions to a project's Python modules; everything else stays unchanged."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from cfpy.project.line_ends import lines_of
from cfpy.project.python_scope import bound

_WIDTH = 100
_TYPES = "bindings"
# Functions that print.
_LOGS = {"log", "debug", "info", "warning", "error", "exception", "print"}


def with_export(source: str, module: str, name: str, first_party: Sequence[str]) -> str:
    """``source`` with an import of ``name``, so that the runtime finds it there.

    The line is added to the imports of the project's own modules, sorted like isort.

    Raises:
        SyntaxError: ``source`` is not valid Python.
    """
    # With the repeated name, it is an export and not an unused import.
    line = f"from {module} import {name} as {name}\n"
    if line in source:
        return source
    imports = [node for node in _top(source) if isinstance(node, ast.Import | ast.ImportFrom)]
    own = [node for node in imports if _module(node).partition(".")[0] in first_party]
    if own:
        later = [n for n in own if isinstance(n, ast.ImportFrom) and _module(n) > module]
        at = later[0].lineno - 1 if later else (own[-1].end_lineno or 0)
        return inserted(source, at, line)
    if imports:
        return inserted(source, imports[-1].end_lineno or 0, f"\n{line}")
    body = _top(source)
    documented = body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    at = (body[0].end_lineno or 0) if documented else 0
    return inserted(source, at, f"\n{line}" if at else f"{line}\n")


def with_binding(source: str, binding: str, kind: str) -> str | None:
    """``source`` with ``binding: kind`` in its ``class Env``, and the type imported; ``None`` if it
    has no such class, already has the binding, or imports its types from elsewhere.

    Raises:
        SyntaxError: ``source`` is not valid Python.
    """
    tree = ast.parse(source)
    env = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Env"), None)
    if env is None or _types(tree) is None or env.end_lineno is None:
        return None
    said = [ast.unparse(n.target) for n in env.body if isinstance(n, ast.AnnAssign)]
    if binding in said:
        return None
    # From the bottom up, so that the lines above keep their numbers.
    source = _with_line(source, env, f"{binding}: {kind}")
    return with_type(source, kind)


def _with_line(source: str, cls: ast.ClassDef, line: str) -> str:
    """``source`` with ``line`` at the end of a class, indented like its body."""
    lines, first, end = lines_of(source), cls.body[0], cls.end_lineno or 0
    start = _before(lines, first.lineno, first.col_offset)
    if not start.strip():
        return inserted(source, end_of(cls, lines, start), f"{start}{line}\n")
    # The body stands behind the colon.
    head = start.rstrip()
    indent = f"{head[: len(head) - len(head.lstrip())]}    "
    body = "".join(lines[first.lineno - 1 : end])[len(start) :].rstrip("\n")
    lines[first.lineno - 1 : end] = [f"{head}\n{indent}{body}\n{indent}{line}\n"]
    return "".join(lines)


def end_of(cls: ast.ClassDef, lines: list[str], indent: str) -> int:
    """The last line of a class, whose body is indented by ``indent``: Python's own number leaves
    out the comments at the end."""
    end = cls.end_lineno or 0
    for number, line in enumerate(lines[end:], end + 1):
        if line.startswith(indent) and line.lstrip().startswith("#"):
            end = number
        elif line.strip():
            break
    return end


def _before(lines: list[str], line: int, column: int) -> str:
    """The part of ``line`` (from 1) before ``column``, which counts bytes of UTF-8."""
    return lines[line - 1].encode()[:column].decode()


def with_type(source: str, kind: str) -> str | None:
    """``source`` with the type ``kind`` imported where it imports such types; ``None`` if it
    imports none, or if ``kind`` is something else there.

    Raises:
        SyntaxError: ``source`` is not valid Python.
    """
    tree = ast.parse(source)
    types = _types(tree)
    if types is None:
        return None
    others = (item for item in bound(tree.body) if item.name == kind)
    if any(item.line not in range(types.lineno, (types.end_lineno or 0) + 1) for item in others):
        return None
    lines = lines_of(source)
    start = _before(lines, types.lineno, types.col_offset)
    names = {ast.unparse(alias) for alias in types.names} | {kind}
    lines[types.lineno - 1 : types.end_lineno] = [_import(start, names)]
    return "".join(lines)


def chosen_by(source: str, handler: str, event: str) -> tuple[str, int]:
    """The function that a Worker's ``handler`` calls with ``event``, such as ``batch.queue``, and
    its line: it decides which code gets which event. ``("", 0)`` if there is none.

    Raises:
        SyntaxError: ``source`` is not valid Python.
    """
    tree = ast.parse(source)
    handlers = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)
        and node.name in (handler, f"on_{handler}")
    )
    calls = (node for found in handlers for node in ast.walk(found) if isinstance(node, ast.Call))
    # A log line gets the event, too, and chooses nothing.
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef | ast.FunctionDef))
    own = {node.name: node.lineno for node in functions if node.name not in _LOGS}
    names = (
        ast.unparse(call.func)
        for call in calls
        if event in map(ast.unparse, (*call.args, *(item.value for item in call.keywords)))
    )
    found = ((name, own.get(name.rpartition(".")[2], 0)) for name in names)
    return next(((name, line) for name, line in found if line), ("", 0))


def python_files(root: Path) -> Iterator[Path]:
    """The project's own modules below ``root``."""
    for path in sorted(root.rglob("*.py")):
        if not {"python_modules", ".venv", "node_modules"} & set(path.relative_to(root).parts):
            yield path


def _import(start: str, names: set[str]) -> str:
    # Sorted like ruff: constants, then classes.
    ordered = sorted(names, key=lambda name: (not name.isupper(), name))
    line = f"{start}from {_TYPES} import {', '.join(ordered)}"
    if len(line) <= _WIDTH:
        return f"{line}\n"
    indent = start[: len(start) - len(start.lstrip())]
    listed = "".join(f"{indent}    {name},\n" for name in ordered)
    return f"{start}from {_TYPES} import (\n{listed}{indent})\n"


def _types(tree: ast.Module) -> ast.ImportFrom | None:
    """The import of the types of bindings: the module with them exists only for type checkers."""
    imports = (
        node
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
    )
    return next((n for n in imports if (n.module, n.level) == (_TYPES, 0)), None)


def _top(source: str) -> list[ast.stmt]:
    return ast.parse(source).body


def _module(node: ast.Import | ast.ImportFrom) -> str:
    if isinstance(node, ast.ImportFrom):
        return node.module or ""
    return node.names[0].name


def inserted(source: str, at: int, text: str) -> str:
    """``source`` with ``text`` after the line ``at``."""
    lines = lines_of(source)
    if lines[:at] and not lines[at - 1].endswith("\n"):
        lines[at - 1] += "\n"
    return "".join([*lines[:at], text, *lines[at:]])
