"""Adds a handler, such as ``queue``, to a Python Worker's main module, if it surely has none.

A second handler would replace the first one, and take its messages. So cfpy only edits what it can
see through: anything that could give the Worker the handler in another way is a reason to change
nothing. Only the class ``Default`` gets events, or with an old compatibility date functions such as
``on_fetch`` (workerd's src/pyodide/python-entrypoint-helper.ts, ``handleDefaultClass`` and
``LEGACY_GLOBAL_HANDLERS``); other classes of ``WorkerEntrypoint`` are for service bindings.
"""

from __future__ import annotations

import ast
import platform
from collections.abc import Iterable, Iterator

from cfpy.project.edits import Handled, NewHandler
from cfpy.project.line_ends import lines_of
from cfpy.project.python_scope import Bound, bound, executed
from cfpy.project.python_source import end_of, inserted, with_type

_ENTRY, _BASE, _MODULE = "Default", "WorkerEntrypoint", "workers"
_WIDTH = 100
# What can bind any name, or answer for it.
_OPEN = {"exec", "eval", "globals", "locals", "vars", "setattr", "__import__"}
_SETS = {"setattr", "__setattr__", "__dict__"}
_ANSWERS = {"__getattr__", "__getattribute__"}


def with_python_handler(source: str, new: NewHandler, *, functions: bool = False) -> Handled:
    """``source`` with the handler in its class ``Default``, or as a function if it has functions
    instead and the runtime calls them. It is unchanged if it has the handler, or if that is not
    sure."""
    try:
        return _with_handler(source, ast.parse(source), new, functions=functions)
    except SyntaxError as error:
        version = platform.python_version()
        return Handled(source, why=f"Python {version} can't read line {error.lineno or 1} of it")
    except (ValueError, RecursionError, MemoryError):
        # A null byte, or too many parentheses.
        return Handled(source, why="Python can't read it")


def _with_handler(source: str, tree: ast.Module, new: NewHandler, *, functions: bool) -> Handled:
    if "\r" in source:
        # Python counts it as the end of a line, and other tools do not.
        return Handled(source, why="it has a carriage return that does not end a line")
    entries = [item for item in bound(tree.body) if item.name == _ENTRY]
    if not entries:
        return _with_function(source, tree, new, called=functions)
    owner = entries[0].statement
    if len(entries) > 1 or not isinstance(owner, ast.ClassDef) or not entries[0].direct:
        lines = ", ".join(str(item.line) for item in entries)
        return Handled(source, why=f"it does not define {_ENTRY} once, as a class (line {lines})")
    return _with_method(source, tree, owner, new)


def _with_method(source: str, tree: ast.Module, owner: ast.ClassDef, new: NewHandler) -> Handled:
    found = _existing(owner.body, new.name)
    if found and all(item.direct for item in found):
        return Handled(source, line=found[-1].line)
    # Older runtimes call on_queue of a module, or of the class.
    old = f"on_{new.name}"
    found += [*_existing(owner.body, old), *_existing(tree.body, old)]
    why = (
        _star([*tree.body, *owner.body])
        or next((f"line {item.line} may bind {item.name}" for item in found), "")
        or _unknown_class(tree, owner)
        or _open(owner.body, new.name)
        or _decorated(owner.body, new.name)
        or _changed_elsewhere(tree, owner, new.name)
    )
    lines = lines_of(source)
    line = lines[owner.body[0].lineno - 1]
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    if not why and not indent:
        why = f"the body of {_ENTRY} is on the line of its name"
    if why:
        return Handled(source, why=why)
    # Annotations are not evaluated: the names of types exist only while types are checked.
    typed = _postponed(tree) and with_type(source, new.type) is not None
    method = "\n".join(["", *_method(new, indent, typed=typed), ""])
    changed = inserted(source, end_of(owner, lines, indent), method)
    place = _only_new(tree, changed, owner.name)
    if not place:
        return Handled(source, why=f"cfpy can't tell where {_ENTRY} ends")
    changed = (with_type(changed, new.type) if typed else None) or changed
    return Handled(changed, line=_only_new(None, changed, owner.name), new=True)


def _with_function(source: str, tree: ast.Module, new: NewHandler, *, called: bool) -> Handled:
    name = f"on_{new.name}"
    found = _existing(tree.body, name)
    if called and found and all(item.direct for item in found):
        return Handled(source, line=found[-1].line)
    has = any(item.name == "on_fetch" and item.direct for item in bound(tree.body))
    if not called or not has:
        star = _star(tree.body)
        return Handled(source, why=star or f"it has no class {_ENTRY}, which gets the events")
    globals_ = (node for node in ast.walk(tree) if isinstance(node, ast.Global))
    declared = [node for node in globals_ if name in node.names]
    why = (
        _star(tree.body)
        or next((f"line {item.line} may bind {name}" for item in found), "")
        or next((f"line {node.lineno} may bind {name}" for node in declared), "")
        or _attribute_set(tree, name, "")
        or _open(tree.body, name)
    )
    if why:
        return Handled(source, why=why)
    head = f"async def {name}({new.parameter}, env, ctx):"
    text = "\n".join(["", "", head, *(f"    {line}" for line in new.python), ""])
    changed = inserted(source, len(lines_of(source)), text)
    line = _only_new(tree, changed, "")
    if not line:
        return Handled(source, why="cfpy can't tell where it ends")
    return Handled(changed, line=line, new=True)


