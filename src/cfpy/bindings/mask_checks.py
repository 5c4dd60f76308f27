"""Finds masks that would mask nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cfpy.bindings.environments import effective
from cfpy.bindings.finding import Finding
from cfpy.bindings.kinds.d1 import D1
from cfpy.project.project import Project


def unknown_databases(project: Project) -> Iterator[Finding]:
    """A finding for each binding in ``[[masks]]`` that no environment has as a database: the rows
    would be pulled as they are."""
    config = project.wrangler
    known = {
        str(entry.get("binding"))
        for environment in ("", *(config.get("env") or {}))
        for entry in D1.entries(effective(config, environment))
    }
    for binding in dict.fromkeys(mask.binding for mask in project.masks):
        if binding and binding not in known:
            yield Finding(
                broken=True,
                message=f"[[masks]] in cfpy.toml has the binding {binding}, which no database has, "
                "so it masks nothing",
                fix=f"Use one of {', '.join(sorted(known)) or 'none'}, or leave out `binding`.",
            )
