"""The syntax tree of a JavaScript or TypeScript module, by tree-sitter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

_TYPED = {".ts", ".mts", ".cts", ".tsx"}
_NAMES = {
    *("identifier", "type_identifier"),
    *("shorthand_property_identifier", "shorthand_property_identifier_pattern"),
}


def is_typed(suffix: str) -> bool:
    """Whether a file with this suffix, such as ``.ts``, is TypeScript."""
    return suffix in _TYPED


def syntax_of(source: str, suffix: str) -> Node:
    """The module of a file with this suffix. Its positions are in bytes of UTF-8."""
    # Loaded only when a script is read.
    import tree_sitter_javascript as javascript
    import tree_sitter_typescript as typescript
    from tree_sitter import Language, Parser

    if suffix == ".tsx":
        language = typescript.language_tsx()
    elif is_typed(suffix):
        language = typescript.language_typescript()
    else:
        language = javascript.language()
    return Parser(Language(language)).parse(source.encode()).root_node


def first_error(module: Node) -> int:
    """The first line that is not understood, from 1; 0 if there is none."""
    if not module.has_error:
        return 0
    errors = (node for node in nodes_in(module) if node.is_error or node.is_missing)
    return min((line_of(node) for node in errors), default=1)


def nodes_in(node: Node) -> Iterator[Node]:
    """The node, and everything in it."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.children


def parts_of(node: Node) -> list[Node]:
    """The named nodes in a node, without comments."""
    return [child for child in node.named_children if child.type != "comment"]


def text_of(node: Node) -> str:
    return (node.text or b"").decode()


def line_of(node: Node) -> int:
    """The line where it starts, from 1."""
    return node.start_point[0] + 1


def field_of(node: Node, *names: str) -> Node | None:
    """The first of these fields that the node has."""
    fields = (node.child_by_field_name(name) for name in names)
    return next((field for field in fields if field), None)


def is_default(node: Node) -> bool:
    """Whether a statement, or one name in it, exports the default."""
    if node.type == "export_statement":
        inner = [
            child for child in node.children if child.type in ("export_clause", "namespace_export")
        ]
        items = [item for child in inner for item in (child, *parts_of(child))]
        return any(child.type == "default" for child in node.children) or any(
            map(is_default, items)
        )
    # `x as default`, `* as default`, or `default` of another module.
    last = node.children[-1] if node.children else None
    exports = node.type in ("export_specifier", "namespace_export")
    return exports and last is not None and text_of(last).strip("\"'") == "default"


def mentions(module: Node, name: str) -> int:
    """How often a module uses ``name`` as a variable, class or type."""
    return sum(node.type in _NAMES and text_of(node) == name for node in nodes_in(module))


def key_of(node: Node) -> str | None:
    """The name of a property; ``None`` if it is computed, or written with escapes."""
    if node.type == "computed_property_name":
        [inner, *more] = parts_of(node) or [node]
        return key_of(inner) if inner.type == "string" and not more else None
    text = text_of(node)
    if "\\" in text:
        return None
    return text[1:-1] if node.type == "string" else text
