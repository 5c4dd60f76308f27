"""Adds a handler, such as ``queue``, to a JavaScript or TypeScript Worker's main module, if it
surely has none.

The handlers of a Worker are the methods of its default export
(developers.cloudflare.com/workers/runtime-apis/handlers). cfpy edits an object or a class in the
same file whose members are all visible, and changes nothing otherwise: a second handler could
replace the first one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfpy.project.edits import Handled, NewHandler
from cfpy.project.script_syntax import (
    field_of,
    first_error,
    is_default,
    is_typed,
    key_of,
    line_of,
    mentions,
    nodes_in,
    parts_of,
    syntax_of,
    text_of,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_BASE, _MODULE = "WorkerEntrypoint", "cloudflare:workers"
_SHORT = 40
_WRAPPERS = {"parenthesized_expression", "satisfies_expression", "as_expression"}
_CLASSES = {"class", "class_declaration"}
# What can give a class methods that it does not show.
_PATCHES = {"prototype", "setPrototypeOf", "__proto__", "__defineGetter__"}


class _UnsureError(Exception):
    """cfpy does not know which handlers the Worker has, with the reason."""


def with_script_handler(source: str, new: NewHandler, suffix: str) -> Handled:
    """``source``, the text of a file with this suffix, with the handler in its default export. It
    is unchanged if it has the handler, or if that is not sure."""
    try:
        module = syntax_of(source, suffix)
        owner = _default_export(module)
        if line := _line_of(owner, new.name):
            return Handled(source, line=line)
        _check(module, owner, new.name)
        changed = _inserted(source, owner, new, typed=is_typed(suffix))
        line = _line_of(_default_export(syntax_of(changed, suffix)), new.name)
        if not line:
            raise _UnsureError("cfpy can't tell where its default export begins")
        return Handled(changed, line=line, new=True)
    except _UnsureError as unsure:
        return Handled(source, why=str(unsure))


def _default_export(module: Node) -> Node:
    """The object, or the class, that a module exports as its default.

    Raises:
        _UnsureError: It is not in this file, or not plain.
    """
    if line := first_error(module):
        raise _UnsureError(f"cfpy can't read line {line} of it")
    exports = [node for node in module.children if is_default(node)]
    if len(exports) != 1:
        raise _UnsureError(
            "it has no default export" if not exports else "it has two default exports"
        )
    [export] = exports
    value = field_of(export, "value", "declaration")
    if value is None and not field_of(export, "source"):
        clauses = (node for node in parts_of(export) if node.type == "export_clause")
        specifiers = (item for clause in clauses for item in parts_of(clause))
        value = next((field_of(item, "name") for item in specifiers if is_default(item)), None)
    value, name = value and _unwrapped(value), ""
    if value and value.type == "identifier":
        name = text_of(value)
        value = _declared(module, name)
    if value is None or value.type not in _CLASSES | {"object"}:
        line = line_of(export)
        raise _UnsureError(f"its default export in line {line} is not a plain object or class")
    # The declaration and the export: what uses it elsewhere may change it.
    if name and mentions(module, name) != 2:
        raise _UnsureError(f"its default export {name} is also used elsewhere, and may be changed")
    if any(node.type == "decorator" for node in (*export.children, *nodes_in(value))):
        raise _UnsureError(f"a decorator may change its default export (line {line_of(export)})")
    return value


def _unwrapped(value: Node) -> Node:
    while value.type in _WRAPPERS and parts_of(value):
        value = parts_of(value)[0]
    return value


def _declared(module: Node, name: str) -> Node | None:
    """The class or the constant object that a module calls ``name``."""
    for statement in module.children:
        node = field_of(statement, "declaration") or statement
        if node.type == "class_declaration" and text_of(field_of(node, "name") or node) == name:
            return node
        if node.type == "lexical_declaration" and node.children[0].type == "const":
            for item in parts_of(node):
                value = field_of(item, "value")
                if value and text_of(field_of(item, "name") or item) == name:
                    return _unwrapped(value)
    return None


def _members(owner: Node) -> Iterator[tuple[str | None, Node]]:
    """The keys of an object's or class's members, and their nodes; ``None`` is an unknown key."""
    body = owner if owner.type == "object" else field_of(owner, "body")
    for node in parts_of(body) if body else []:
        if node.type == "shorthand_property_identifier":
            yield text_of(node), node
        elif not any(child.type == "static" for child in node.children):
            key = field_of(node, "key", "name", "property")
            yield key and key_of(key), node


def _line_of(owner: Node, name: str) -> int:
    return next((line_of(node) for key, node in _members(owner) if key == name), 0)


def _check(module: Node, owner: Node, name: str) -> None:
    """Check that the default export has no handler ``name`` that it does not show.

    Raises:
        _UnsureError: It may have one.
    """
    for key, node in _members(owner):
        if key is None or key == "__proto__":
            raise _UnsureError(f"`{_short(node)}` in line {line_of(node)} may define {name}")
    if owner.type == "object":
        return
    if not _extends_base(module, owner):
        raise _UnsureError(
            f"its class does not extend {_BASE} of {_MODULE} (line {line_of(owner)})"
        )
    own = field_of(owner, "name")
    inline = owner.parent is not None and is_default(owner.parent)
    if own and mentions(module, text_of(own)) > (1 if inline else 2):
        raise _UnsureError(
            f"its class {text_of(own)} is also used elsewhere, and may be changed there"
        )
    for node in nodes_in(module):
        if _may_define(node, name):
            raise _UnsureError(f"`{_short(node)}` in line {line_of(node)} may define {name}")


def _short(node: Node) -> str:
    text = text_of(node).partition("\n")[0]
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."


def _may_define(node: Node, name: str) -> bool:
    """Whether a node anywhere in a module may give a class, or its instances, the member."""
    if node.type == "property_identifier" and text_of(node) in _PATCHES:
        return True
    if node.type == "class_static_block":
        return True
    if node.type == "member_expression" and text_of(node) == f"this.{name}":
        return True
    if (
        node.type == "required_parameter"
        and node.named_children[0].type == "accessibility_modifier"
    ):
        return text_of(field_of(node, "pattern") or node) == name
    target = field_of(node, "left") if "assignment" in node.type else None
    if target and target.type == "member_expression":
        return text_of(field_of(target, "property") or target) == name
    if target and target.type == "subscript_expression":
        return text_of(field_of(target, "object") or target) == "this"
    # Object.assign(this, handlers)
    called = text_of(field_of(node, "function") or node) if node.type == "call_expression" else ""
    arguments = field_of(node, "arguments")
    given = parts_of(arguments) if arguments else []
    return called.startswith(("Object.", "Reflect.")) and "this" in map(text_of, given)


def _extends_base(module: Node, owner: Node) -> bool:
    """Whether the only thing that a class inherits from is the WorkerEntrypoint of the runtime."""
    heritage = [node for node in parts_of(owner) if node.type == "class_heritage"]
    clauses = [part for node in heritage for part in parts_of(node)]
    clauses = [part for part in clauses if part.type != "implements_clause"]
    if len(clauses) != 1:
        return False
    base = field_of(clauses[0], "value") if clauses[0].type == "extends_clause" else clauses[0]
    return base is not None and text_of(base) in set(_imported_bases(module))


def _imported_bases(module: Node) -> Iterator[str]:
    for statement in module.children:
        path = field_of(statement, "source")
        if statement.type == "import_statement" and path and key_of(path) == _MODULE:
            for node in nodes_in(statement):
                names = parts_of(node)
                if node.type == "namespace_import":
                    yield f"{text_of(names[0])}.{_BASE}"
                elif node.type == "import_specifier" and text_of(names[0]) == _BASE:
                    yield text_of(names[-1])


def _inserted(source: str, owner: Node, new: NewHandler, *, typed: bool) -> str:
    """``source`` with the handler as the first member of ``owner``."""
    body = owner if owner.type == "object" else field_of(owner, "body") or owner
    text, at = source.encode(), body.start_byte + 1
    first = next(iter(parts_of(body)), None)
    before = text[: first.start_byte].decode().rpartition("\n")[2] if first else ""
    step = before if before and not before.strip() else "  "
    parameter = f"{new.parameter}: {new.type}" if typed else new.parameter
    lines = [f"{step}async {new.name}({parameter}) {{"]
    lines += [
        step * 2 + line.replace("  ", step) if line[:1] == " " else step * 2 + line
        for line in new.javascript
    ]
    end = "," if owner.type == "object" else "\n"
    end += "\n" if not first and owner.type == "object" else ""
    handler = "".join(f"\n{line}" for line in [*lines, f"{step}}}"])
    return f"{text[:at].decode()}{handler}{end}{text[at:].decode()}"
