"""What a Python Worker's main module has under the name of a class, in it or by its imports.

The runtime finds a class by any name that the main module binds, so a second one by that name would
replace the first.
"""

from __future__ import annotations

import ast
from pathlib import Path

from cfpy.project.edits import ExistingClass
from cfpy.project.line_ends import plain
from cfpy.project.python_scope import Bound, bound

# An import of an import, and so on.
_DEEPEST = 20


def python_class(entry: Path, name: str, base: str) -> ExistingClass | None:
    """What the module ``entry`` binds as ``name``; ``None`` if nothing that cfpy can see.

    Args:
        entry: The main module.
        name: The name of a class.
        base: The class of the SDK that it has to inherit from, such as ``DurableObject``.

    Raises:
        SyntaxError: ``entry`` is not valid Python.
        ValueError, OSError: It can't be read.
    """
    tree = ast.parse(plain(entry.read_bytes().decode()))
    return _named(entry.parent, entry, tree, name, base, _DEEPEST)


def _named(
    root: Path, path: Path, tree: ast.Module, name: str, base: str, depth: int
) -> ExistingClass | None:
    places = [item for item in bound(tree.body) if item.name == name]
    if not places:
        return _from_star(root, path, tree, name, base, depth)
    place = places[0]
    if len(places) > 1:
        lines = ", ".join(str(item.line) for item in sorted(places, key=lambda item: item.line))
        return ExistingClass(path, place.line, f"lines {lines} all bind it")
    if not place.direct:
        return ExistingClass(path, place.line, "it is not bound at the top of the module")
    match place.statement:
        case ast.ClassDef() as owner:
            real = _inherits(root, path, tree, owner, base, depth)
            return ExistingClass(path, place.line, "" if real else f"it is not a class of {base}")
        case ast.ImportFrom() as node:
            return _imported(root, path, place, node, base, depth)
        case _:
            return ExistingClass(path, place.line, f"it is not a class of {base}")


def _imported(
    root: Path, path: Path, place: Bound, node: ast.ImportFrom, base: str, depth: int
) -> ExistingClass:
    """What ``from module import Name`` binds: cfpy looks into the project's own modules."""
    [name] = [alias.name for alias in node.names if (alias.asname or alias.name) == place.name]
    source = _module(root, path, node)
    found = None
    if source is not None and depth:
        try:
            tree = ast.parse(source.read_bytes())
        except (SyntaxError, ValueError, OSError):
            return ExistingClass(
                path, place.line, f"cfpy can't read {source.name}, where it is from"
            )
        found = _named(root, source, tree, name, base, depth - 1)
    if found is None:
        return ExistingClass(path, place.line, f"cfpy can't tell whether it is a class of {base}")
    # The line of the main module is what a person looks for first.
    return found if not found.why else ExistingClass(path, place.line, found.why)


def _from_star(
    root: Path, path: Path, tree: ast.Module, name: str, base: str, depth: int
) -> ExistingClass | None:
    """The same for ``from module import *`` of the project's own modules."""
    for statement in tree.body:
        if not isinstance(statement, ast.ImportFrom) or statement.names[0].name != "*":
            continue
        source = _module(root, path, statement)
        if source is None or not depth or name.startswith("_"):
            continue
        try:
            found = _named(root, source, ast.parse(source.read_bytes()), name, base, depth - 1)
        except (SyntaxError, ValueError, OSError):
            continue
        if found is not None:
            return ExistingClass(path, statement.lineno, found.why) if found.why else found
    return None


def _module(root: Path, path: Path, node: ast.ImportFrom) -> Path | None:
    """The project's own module that an import names; ``None`` if it is not one."""
    folder = root
    if node.level:
        folder = path.parent
        for _ in range(node.level - 1):
            folder = folder.parent
    target = folder.joinpath(*(node.module or "").split("."))
    for file in (target.with_name(f"{target.name}.py"), target / "__init__.py"):
        if file.is_file():
            return file
    return None


def _inherits(
    root: Path, path: Path, tree: ast.Module, owner: ast.ClassDef, base: str, depth: int
) -> bool:
    """Whether a class inherits from ``base``, also through other classes of the project."""
    for node in owner.bases:
        name = ast.unparse(node)
        if name.rpartition(".")[2] == base:
            return True
        if depth and name.isidentifier() and name != owner.name:
            found = _named(root, path, tree, name, base, depth - 1)
            if found is not None and not found.why:
                return True
        # from workers import DurableObject as Base
        imports = (
            item.statement
            for item in bound(tree.body)
            if item.name == name and isinstance(item.statement, ast.ImportFrom)
        )
        for statement in imports:
            if any(a.asname == name and a.name == base for a in statement.names):
                return True
    return False
