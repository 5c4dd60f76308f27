"""A pattern's ``cases.toml``, and the goldens to which its cases are compared."""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfpy.errors import FilesystemError, PatternError
from cfpy.patterns.base_archive import read_tree
from cfpy.project.toml_position import parse_toml

_FILE = "cases.toml"
_GOLDEN = "golden"


@dataclass(frozen=True)
class Case:
    """Answers with which to render a pattern. ``golden`` is the directory of the expected
    result."""

    name: str
    answers: Mapping[str, Any]
    golden: Path


@dataclass(frozen=True)
class Difference:
    """A file that differs from its golden. ``kind`` is ``missing``, ``new`` or ``changed``;
    ``diff`` has the changed lines of a text file."""

    file: str
    kind: str
    diff: tuple[str, ...] = ()


def read_cases(root: Path) -> tuple[Case, ...]:
    """The cases of the pattern in ``root``; without a ``cases.toml``, one case with all defaults.

    Raises:
        PatternError: The file can't be read, or is not valid.
    """
    path = root / _FILE
    data: Mapping[str, Any] = (
        parse_toml(path, PatternError)[1] if path.is_file() else {"defaults": {}}
    )
    for name, answers in data.items():
        if not isinstance(answers, Mapping) or "/" in name or name.startswith("."):
            raise PatternError(
                f"{name!r} is not a table of answers", path=path, hint="Write [defaults]."
            )
    if not data:
        raise PatternError("has no cases", path=path, hint="Add one: [defaults]")
    return tuple(Case(name, answers, root / _GOLDEN / name) for name, answers in data.items())


def compare(case: Case, tree: Path) -> tuple[Difference, ...]:
    """The differences between the rendered ``tree`` and the case's golden."""
    old, new = read_tree(case.golden), read_tree(tree)
    found = []
    for name in sorted({*old, *new}):
        if name not in new:
            found.append(Difference(name, "missing"))
        elif name not in old:
            found.append(Difference(name, "new"))
        elif old[name] != new[name]:
            found.append(Difference(name, "changed", _diff(name, old[name].data, new[name].data)))
    return tuple(found)


def write_golden(case: Case, tree: Path) -> None:
    """Make ``tree`` the case's golden.

    Raises:
        FilesystemError: Writing failed.
    """
    try:
        case.golden.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=case.golden.parent) as scratch:
            fresh, old = Path(scratch, "fresh"), Path(scratch, "old")
            shutil.copytree(tree, fresh, ignore=shutil.ignore_patterns(".cfpy"))
            if case.golden.exists():
                case.golden.rename(old)
            fresh.rename(case.golden)
    except OSError as error:
        raise FilesystemError(
            f"can't write {error.filename or case.golden}: {error.strerror or error}"
        ) from error


def _diff(name: str, old: bytes, new: bytes) -> tuple[str, ...]:
    try:
        before, after = old.decode().splitlines(), new.decode().splitlines()
    except UnicodeDecodeError:
        return ()
    return tuple(
        difflib.unified_diff(before, after, f"golden/{name}", f"rendered/{name}", lineterm="")
    )
