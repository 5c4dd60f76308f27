"""A class that the Worker has already: a binding uses it, or `cfpy add` refuses its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cfpy.bindings.asked import Addition, Export
from cfpy.bindings.sources import located, not_source
from cfpy.errors import ProjectError, UsageError
from cfpy.project.edits import ExistingClass
from cfpy.project.project import Project
from cfpy.project.python_class import python_class
from cfpy.project.script_class import default_export, script_class

_OTHER_NAME = "Choose another NAME. Nothing was changed."


def settled(
    project: Project, addition: Addition, ignored: Callable[[Path], bool]
) -> tuple[Addition, str]:
    """The addition without a file and an export if the main module has the class, and then a
    sentence that tells where; or if the main module is not what somebody wrote, as ``ignored`` of
    git tells, among others.

    Raises:
        UsageError: It has something else by this name.
        ProjectError: It can't be read, or can't have such a class.
    """
    export = addition.export
    if export is None:
        return addition, ""
    found = _found(project, export)
    if found is None:
        main = str(project.wrangler["main"])
        why = not_source(project.root, main, ignored)
        if not why:
            return addition, ""
        note = f"cfpy added no class to {main}: {why}. Export {export.name}({export.base}) there."
        return replace(addition, files={}, export=None), note
    where = f"{_shown(project, found)}:{found.line}"
    if found.why:
        raise UsageError(
            f"{where} already has {export.name}, and a binding can't use it: {found.why}",
            hint=_OTHER_NAME,
        )
    note = f"{addition.binding} uses the class {export.name} in {where}."
    return replace(addition, files={}, export=None), note


def _found(project: Project, export: Export) -> ExistingClass | None:
    entry = project.entry
    with located(entry):
        if project.is_python:
            return python_class(entry, export.name, export.base)
        _refuse_service_worker(project)
        return script_class(entry, export.name, export.base)


def _refuse_service_worker(project: Project) -> None:
    """Refuse a script without a default export, which wrangler takes for a service worker.

    Raises:
        ProjectError: It is one.
    """
    has, unread = default_export(project.entry)
    if has:
        return
    if unread:
        raise ProjectError(
            "cfpy can't read this line, and finds no default export",
            path=project.entry,
            line=unread,
            hint="Fix it first. Nothing was changed.",
        )
    raise ProjectError(
        "has no default export, so wrangler takes it for a service worker, which can't have "
        "classes for Durable Objects or Workflows",
        path=project.entry,
        hint="Write it as a module first: export default { async fetch(request, env, ctx) {...} }. "
        "Nothing was changed.",
    )


def _shown(project: Project, found: ExistingClass) -> str:
    inside = found.path.is_relative_to(project.root)
    return (found.path.relative_to(project.root) if inside else found.path).as_posix()
