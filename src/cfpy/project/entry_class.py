"""Whether the main module of a Python Worker has the class that answers requests.

workerd calls the handlers of ``class Default(WorkerEntrypoint)``; functions such as ``on_fetch``
are the old form, which newer compatibility dates do not have
(the flag python_no_global_handlers in workerd's compatibility-date.capnp).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from cfpy.errors import ProjectError
from cfpy.project.project import Project

_NAME = "Default"
_OLD_FORM = "disable_python_no_global_handlers"
_NEW_FORM = "python_no_global_handlers"
_NEW_SINCE = "2025-08-14"
#: Classes that others call or that run by themselves: a Worker may have only those.
_OTHERS = ("DurableObject", "WorkflowEntrypoint", "WorkerEntrypoint")
FIX = "Define `class Default(WorkerEntrypoint)` with `async def fetch(self, request)`."


def no_entry_class(project: Project) -> str:
    """What is wrong if no class of the main module can answer a request; empty if one can, or if
    that can't be known."""
    if not project.is_python:
        return ""
    try:
        entry = project.entry
        tree = ast.parse(entry.read_bytes())
    except (ProjectError, SyntaxError, ValueError, OSError):
        return ""
    names = set(_names(tree.body))
    bases = {
        ast.unparse(base).rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    }
    if _NAME in names or "*" in names or bases & set(_OTHERS):
        return ""
    where = entry.relative_to(project.root)
    handlers = sorted(name for name in names if name.startswith("on_"))
    if handlers and _has_old_form(project):
        return ""
    if handlers:
        return f"{where} has no class Default: the functions {', '.join(handlers)} are not called"
    return f"{where} has no class Default, so the Worker answers no request"


def _has_old_form(project: Project) -> bool:
    flags = project.wrangler.get("compatibility_flags") or []
    date = str(project.wrangler.get("compatibility_date", _NEW_SINCE))
    return _OLD_FORM in flags or (date < _NEW_SINCE and _NEW_FORM not in flags)


def _names(body: list[ast.stmt]) -> Iterator[str]:
    """What the top of a module binds, also within ``if`` and ``try``; ``*`` for an unknown name."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (part.id for part in _targets(targets))
        else:
            for name in ("body", "orelse", "finalbody"):
                yield from _names(getattr(node, name, []))
            for handler in getattr(node, "handlers", []):
                yield from _names(handler.body)


def _targets(targets: Sequence[ast.expr]) -> Iterator[ast.Name]:
    for target in targets:
        yield from (part for part in ast.walk(target) if isinstance(part, ast.Name))
