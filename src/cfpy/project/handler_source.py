"""Adds a handler, such as ``scheduled``, to a Worker's entry module.

Everything else stays unchanged.
"""

from __future__ import annotations

import ast
import re

from cfpy.project.edits import NewHandler
from cfpy.project.line_ends import lines_of
from cfpy.project.python_source import inserted, with_type

_SCRIPT = re.compile(r"^export\s+default\s+(?P<what>\{|(?:class\b[^{]*)\{)", re.MULTILINE)


def with_python_handler(source: str, new: NewHandler) -> str | None:
    """``source`` with the handler in its entrypoint class, or as a function if it has functions;
    ``None`` if it has neither.

    Raises:
        SyntaxError: ``source`` is not valid Python.
    """
    tree = ast.parse(source)
    owner = _entrypoint(tree)
    if owner is None:
        if not any(getattr(node, "name", "") == "on_fetch" for node in tree.body):
            return None
        head = f"async def on_{new.name}({new.parameter}, env, ctx):"
        text = "\n".join(["", "", head, *(f"    {line}" for line in new.python), ""])
        return inserted(source, len(lines_of(source)), text)
    if new.name in {ast.unparse(target) for target in _targets(owner)}:
        return None
    line = lines_of(source)[owner.body[0].lineno - 1]
    indent = line[: len(line) - len(line.lstrip())]
    if not indent or owner.end_lineno is None:
        return None
    typed = with_type(source, new.type)
    own, none = (f": {new.type}", ": None = None") if typed else ("", "=None")
    returns = " -> None" if typed else ""
    head = f"async def {new.name}(self, {new.parameter}{own}, env{none}, ctx{none}){returns}:"
    if len(indent + head) > 100:
        head = head.replace("(", f"(\n{indent}{indent}", 1).replace(")", f"\n{indent})")
    text = "\n".join([f"{indent}{head}", *(f"{indent}{indent}{line}" for line in new.python), ""])
    # The type is imported above the class: its last line moves down by as much.
    changed = typed or source
    end = owner.end_lineno + len(lines_of(changed)) - len(lines_of(source))
    changed = inserted(changed, end, f"\n{text}")
    ast.parse(changed)
    return changed


def with_script_handler(source: str, new: NewHandler, *, typed: bool) -> str | None:
    """The same for JavaScript, or TypeScript if ``typed``: in the default export, if that is an
    object or a class and does not name the handler."""
    found = _SCRIPT.search(source)
    if found is None or re.search(rf"(?:^|[\s,{{]){new.name}\s*[:,(}}=]", source):
        return None
    parameter = f"{new.parameter}: {new.type}" if typed else new.parameter
    body = "".join(f"\n    {line}" for line in new.javascript)
    end = "," if found["what"] == "{" else "\n"
    text = f"\n  async {new.name}({parameter}) {{{body}\n  }}{end}"
    return f"{source[: found.end()]}{text}{source[found.end() :]}"


def _entrypoint(tree: ast.Module) -> ast.ClassDef | None:
    """The class that gets the Worker's events: of several, the one called Default."""
    classes = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any("WorkerEntrypoint" in ast.unparse(base) for base in node.bases)
    ]
    named = (node for node in classes if node.name == "Default")
    return next(named, classes[0] if classes else None)


def _targets(owner: ast.ClassDef) -> list[ast.expr]:
    assigned = (node for node in owner.body if isinstance(node, ast.Assign))
    return [target for node in assigned for target in node.targets]
