"""What a JavaScript or TypeScript Worker's main module has under the name of a class.

The runtime finds a class among the module's exports; a second export by the same name is an error
of the build, and so is a default export that is not there: wrangler then takes the script for a
service worker, which can't have Durable Objects (``guessWorkerFormat`` in wrangler 4.164).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cfpy.project.edits import ExistingClass
from cfpy.project.line_ends import plain
from cfpy.project.script_syntax import (
    field_of,
    first_error,
    is_default,
    key_of,
    line_of,
    nodes_in,
    parts_of,
    syntax_of,
    text_of,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_SUFFIXES = (".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs")
_CLASSES = {"class", "class_declaration", "abstract_class_declaration"}
_VARIABLES = {"lexical_declaration", "variable_declaration"}
_BINDS = {"identifier", "type_identifier", "shorthand_property_identifier_pattern"}
# A class of before the SDK had a base class for it: any class with such a method.
_OLD_METHODS = {"DurableObject": "fetch"}
# An export of an export, and so on.
_DEEPEST = 20


@dataclass(frozen=True)
class _Module:
    path: Path
    tree: Node

    @classmethod
    def of(cls, path: Path) -> _Module:
        return cls(path, syntax_of(plain(path.read_bytes().decode()), path.suffix))


def default_export(entry: Path) -> tuple[bool, int]:
    """Whether a main module has a default export, and the first line that cfpy can't read; 0 if
    there is none.

    Raises:
        ValueError, OSError: It can't be read.
    """
    tree = _Module.of(entry).tree
    return any(is_default(node) for node in tree.children), first_error(tree)


def script_class(entry: Path, name: str, base: str) -> ExistingClass | None:
    """What the module ``entry`` exports or declares as ``name``; ``None`` if nothing that cfpy can
    see.

    Args:
        entry: The main module.
        name: The name of a class.
        base: The class of the SDK that it has to extend, such as ``DurableObject``.

    Raises:
        ValueError, OSError: It can't be read.
    """
    module = _Module.of(entry)
    found = _exported(module, name, base, _DEEPEST)
    if found is not None:
        return found
    node = next((node for declared, node in _declared(module.tree) if declared == name), None)
    return node and ExistingClass(entry, line_of(node), "it is not exported under this name")


def _exported(module: _Module, name: str, base: str, depth: int) -> ExistingClass | None:
    """What an export of a module is."""
    statements = [node for node in module.tree.children if node.type == "export_statement"]
    for node in statements:
        if name == "default" and is_default(node):
            value = field_of(node, "value", "declaration")
            return value and _judged(module, value, base, depth)
        declaration = field_of(node, "declaration")
        for declared, at in _names_of(declaration) if declaration else ():
            if declared == name and not is_default(node):
                return _judged(module, at, base, depth)
        for clause in parts_of(node):
            if clause.type == "namespace_export" and text_of(parts_of(clause)[0]) == name:
                return ExistingClass(module.path, line_of(node), f"it is not a class of {base}")
            for item in parts_of(clause) if clause.type == "export_clause" else ():
                if _plain(field_of(item, "alias", "name")) == name:
                    return _passed_on(module, node, item, base, depth)
    for node in statements:
        star = any(child.type == "*" for child in node.children)
        source = _source(module, node) if star else None
        found = _exported(source, name, base, depth - 1) if source and depth else None
        if found is not None:
            return ExistingClass(module.path, line_of(node), found.why) if found.why else found
    return None


def _passed_on(module: _Module, export: Node, item: Node, base: str, depth: int) -> ExistingClass:
    """What ``export { X as Room }`` exports, which may be from another module."""
    name = _plain(field_of(item, "name"))
    if field_of(export, "source"):
        return _from(module, export, name, base, depth)
    for declared, node in _declared(module.tree):
        if declared == name:
            return _judged(module, node, base, depth)
    return ExistingClass(module.path, line_of(item), f"it is not a class of {base}")


def _from(module: _Module, statement: Node, name: str, base: str, depth: int) -> ExistingClass:
    """What another module exports, for a statement that imports or exports it from there."""
    source = _source(module, statement)
    found = _exported(source, name, base, depth - 1) if source and depth else None
    if found is None:
        why = f"cfpy can't tell whether it is a class of {base}"
        return ExistingClass(module.path, line_of(statement), why)
    return ExistingClass(module.path, line_of(statement), found.why) if found.why else found


def _judged(module: _Module, node: Node, base: str, depth: int) -> ExistingClass:
    """Whether what declares a name is a class of ``base``."""
    line = line_of(node)
    if node.type in ("import_specifier", "import_clause"):
        statement = node
        while statement.parent is not None and statement.type != "import_statement":
            statement = statement.parent
        name = _plain(field_of(node, "name")) if node.type == "import_specifier" else "default"
        return _from(module, statement, name, base, depth)
    value = field_of(node, "value") if node.type == "variable_declarator" else node
    if value and value.type == "identifier" and depth:
        # export default Room
        own = (at for declared, at in _declared(module.tree) if declared == text_of(value))
        if (at := next(own, None)) is not None:
            return _judged(module, at, base, depth - 1)
    real = value and value.type in _CLASSES and _extends(module, value, base, depth)
    return ExistingClass(module.path, line, "" if real else f"it is not a class of {base}")


def _extends(module: _Module, owner: Node, base: str, depth: int) -> bool:
    """Whether a class extends ``base``, also through other classes of the project."""
    heritage = [node for node in parts_of(owner) if node.type == "class_heritage"]
    clauses = [part for node in heritage for part in parts_of(node)]
    clauses = [part for part in clauses if part.type != "implements_clause"]
    if not clauses:
        body = field_of(owner, "body")
        methods = [field_of(node, "name") for node in (parts_of(body) if body else [])]
        return _OLD_METHODS.get(base) in [text_of(name) for name in methods if name]
    parent = field_of(clauses[0], "value") if clauses[0].type == "extends_clause" else clauses[0]
    name = text_of(parent) if parent else ""
    if name.rpartition(".")[2] == base:
        return True
    for declared, node in _declared(module.tree) if depth else ():
        if declared == name and node is not owner:
            # import { DurableObject as Base }
            if node.type == "import_specifier" and _plain(field_of(node, "name")) == base:
                return True
            return not _judged(module, node, base, depth - 1).why
    return False


def _declared(tree: Node) -> Iterator[tuple[str, Node]]:
    """The names that the top of a module declares or imports, each with its node."""
    for statement in tree.children:
        if statement.type == "import_statement":
            for node in nodes_in(statement):
                if node.type == "import_specifier":
                    yield _plain(field_of(node, "alias", "name")), node
                elif node.type in ("namespace_import", "import_clause"):
                    # The clause may begin with the name of the default export.
                    first = parts_of(node)[0]
                    yield from [(text_of(first), node)] if first.type == "identifier" else []
        else:
            yield from _names_of(field_of(statement, "declaration") or statement)


def _names_of(node: Node) -> Iterator[tuple[str, Node]]:
    """The names that a declaration declares."""
    if node.type in ("ambient_declaration", "expression_statement"):
        for child in parts_of(node):
            if child.type.endswith(("declaration", "module")):
                yield from _names_of(child)
    elif node.type in _VARIABLES:
        for item in parts_of(node):
            pattern = field_of(item, "name") or item
            if pattern.type == "identifier":
                yield text_of(pattern), item
            else:
                yield from ((text_of(n), n) for n in nodes_in(pattern) if n.type in _BINDS)
    elif node.type.endswith(("_declaration", "_module", "_signature")):
        name = field_of(node, "name")
        yield from [(text_of(name), node)] if name else []


def _plain(node: Node | None) -> str:
    """The name that a part of an import or export has, which may be in quotes."""
    return (key_of(node) or "") if node is not None else ""


def _source(module: _Module, statement: Node) -> _Module | None:
    """The project's own module that a statement names; ``None`` if it is not one."""
    node = field_of(statement, "source")
    name = _plain(node)
    if not name.startswith("."):
        return None
    target = module.path.parent / name
    # import "./room.js" may name room.ts.
    stem = target.with_suffix("") if target.suffix in _SUFFIXES else target
    names = [target, *(stem.with_name(stem.name + suffix) for suffix in _SUFFIXES)]
    for path in [*names, *(target / f"index{suffix}" for suffix in _SUFFIXES)]:
        if path.is_file() and path.suffix in _SUFFIXES:
            try:
                return _Module.of(path)
            except (OSError, ValueError):
                return None
    return None
