"""Whether a project's ``requires-python`` allows the Python that its Worker gets."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from cfpy.errors import ProjectError
from cfpy.project.config_text import locate
from cfpy.project.project import Project
from cfpy.project.uv_sources import PYPROJECT, read_pyproject

FIX = "Change the one that is wrong."
# No Python had more patch releases.
_PATCHES = range(40)


def excluded_python(project: Project) -> str:
    """A sentence about a ``requires-python`` that excludes the Worker's Python; empty if it allows
    it, or there is none.

    Raises:
        ProjectError: ``pyproject.toml`` is not valid.
    """
    if not project.is_python:
        return ""
    table = read_pyproject(project.root).get("project")
    wanted = table.get("requires-python") if isinstance(table, Mapping) else None
    if not isinstance(wanted, str):
        return ""
    try:
        allowed, python = SpecifierSet(wanted), project.python_version
    except (InvalidSpecifier, ProjectError):
        # Others report these.
        return ""
    if any(allowed.contains(f"{python}.{patch}") for patch in _PATCHES):
        return ""
    path = project.root / PYPROJECT
    line, _ = locate(path, path.read_text("utf-8"), ("project", "requires-python"))
    return (
        f"{PYPROJECT}:{line}: requires-python is {wanted}, and the Worker gets Python {python}, as "
        "its compatibility date says"
    )