def _existing(body: Iterable[ast.stmt], name: str) -> list[Bound]:
    return [item for item in bound(body) if item.name == name]


def _star(body: Iterable[ast.stmt]) -> str:
    stars = (item for item in bound(body) if item.name == "*")
    return next((f"`import *` in line {item.line} may bind anything" for item in stars), "")


def _unknown_class(tree: ast.Module, owner: ast.ClassDef) -> str:
    """Why the class may have more methods than those that it shows, or an empty string."""
    if owner.decorator_list:
        return f"a decorator may change {_ENTRY} (line {owner.decorator_list[0].lineno})"
    if owner.keywords or len(owner.bases) != 1:
        return f"{_ENTRY} does not have {_BASE} as its only base (line {owner.lineno})"
    base = ast.unparse(owner.bases[0])
    first, _, rest = base.partition(".")
    places = [item for item in bound(tree.body) if item.name == first]
    if len(places) == 1 and places[0].direct and _imports_base(places[0].statement, first, rest):
        return ""
    return f"the base class {base} may define handlers (line {owner.lineno})"


def _imports_base(statement: ast.stmt, name: str, rest: str) -> bool:
    """Whether an import binds ``name`` so that ``name.rest`` is the SDK's class."""
    match statement:
        case ast.ImportFrom(module="workers", level=0):
            return (_BASE, name) in _imported(statement) and not rest
        case ast.Import():
            return (_MODULE, name) in _imported(statement) and rest == _BASE
        case _:
            return False


def _imported(statement: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
    return [(alias.name, alias.asname or alias.name) for alias in statement.names]


def _open(body: Iterable[ast.stmt], *names: str) -> str:
    """Why a scope may bind one of ``names``, or answer for it, without a usual statement."""
    for item in bound(body):
        if item.name in _ANSWERS:
            return f"{item.name} in line {item.line} may answer for any name"
    for node in executed(body):
        if isinstance(node, ast.Name) and node.id in _OPEN:
            return f"{node.id} in line {node.lineno} may bind any name"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
            return f"{node.value!r} in line {node.lineno} may register a handler"
    return ""


def _changed_elsewhere(tree: ast.Module, owner: ast.ClassDef, name: str) -> str:
    """Why the class, or its instances, may get ``name`` outside of the class's own scope."""
    others = [item for item in tree.body if item is not owner and not _is_all(item)]
    for node in (node for statement in others for node in ast.walk(statement)):
        named = (getattr(node, key, None) for key in ("id", "attr", "value"))
        if _ENTRY in [word for word in named if isinstance(word, str)]:
            return f"line {getattr(node, 'lineno', 0)} uses {_ENTRY}, and may change it"
    for node in ast.walk(owner):
        word = getattr(node, "id", "") or getattr(node, "attr", "")
        if word in _SETS:
            return f"{word} in line {getattr(node, 'lineno', 0)} may set any name"
    return _attribute_set(owner, name, "") or _attribute_set(tree, name, "self") or _open(others)


def _decorated(body: Iterable[ast.stmt], name: str) -> str:
    """Why a decorator may register a method under ``name``, such as ``@on.queue``."""
    for node in body:
        for decorator in getattr(node, "decorator_list", []):
            if name in ast.unparse(decorator):
                return f"the decorator in line {decorator.lineno} may register a handler"
    return ""


def _attribute_set(scope: ast.AST, name: str, allowed: str) -> str:
    """Where the attribute ``name`` of something other than ``allowed`` is set or deleted."""
    for node in ast.walk(scope):
        if (
            isinstance(node, ast.Attribute)
            and node.attr == name
            and isinstance(node.ctx, ast.Store | ast.Del)
            and ast.unparse(node.value) != allowed
        ):
            return f"line {node.lineno} sets {ast.unparse(node)}"
    return ""


def _is_all(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and [
        ast.unparse(target) for target in statement.targets
    ] == ["__all__"]


def _postponed(tree: ast.Module) -> bool:
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    return any(
        node.module == "__future__" and "annotations" in [alias.name for alias in node.names]
        for node in imports
    )


def _method(new: NewHandler, indent: str, *, typed: bool) -> Iterator[str]:
    own, none = (f": {new.type}", ": None = None") if typed else ("", "=None")
    returns = " -> None" if typed else ""
    head = f"async def {new.name}(self, {new.parameter}{own}, env{none}, ctx{none}){returns}:"
    if len(indent + head) > _WIDTH:
        head = head.replace("(", f"(\n{indent}{indent}", 1).replace(")", f"\n{indent})")
    yield f"{indent}{head}"
    # Steps of four inside of the body become the module's own.
    yield from (
        f"{indent}{indent}{line.replace('    ', indent) if line[:1] == ' ' else line}"
        for line in new.python
    )


def _only_new(before: ast.Module | None, source: str, owner: str) -> int:
    """The line of the last statement of the class ``owner``, or of the module. 0 if there are more
    differences to ``before`` than that."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return 0
    body = next(
        (node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == owner),
        tree.body,
    )
    line = body.pop().lineno
    return line if before is None or ast.dump(tree) == ast.dump(before) else 0
