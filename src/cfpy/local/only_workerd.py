"""What a Python Worker uses that only works where its Python runs in workerd."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

#: The option that the reasons name.
NEEDS_WORKERD = "--runtime workerd"
# Of JavaScript's global scope in workerd; there is no replacement for them in Node.
_CLASSES = {
    "WebSocketPair": "inbound WebSockets need",
    "HTMLRewriter": "it needs",
}
_SKIPPED = {"python_modules", "node_modules", "__pycache__"}


def used_classes(entry: Path) -> dict[str, str]:
    """The names from ``js`` in the code around ``entry`` that ``--runtime node`` does not have,
    each with the reason. A file that does not parse counts as one without them."""
    found = {}
    for path in _sources(entry.parent):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError):
            continue
        for name in _names(tree):
            found[name] = f"{_CLASSES[name]} {NEEDS_WORKERD}"
    return found


def _sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.py")):
        inside = path.relative_to(folder).parts[:-1]
        if not any(part in _SKIPPED or part.startswith(".") for part in inside):
            yield path


def _names(tree: ast.Module) -> Iterator[str]:
    """``from js import NAME`` and ``js.NAME``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "js":
            yield from (alias.name for alias in node.names if alias.name in _CLASSES)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "js":
            yield from {node.attr} & _CLASSES.keys()
