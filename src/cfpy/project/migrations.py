"""Finds the migrations of a D1 database, in the order in which wrangler applies them.

Read in wrangler 4.164.0: ``migrations_dir`` (default ``./migrations``), ``migrations_pattern``
(default ``<migrations_dir>/*.sql``, relative to the configuration file, and below the directory).
A file's name in the database's table is its path below the directory.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wcmatch import glob
from wcmatch._wcparse import PatternLimitException  # documented, but not exported

_DEFAULT_DIRECTORY = "migrations"
_GLOB = glob.GLOBSTAR | glob.BRACE | glob.EXTGLOB | glob.FORCEUNIX
_NUMBER = re.compile(r"\s*[+-]?[0-9]+")


@dataclass(frozen=True)
class Migrations:
    """Where the migrations of a binding are. Both are relative to the configuration file;
    ``pattern`` begins with ``directory``."""

    directory: str
    pattern: str

    def names(self, root: Path) -> tuple[str, ...]:
        """The files below ``directory`` that match, in the order in which they are applied."""
        inner = self.pattern.removeprefix(f"{self.directory}/")
        found = (name for name in _files(root / self.directory) if _matches(name, inner))
        return tuple(sorted(found, key=_order))


#: The folder if the configuration does not name one.
DEFAULT = Migrations(_DEFAULT_DIRECTORY, f"{_DEFAULT_DIRECTORY}/*.sql")


def migrations_of(table: Mapping[str, Any]) -> Migrations:
    """Read a ``[[d1_databases]]`` table.

    Raises:
        ValueError: wrangler does not accept the pattern. The message has the reason.
    """
    directory, pattern = table.get("migrations_dir"), table.get("migrations_pattern")
    if pattern is not None and directory is None:
        raise ValueError(
            f"migrations_pattern = {pattern!r} must begin with migrations_dir, which is not set"
        )
    # An empty string is the project itself.
    below = _normal(_DEFAULT_DIRECTORY if directory is None else str(directory))
    if pattern is None:
        return Migrations(below, _normal(f"{below}/*.sql"))
    matched = _normal(str(pattern))
    try:
        glob.translate(matched, flags=_GLOB)
    except PatternLimitException:
        raise ValueError(f"migrations_pattern = {pattern!r} has too many alternatives") from None
    if below != "." and not matched.startswith(f"{below}/"):
        raise ValueError(
            f"migrations_pattern = {pattern!r} does not begin with migrations_dir = {directory!r}"
        )
    if matched.removeprefix(f"{below}/").startswith(("!", "#")):
        # Minimatch reads a leading ! as "all but", even in !(...), and # as a comment.
        raise ValueError(
            f"migrations_pattern = {pattern!r}: after migrations_dir, ! and # have another meaning "
            "for wrangler than for a shell"
        )
    return Migrations(below, matched)


def _normal(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/"))


def _files(directory: Path) -> Iterator[str]:
    """Regular files below a directory, without links, as paths with slashes."""
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(directory).as_posix()


def _matches(name: str, pattern: str) -> bool:
    return bool(glob.globmatch(name, pattern, flags=_GLOB))


def _order(name: str) -> list[tuple[bool, int, str]]:
    """Sort by the number at the start of each part of the path, then by the part itself: 2 comes
    before 10, and parts without a number come last."""
    keys = []
    for part in name.split("/"):
        number = _NUMBER.match(part.split("_")[0])
        keys.append((number is None, int(number[0]) if number else 0, part))
    return keys
