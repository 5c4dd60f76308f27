"""Finds databases whose migrations are not where the configuration says.

wrangler 4.164.0 refuses a folder that is not there when it is asked for migrations, and is silent
if nothing in it matches. cfpy would have nothing to apply, and never ask.
"""

from __future__ import annotations

from collections.abc import Iterator

from cfpy.bindings.environments import effective
from cfpy.bindings.finding import Finding
from cfpy.bindings.kinds.d1 import D1
from cfpy.project.migrations import migrations_of
from cfpy.project.project import Project


def lost_migrations(project: Project, environment: str) -> Iterator[Finding]:
    """A finding for each database that names migrations, and gets none."""
    for table in D1.entries(effective(project.wrangler, environment)):
        try:
            source = migrations_of(table)
        except ValueError:
            continue  # It is refused with its reason.
        if source.names(project.root):
            continue
        of, folder = f"of {table.get('binding')}", project.root / source.directory
        if "migrations_pattern" in table and folder.is_dir():
            yield Finding(
                broken=False,
                message=f"no file matches migrations_pattern = {source.pattern!r} {of}, so it has "
                "no migrations",
                fix="Correct the pattern, or remove it.",
            )
        elif "migrations_dir" in table and not folder.is_dir():
            yield Finding(
                broken=False,
                message=f"the folder {source.directory!r} that migrations_dir {of} names does not "
                "exist, so it has no migrations",
                fix="Correct migrations_dir, or create the folder.",
            )
        elif folder.is_dir() and (below := next(iter(sorted(folder.rglob("*.sql"))), None)):
            shown = below.relative_to(project.root) if below.is_relative_to(project.root) else below
            yield Finding(
                broken=False,
                message=f"{shown.as_posix()} is no migration {of}: only files that match "
                f"{source.pattern!r} are",
                fix="Move it there, or set migrations_pattern.",
            )
