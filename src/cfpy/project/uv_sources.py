"""``[tool.uv.sources]``: where a dependency comes from, if it is not an index
(docs.astral.sh/uv/concepts/projects/dependencies). pywrangler reads it through uv.

A source is translated into a direct reference, which pip knows: ``name @ file:///...``,
``name @ git+https://...@tag``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cfpy.errors import ProjectError
from cfpy.project.python_target import PythonTarget, holds
from cfpy.project.toml_position import read_toml

PYPROJECT = "pyproject.toml"
_KINDS = ("workspace", "path", "git", "url", "index")
# In a local package: not what is installed.
_SKIPPED = frozenset({"__pycache__", "node_modules", "python_modules", "build", "dist"})
_SCP = re.compile(r"(?P<user>[\w.-]+@[\w.-]+):(?!/)(?P<path>.+)")


@dataclass(frozen=True)
class Source:
    """Where one dependency comes from: a folder or file at ``path``, a ``reference`` that pip
    knows, or the name of an ``index``; the others are empty. ``subdirectory`` is a folder in it."""

    path: Path | None = None
    reference: str = ""
    index: str = ""
    subdirectory: str = ""

    @property
    def folder(self) -> Path | None:
        """The folder of a local package."""
        return self.path if self.path and self.path.is_dir() else None

    @property
    def argument(self) -> str:
        """The source as pip has it."""
        where = self.path.as_uri() if self.path else self.reference
        return f"{where}#subdirectory={self.subdirectory}" if self.subdirectory else where

    def shown(self, root: Path) -> str:
        """The source as it is on each machine: a path is relative to ``root``."""
        if self.path:
            return Path(os.path.relpath(self.path, root)).as_posix()
        return f"index {self.index}" if self.index else self.argument


def read_pyproject(folder: Path) -> Mapping[str, Any]:
    """The document in ``folder``, empty if there is none.

    Raises:
        ProjectError: It does not parse.
    """
    path = folder / PYPROJECT
    return read_toml(path) if path.is_file() else {}


def tool_table(document: Mapping[str, Any], tool: str) -> Mapping[str, Any]:
    """``[tool.NAME]`` of a document; empty if it has none."""
    return _table(_table(document, "tool"), tool)


class UvSources:
    """The sources of the project in ``folder``, and those that it inherits from its workspace."""

    def __init__(self, folder: Path, target: PythonTarget) -> None:
        self._folder = folder
        self._target = target
        #: The root of the workspace, ``None`` outside of one.
        self.workspace = _workspace_root(folder)
        self._sources: dict[str, tuple[Path, Any]] = {}
        # Those of the project come last, because they replace inherited ones.
        for place in dict.fromkeys((self.workspace or folder, folder)):
            for name, source in _table(tool_table(read_pyproject(place), "uv"), "sources").items():
                self._sources[canonicalize_name(name)] = (place, source)

    def source(self, name: str) -> Source | None:
        """The source of a dependency; ``None`` if it comes from the indexes.

        Raises:
            ProjectError: The source is not valid, or names a folder that does not exist.
        """
        if name not in self._sources:
            return None
        place, source = self._sources[name]
        for table in source if isinstance(source, list) else [source]:
            if not isinstance(table, Mapping):
                raise self._wrong(place, name, "is not a table")
            try:
                chosen = holds(table.get("marker"), self._target)
            except ValueError as error:
                raise self._wrong(place, name, f"has an invalid marker: {error}") from error
            # A source for an extra or a group is for packages that are not installed in a Worker.
            if chosen and "extra" not in table and "group" not in table:
                return self._read(place, name, table)
        return None

    def _read(self, place: Path, name: str, table: Mapping[str, Any]) -> Source:
        kinds = [kind for kind in _KINDS if table.get(kind)]
        if len(kinds) != 1:
            raise self._wrong(place, name, f"needs one of {', '.join(_KINDS)}")
        [kind] = kinds
        value = table[kind]
        if kind == "workspace":
            return Source(path=self._member(place, name))
        if not isinstance(value, str):
            raise self._wrong(place, name, f"has `{kind}` {value!r}, which is not a string")
        if kind == "index":
            return Source(index=value)
        below = str(table.get("subdirectory") or "")
        if kind == "url":
            return Source(reference=value, subdirectory=below)
        if kind == "git":
            return Source(reference=_git(value, table), subdirectory=below)
        path = (place / value).resolve()
        if not path.exists():
            raise self._wrong(place, name, f"names {value}, which does not exist")
        return Source(path=path, subdirectory="" if path.is_dir() else below)

    def _member(self, place: Path, name: str) -> Path:
        if self.workspace is None:
            raise self._wrong(
                place, name, f"names a workspace, but no [tool.uv.workspace] includes {place}"
            )
        for member in _members(self.workspace):
            project = _table(read_pyproject(member), "project")
            if canonicalize_name(str(project.get("name", ""))) == name:
                return member
        raise self._wrong(place, name, f"is not a member of the workspace {self.workspace}")

    @staticmethod
    def _wrong(place: Path, name: str, what: str) -> ProjectError:
        return ProjectError(f"`tool.uv.sources.{name}` {what}", path=place / PYPROJECT)


def referred(requirement: Requirement, source: Source) -> str:
    """A requirement with its source in place of its version."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras} @ {source.argument}{marker}"


def package_files(folder: Path) -> Iterator[Path]:
    """The files of a local package that affect what is installed."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _SKIPPED and not name.startswith(".") and not name.endswith(".egg-info")
        )
        yield from (Path(place, name) for name in sorted(files))


def _git(url: str, table: Mapping[str, Any]) -> str:
    """A repository as pip writes it."""
    if short := _SCP.fullmatch(url):
        url = f"ssh://{short['user']}/{short['path']}"
    revision = next((table[key] for key in ("rev", "tag", "branch") if table.get(key)), "")
    address = url if url.startswith("git+") else f"git+{url}"
    return f"{address}@{revision}" if revision else address


def _workspace_root(folder: Path) -> Path | None:
    """The nearest folder whose workspace includes ``folder``."""
    for place in (folder, *folder.parents):
        workspace = tool_table(read_pyproject(place), "uv").get("workspace")
        if isinstance(workspace, Mapping):
            return place if folder in _members(place) else None
    return None


def _members(root: Path) -> Iterator[Path]:
    """The root of a workspace and its members (docs.astral.sh/uv/concepts/projects/workspaces)."""
    workspace = _table(tool_table(read_pyproject(root), "uv"), "workspace")
    excluded = {
        path.resolve()
        for pattern in _strings(workspace.get("exclude"))
        for path in root.glob(pattern)
    }
    yield root
    for pattern in _strings(workspace.get("members")):
        for path in sorted(root.glob(pattern)):
            if path.resolve() not in excluded and (path / PYPROJECT).is_file():
                yield path.resolve()


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
