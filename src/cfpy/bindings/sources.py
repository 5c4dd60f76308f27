"""What `cfpy add` changes in a Worker's modules, besides its handlers."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterator
from functools import partial
from importlib.resources import files
from pathlib import Path

from cfpy.bindings.asked import Addition, Export
from cfpy.bindings.kind import BindingKind
from cfpy.errors import ProjectError
from cfpy.project.line_ends import edited as with_line_ends
from cfpy.project.project import Project
from cfpy.project.python_source import python_files, with_binding, with_export

_STUB = Path("typings", "bindings.pyi")
# Folders of what a build writes.
_BUILT = {"dist", "build", "node_modules"}


def sources(project: Project, kind: BindingKind, addition: Addition) -> dict[Path, str]:
    """Modules that change: the main module exports a class, and another one types the bindings."""
    changed: dict[Path, str] = {}
    if addition.export is not None:
        entry = project.entry
        export = _python_export if project.is_python else _script_export
        changed[entry] = with_line_ends(read_source(entry), partial(export, entry, addition.export))
    if project.is_python and kind.python_type:
        for path in python_files(project.entry.parent):
            text = changed.get(path) or read_source(path)
            typed = with_line_ends(text, partial(_typed, path, addition.binding, kind.python_type))
            if typed != text:
                changed[path] = typed
                changed |= stub(project.root, kind.python_type)
                break
    return changed


def not_source(root: Path, main: str, ignored: Callable[[Path], bool]) -> str:
    """Why cfpy does not edit a main module, whatever it has in it: it is not in the project, or not
    what somebody wrote. Empty if there is no sign of that."""
    path = Path(main)
    if path.is_absolute() or ".." in path.parts:
        return "it is outside of the project"
    folders = [part for part in path.parts[:-1] if part in _BUILT or part[:1] == "."]
    if folders:
        return f"builds write what is in {folders[0]}"
    return "git ignores it, so a build writes it" if ignored(root / path) else ""


def stub(root: Path, type_: str) -> dict[Path, str]:
    """The stub of a project whose pattern did not know the type yet, with the type."""
    path = root / _STUB
    text = read_source(path) if path.is_file() else ""
    if not text or re.search(rf"^class {type_}\b", text, re.MULTILINE):
        return {}
    ours = files("cfpy").joinpath("templates", "base", "template", *_STUB.parts).read_text("utf-8")
    [source] = [
        ast.get_source_segment(ours, node)
        for node in ast.parse(ours).body
        if isinstance(node, ast.ClassDef) and node.name == type_
    ]
    return {path: with_line_ends(text, lambda body: f"{body.rstrip()}\n\n{source}\n")}


def _typed(path: Path, binding: str, type_: str, text: str) -> str:
    with located(path):
        return with_binding(text, binding, type_) or text


def _python_export(entry: Path, export: Export, text: str) -> str:
    own = [path.stem for path in entry.parent.glob("*.py")]
    packages = [path.parent.name for path in entry.parent.glob("*/__init__.py")]
    with located(entry):
        return with_export(text, export.module, export.name, [*own, *packages])


def _script_export(_entry: Path, export: Export, text: str) -> str:
    line = f'export {{ {export.name} }} from "./{export.module}";\n'
    if line in text:
        return text
    ending = "" if text.endswith("\n") or not text else "\n"
    return f"{text}{ending}\n{line}"


@contextlib.contextmanager
def located(path: Path) -> Iterator[None]:
    """Report what is wrong with the source in ``path``, which is parsed within.

    Raises:
        ProjectError: It is not valid Python, or can't be read.
    """
    try:
        yield
    except SyntaxError as error:
        raise ProjectError(
            error.msg, path=path, line=error.lineno, column=error.offset, hint="Fix it first."
        ) from None
    except (ValueError, RecursionError, MemoryError, OSError) as error:
        # A null byte, other bytes than UTF-8, or too many parentheses.
        raise ProjectError(f"can't be read: {error}", path=path, hint="Fix it first.") from None


def read_source(path: Path) -> str:
    """The text of a file, with its line ends and byte order mark.

    Raises:
        ProjectError: It can't be read, or is not UTF-8.
    """
    # Not read_text(), which would turn \r\n into \n.
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"can't be read: {error}", path=path) from error
