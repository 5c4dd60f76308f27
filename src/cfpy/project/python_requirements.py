"""What a Worker needs from ``pyproject.toml``: its dependencies, and where they come from."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cfpy.errors import ProjectError
from cfpy.project.python_target import PythonTarget
from cfpy.project.uv_sources import (
    PYPROJECT,
    Source,
    UvSources,
    read_pyproject,
    referred,
    tool_table,
)

#: The Workers SDK is not built into workerd at a current compatibility date; pywrangler adds it to
#: every project (workers-py's MANAGED_SDK_PACKAGE).
SDK = "workers-runtime-sdk>=1.9.5,<2"


@dataclass(frozen=True)
class Requirements:
    """What to install.

    ``declared`` are the requirements as the files have them, the SDK first; ``arguments`` the same
    for pip, with the sources of ``[tool.uv.sources]``. ``folders`` are the local packages among
    them. ``indexes`` are the addresses from ``[tool.uv]``, ``named`` the address of the index from
    which a package has to come, by its name. ``find_links`` are folders or pages with files,
    ``constraints`` limits of versions. ``build`` is ``allow-build`` of ``[tool.pywrangler]``:
    whether a package without a wheel may be built on this machine.
    """

    declared: tuple[str, ...]
    arguments: tuple[str, ...]
    folders: tuple[Path, ...] = ()
    indexes: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    find_links: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    build: bool = False


def read_requirements(root: Path, target: PythonTarget) -> Requirements:
    """Read ``[project].dependencies``, as pywrangler does, ``[tool.uv]`` and
    ``[tool.pywrangler]``.

    A local package may have sources of its own for its dependencies: they are read as well.

    Raises:
        ProjectError: A ``pyproject.toml`` does not parse, or has an invalid requirement or source.
    """
    document = read_pyproject(root)
    uv, own = tool_table(document, "uv"), UvSources(root, target)
    declared, arguments = [SDK], [SDK]
    names: dict[str, str] = {}
    folders = [root]
    for folder, text, source in _needed(root, target, folders):
        requirement = _parsed(text, folder)
        declared.append(f"{requirement.name} @ {source.shown(root)}" if source else text)
        if source and source.index:
            names[canonicalize_name(requirement.name)] = source.index
        if source and not source.index:
            arguments.append(referred(requirement, source))
        elif folder == root or source:
            arguments.append(text)
    known = _indexes(own, root)
    asked = {name for name, (_, explicit) in known.items() if not explicit} | {*names.values()}
    return Requirements(
        declared=tuple(dict.fromkeys(declared)),
        arguments=tuple(dict.fromkeys(arguments)),
        folders=tuple(folders[1:]),
        indexes=tuple(url for name, (url, _) in known.items() if name in asked),
        named={name: _address(index, known, root) for name, index in names.items()},
        find_links=tuple(_place(link, root) for link in _list(uv, "find-links", root)),
        constraints=tuple(_list(uv, "constraint-dependencies", root)),
        build=bool(tool_table(document, "pywrangler").get("allow-build", False)),
    )


def local_folders(root: Path, target: PythonTarget) -> tuple[Path, ...]:
    """The folders of the local packages: those that were found before a fault, if there is one."""
    folders = [root]
    with contextlib.suppress(ProjectError):
        deque(_needed(root, target, folders), maxlen=0)
    return tuple(folders[1:])


def _needed(
    root: Path, target: PythonTarget, folders: list[Path]
) -> Iterator[tuple[Path, str, Source | None]]:
    """The dependencies of the project and of its local packages, which are added to ``folders``:
    the folder of the package, the requirement, and its source."""
    for folder in folders:
        sources = UvSources(folder, target)
        for text in _dependencies(folder):
            source = sources.source(canonicalize_name(_parsed(text, folder).name))
            yield folder, text, source
            if source and source.folder and source.folder not in folders:
                folders.append(source.folder)


def _dependencies(folder: Path) -> list[str]:
    project = read_pyproject(folder).get("project", {})
    dependencies = project.get("dependencies", []) if isinstance(project, Mapping) else None
    if not isinstance(dependencies, list) or not all(isinstance(d, str) for d in dependencies):
        raise ProjectError(
            "`project.dependencies` is not a list of strings", path=folder / PYPROJECT
        )
    return dependencies


def _parsed(text: str, folder: Path) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        why = str(error).splitlines()[0]
        raise ProjectError(
            f"`project.dependencies` has {text!r}, which is not a requirement: {why}",
            path=folder / PYPROJECT,
            hint='Use the form "name>=1.2,<2".',
        ) from error


def _indexes(own: UvSources, root: Path) -> dict[str, tuple[str, bool]]:
    """The indexes of ``[tool.uv]``, the workspace's included: by name, the address and whether only
    packages that name it come from it."""
    found: dict[str, tuple[str, bool]] = {}
    for place in dict.fromkeys((root, own.workspace or root)):
        uv = tool_table(read_pyproject(place), "uv")
        tables = uv.get("index", [])
        if not isinstance(tables, list) or not all(isinstance(t, Mapping) for t in tables):
            raise ProjectError("`tool.uv.index` is not a list of tables", path=place / PYPROJECT)
        for table in tables:
            url = table.get("url")
            if not isinstance(url, str):
                raise ProjectError("a [[tool.uv.index]] has no `url`", path=place / PYPROJECT)
            name = str(table.get("name", url))
            found.setdefault(name, (_place(url, place), bool(table.get("explicit", False))))
        plain = [uv["index-url"]] if isinstance(uv.get("index-url"), str) else []
        for url in (*plain, *_list(uv, "extra-index-url", place)):
            found.setdefault(url, (url, False))
    return found


def _address(index: str, known: Mapping[str, tuple[str, bool]], root: Path) -> str:
    if index not in known:
        raise ProjectError(
            f"`tool.uv.sources` names the index {index!r}, which no [[tool.uv.index]] describes",
            path=root / PYPROJECT,
        )
    return known[index][0]


def _place(link: str, root: Path) -> str:
    """A URL as it is, a path as a URL."""
    return link if "://" in link else (root / link).resolve().as_uri()


def _list(table: Mapping[str, Any], key: str, folder: Path) -> Sequence[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ProjectError(f"`tool.uv.{key}` is not a list of strings", path=folder / PYPROJECT)
    return value
