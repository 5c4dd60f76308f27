"""Refuses a configuration with which neither runtime starts: Miniflare and wrangler report some of
these by a stack of their own functions, or by a path without the key that has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from glob import escape
from typing import Any

from cfpy.bindings.checks import OBJECT_NAMES
from cfpy.bindings.registry import VALUES, bound_names
from cfpy.errors import ProjectError
from cfpy.project.config_text import locate, read
from cfpy.project.project import Project
from cfpy.tools.workerd_date import workerd_date

_Fault = tuple[tuple[str, ...], str, str]
_FREE_NAMES = tuple(kind.table for kind in VALUES)


def refuse_unstartable(project: Project, environment: str, today: date | None = None) -> None:
    """Report what prevents a start, the first fault that there is.

    Args:
        project: The project with the settings of ``environment``.
        environment: Empty for the top level of the configuration.
        today: The date in UTC, which Miniflare compares with.

    Raises:
        ProjectError: The compatibility date is in the future, the folder of ``[site]`` or the file
            of an alias does not exist, or no runtime can bind a name.
    """
    for keys, message, hint in _faults(project, today or datetime.now(UTC).date()):
        line, column = _place(project, environment, keys)
        raise ProjectError(message, path=project.config_path, line=line, column=column, hint=hint)


def refuse_own_files(project: Project, environment: str) -> None:
    """Report assets among which are the files that wrangler itself writes: it starts the Worker
    again after each of them, without end.

    Raises:
        ProjectError: There are such assets.
    """
    assets = project.wrangler.get("assets")
    folder = assets.get("directory") if isinstance(assets, Mapping) else None
    if not isinstance(folder, str):
        return
    if (project.root / ".wrangler").resolve().is_relative_to((project.root / folder).resolve()):
        line, column = _place(project, environment, ("assets", "directory"))
        raise ProjectError(
            f"{folder!r}, the folder of `assets`, has the whole project: wrangler would start the "
            "Worker again and again for its own files, and all files would be public",
            path=project.config_path,
            line=line,
            column=column,
            hint="Move the public files to a folder of their own, such as public, and name that.",
        )


def _faults(project: Project, today: date) -> Iterator[_Fault]:
    scope = project.wrangler
    yield from _date(scope, today)
    yield from _site(project, scope)
    yield from _alias(project, scope)
    yield from _names(scope, python=project.is_python)


def _date(scope: Mapping[str, Any], today: date) -> Iterator[_Fault]:
    # Another value than a date is reported by who reads it. A clock that is before the date of the
    # runtime itself is wrong, and not the configuration.
    given, newest = str(scope.get("compatibility_date", "")), max(today, workerd_date())
    if len(given) == len("2026-11-17") and given > newest.isoformat():
        yield (
            ("compatibility_date",),
            f"compatibility_date {given} is in the future",
            f"Set compatibility_date to {workerd_date()}, or to another date up to today.",
        )


def _site(project: Project, scope: Mapping[str, Any]) -> Iterator[_Fault]:
    site = scope.get("site")
    folder = site.get("bucket") if isinstance(site, Mapping) else None
    # A build may create it.
    if not isinstance(folder, str) or scope.get("build"):
        return
    # wrangler joins: "/x" is below the project, too, unless there is such a folder.
    places = (project.root / folder, project.root / folder.lstrip("/"))
    if not any(place.is_dir() for place in places):
        is_file = any(place.exists() for place in places)
        yield (
            ("site", "bucket"),
            f"the folder {folder} of `site` {'is not a folder' if is_file else 'does not exist'}",
            "Create it, or correct `bucket`.",
        )


def _alias(project: Project, scope: Mapping[str, Any]) -> Iterator[_Fault]:
    aliases = scope.get("alias")
    # A build may create the file.
    if not isinstance(aliases, Mapping) or scope.get("build"):
        return
    for name, given in aliases.items():
        if not isinstance(given, str) or not given.startswith((".", "/")):
            continue  # It is a package.
        path = project.root / given
        # Its suffix may be left out.
        if not path.exists() and not any(path.parent.glob(f"{escape(path.name)}.*")):
            fix = f"Create it, or correct the alias {name}."
            yield ("alias", name), f"the file {given} of `alias` does not exist", fix


def _names(scope: Mapping[str, Any], *, python: bool) -> Iterator[_Fault]:
    for name, table in bound_names(scope):
        # A table with a dot in its name is nested.
        keys = tuple(table.split("."))
        if name in OBJECT_NAMES:
            why = "which every JavaScript object has already: wrangler can't bind it"
            yield keys, f"{table} binds {name!r}, {why}", "Use another name, such as MY_DB."
        elif python and table not in _FREE_NAMES and not name.isascii():
            why = "which is not a valid identifier: Cloudflare refuses it"
            fix = "Use letters, digits and underscores, such as MY_DB."
            yield keys, f"{table} binds {name!r}, {why}", fix


def _place(project: Project, environment: str, keys: tuple[str, ...]) -> tuple[int, int]:
    """The line and column of a key: in the table of the environment, if that has it."""
    text, data = read(project.config_path)
    own = ("env", environment, *keys[:1]) if environment else ()
    there: Any = data
    for key in own:
        there = there.get(key) if isinstance(there, Mapping) else None
    return locate(project.config_path, text, (*own[:2], *keys) if own and there else keys)
