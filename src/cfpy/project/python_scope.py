"""What a Python module or class binds when it is executed, read from its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Bound:
    """A place that binds a name, in ``line``. ``statement`` is the one of the scope's own that has
    it. ``direct`` if that statement always binds the name, to something: a ``def``, a ``class``, an
    import, or the assignment of a value to the name."""

    name: str
    line: int
    statement: ast.stmt
    direct: bool


def bound(body: Iterable[ast.stmt]) -> list[Bound]:
    """All places in a scope that bind or delete a name, at any depth. The name of
    ``from x import *`` is ``*``."""
    return [
        Bound(name, line, statement, _always_binds(statement, name))
        for statement in body
        for node in executed([statement], classes=False)
        for name, line in _names(node, statement.lineno)
    ]


def executed(body: Iterable[ast.AST], *, classes: bool = True) -> Iterator[ast.AST]:
    """The nodes that run when the scope does: without the bodies of functions, and without those of
    classes if not ``classes``."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        for name, value in ast.iter_fields(node):
            own = isinstance(node, Function | ast.Lambda) or (
                isinstance(node, ast.ClassDef) and not classes
            )
            if not (own and name == "body"):
                items = value if isinstance(value, list) else [value]
                waiting += [item for item in items if isinstance(item, ast.AST)]


def _names(node: ast.AST, line: int) -> Iterator[tuple[str, int]]:
    line = getattr(node, "lineno", line)
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name, line
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], alias.lineno
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id, line
        case ast.Global() | ast.Nonlocal():
            yield from ((name, line) for name in node.names)
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name:
            yield node.name, line
        case ast.MatchMapping() if node.rest:
            yield node.rest, line


def _always_binds(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return statement.name == name
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Assign():
            return any(isinstance(t, ast.Name) and t.id == name for t in statement.targets)
        case ast.AnnAssign():
            target = statement.target
            named = isinstance(target, ast.Name) and target.id == name
            return named and statement.value is not None
        case _:
            return False
