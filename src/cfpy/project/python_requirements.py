"""What a Worker needs from ``pyproject.toml``: its dependencies, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cfpy.errors import ProjectError
from cfpy.project.python_target import PythonTarget
from cfpy.project.uv_sources import PYPROJECT, UvSources, read_pyproject, referred, uv_table

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
    own = UvSources(root, target)
    uv = uv_table(document)
    declared, arguments = [SDK], [SDK]
    folders: list[Path] = []
    wanted_indexes: dict[str, str] = {}
    # The project's own folder may be named by a member of its workspace.
    waiting, seen = [root], {root}
    while waiting:
        folder = waiting.pop(0)
        sources = own if folder == root else UvSources(folder, target)
        for text in _dependencies(folder):
            requirement = _parsed(text, folder)
            source = sources.source(canonicalize_name(requirement.name))
            if folder == root or source:
                declared.append(text if source is None else _shown(requirement.name, source, root))
            if source is None:
                arguments += [text] if folder == root else []
                continue
            if source.index:
                wanted_indexes[canonicalize_name(requirement.name)] = source.index
                arguments.append(text)
                continue
            arguments.append(referred(requirement, source))
            if source.folder and source.folder not in seen:
                seen.add(source.folder)
                folders.append(source.folder)
                waiting.append(source.folder)
        if folder != root:
            declared += _dependencies(folder)
    known = _indexes(own, root)
    pywrangler = document.get("tool", {}).get("pywrangler", {})
    return Requirements(
        declared=tuple(dict.fromkeys(declared)),
        arguments=tuple(dict.fromkeys(arguments)),
        folders=tuple(folders),
        indexes=tuple(
            url
            for name, (url, explicit) in known.items()
            if not explicit or name in wanted_indexes.values()
        ),
        named={name: _address(index, known, root) for name, index in wanted_indexes.items()},
        find_links=tuple(_place(link, root) for link in _list(uv, "find-links", root)),
        constraints=tuple(_list(uv, "constraint-dependencies", root)),
        build=isinstance(pywrangler, Mapping) and bool(pywrangler.get("allow-build", False)),
    )


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


def _shown(name: str, source: Any, root: Path) -> str:
    """A requirement with its source, the same on each machine."""
    if source.folder:
        import os

        return f"{name} @ {Path(os.path.relpath(source.folder, root)).as_posix()}"
    where = source.reference or f"index {source.index}"
    return f"{name} @ {where.replace(root.as_uri(), '.')}"


def _indexes(own: UvSources, root: Path) -> dict[str, tuple[str, bool]]:
    """The indexes of ``[tool.uv]``, the workspace's included: by name, the address and whether only
    packages that name it come from it."""
    found: dict[str, tuple[str, bool]] = {}
    for place in dict.fromkeys((root, own.workspace or root)):
        uv = uv_table(read_pyproject(place))
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
