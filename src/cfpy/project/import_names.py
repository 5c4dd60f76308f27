"""Which modules of a Worker an import never finds, because others come first.

workerd looks in the standard library, then in ``python_modules``, then in the directory of the main
module, and so does ``cfpy dev`` with either runtime (observed in workerd 1.20261117.1 and Pyodide
314.0.7).
"""

from __future__ import annotations

import functools
import keyword
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from cfpy.errors import ProjectError
from cfpy.project.project import Project
from cfpy.project.uv_sources import read_pyproject

_STANDARD = "the standard library"
_NEWEST = "3.14"
_PACKAGES = "python_modules"
# What Python removed: in 3.12, the oldest that workerd runs, and in 3.13.
_REMOVED = frozenset(["asynchat", "asyncore", "distutils", "imp", "smtpd"])
_REMOVED_IN_313 = frozenset(
    [
        "aifc",
        "audioop",
        "cgi",
        "cgitb",
        "chunk",
        "crypt",
        "imghdr",
        "lib2to3",
        "mailcap",
        "msilib",
        "nis",
        "nntplib",
        "ossaudiodev",
        "pipes",
        "sndhdr",
        "spwd",
        "sunau",
        "telnetlib",
        "uu",
        "xdrlib",
    ]
)
_NEW_IN_314 = frozenset({"annotationlib", "compression"})
# What Pyodide leaves out: observed in 314.0.7.
_LEFT_OUT = frozenset(
    [
        "curses",
        "dbm",
        "ensurepip",
        "grp",
        "idlelib",
        "msvcrt",
        "nt",
        "pwd",
        "pydoc_data",
        "readline",
        "resource",
        "syslog",
        "tkinter",
        "turtle",
        "turtledemo",
        "venv",
        "winreg",
        "winsound",
    ]
)
# What is there in every Worker, and is not Python's.
_RUNTIME = frozenset({"js", "pyodide", "pyodide_js", "workers", "asgi"})


@dataclass(frozen=True)
class Shadowed:
    """A file that no import finds. ``path`` is relative to the project, ``by`` is what comes
    first."""

    path: str
    by: str

    @property
    def message(self) -> str:
        """What is wrong."""
        name = Path(self.path).stem
        return f"{self.path} is never imported: `import {name}` finds {self.by}"


#: What to do about it.
RENAME = "Rename the file, and change its imports."


@functools.cache
def standard_library(python: str) -> frozenset[str]:
    """The top-level modules of the standard library in a Worker with ``python``, such as
    ``"3.14"``."""
    names = (frozenset(sys.stdlib_module_names) | _REMOVED_IN_313 | _NEW_IN_314) - _REMOVED
    if python != "3.12":
        names -= _REMOVED_IN_313
    if python in ("3.12", "3.13"):
        names -= _NEW_IN_314
    return names - _LEFT_OUT


def taken_name(project: Project, name: str) -> str:
    """Why no module next to the main module can be called ``name``; empty if one can."""
    if keyword.iskeyword(name):
        return f"{name} is a word of Python's own"
    if by := _first(project, name):
        return f"`import {name}` finds {by}"
    package = _sources(project) / name
    if (package / "__init__.py").is_file():
        return f"`import {name}` finds {package.relative_to(project.root).as_posix()}/"
    if name in _required(project.root):
        return f"`import {name}` finds the package that pyproject.toml requires"
    return ""


def shadowed_modules(project: Project) -> tuple[Shadowed, ...]:
    """The modules and packages next to the main module that no import finds."""
    sources = _sources(project)
    if not project.is_python or not sources.is_dir():
        return ()
    found = []
    for path in sorted(sources.iterdir()):
        name = path.name.removesuffix(".py")
        is_module = path.suffix == ".py" and path.is_file() and name.isidentifier()
        if is_module or (path / "__init__.py").is_file():
            by = _first(project, name)
            if by:
                ending = "" if is_module else "/"
                found.append(Shadowed(path.relative_to(project.root).as_posix() + ending, by))
    return tuple(found)


def _sources(project: Project) -> Path:
    # A custom build may not have created the main module yet.
    return (project.root / str(project.wrangler.get("main"))).parent


def _first(project: Project, name: str) -> str:
    """What an import of ``name`` finds before the project's own modules; empty if nothing."""
    # Without a date the project can't run yet; the one that it gets will be a new one.
    dated = project.wrangler.get("compatibility_date")
    if name in standard_library(project.python_version if dated else _NEWEST):
        return f"the module {name} of {_STANDARD}"
    if name in _RUNTIME:
        return f"the module {name} of the Workers runtime"
    modules = project.root / _PACKAGES
    for path in (modules / name / "__init__.py", modules / f"{name}.py"):
        if path.is_file():
            return path.relative_to(project.root).as_posix()
    compiled = sorted(modules.glob(f"{name}.*.so")) if name.isidentifier() else []
    return compiled[0].relative_to(project.root).as_posix() if compiled else ""


def _required(root: Path) -> set[str]:
    """The names that the required packages usually have in imports: those of most are their own."""
    try:
        document = read_pyproject(root)
    except ProjectError:
        return set()
    project = document.get("project")
    declared = project.get("dependencies") if isinstance(project, dict) else None
    return set(_names(declared if isinstance(declared, list) else []))


def _names(declared: list[object]) -> Iterator[str]:
    for text in declared:
        try:
            yield Requirement(str(text)).name.lower().replace("-", "_").replace(".", "_")
        except InvalidRequirement:
            continue
