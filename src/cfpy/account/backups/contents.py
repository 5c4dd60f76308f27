"""Reads the files of a backup for a restore. Only files whose SHA-256 is in the manifest are read,
and what is in them is checked before anything changes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cfpy.account.backups.dump import literal
from cfpy.account.backups.keys import has_dots, is_dots, some
from cfpy.account.backups.manifest import Item
from cfpy.errors import ProjectError
from cfpy.project.sql_statements import quoted

_OBJECT: Mapping[str, type] = {
    **dict.fromkeys(("key", "etag", "storage_class", "file"), str),
    **dict.fromkeys(("http_metadata", "custom_metadata"), dict),
    "size": int,
}


def check_contents(folder: Path, items: Iterable[Item]) -> None:
    """Refuse files that are not as a backup has them, and keys that would be written over another.

    Raises:
        ProjectError: There is one.
    """
    for item in items:
        if item.kind == "r2":
            objects_of(folder, item)
        elif item.kind == "kv":
            for name in item.files:
                keys = [str(pair["key"]) for pair in pairs_of(folder, name)]
                if found := [key for key in keys if is_dots(key)]:
                    raise ProjectError(
                        f"no key of a namespace may be {some(found)}",
                        path=folder / name,
                        hint=f"Restore the rest: --skip {item.key}. Nothing was changed.",
                    )


def objects_of(folder: Path, item: Item) -> list[Mapping[str, Any]]:
    """The objects of a bucket.

    Raises:
        ProjectError: One is not as a backup describes it, or its file is not one of the item.
    """
    found = _tables(folder / item.index, _OBJECT)
    for entry in found:
        if entry["file"] == item.index or entry["file"] not in item.files:
            raise _damaged(folder / item.index, f"{entry['file']!r} is not a file of the backup")
        if not all(isinstance(value, str) for value in entry["http_metadata"].values()):
            raise _damaged(folder / item.index, "metadata that is not text")
    return found


def pairs_of(folder: Path, name: str) -> list[Mapping[str, Any]]:
    """The keys and values in one file of a namespace.

    Raises:
        ProjectError: One is not as a backup describes it.
    """
    found = _tables(folder / name, {"key": str, "value": str})
    for pair in found:
        if not isinstance(pair.get("expiration", 0), int | float):
            raise _damaged(folder / name, "an expiration that is not a number")
    return found


def unwritten(folder: Path, item: Item) -> list[str]:
    """The keys of a bucket that wrangler can't write: it would write over another object."""
    if item.kind != "r2":
        return []
    return [entry["key"] for entry in objects_of(folder, item) if has_dots(entry["key"])]


def lacks_migrations(
    folder: Path, item: Item, table: str, migrations: Iterable[str]
) -> tuple[str, ...]:
    """The migrations that a database had not had yet, as far as its file shows them."""
    left = list(migrations)
    begins = (f"INSERT INTO {quoted(table)}", f"INSERT INTO {table} ")
    for name in item.files:
        with (folder / name).open(encoding="utf-8", newline="\n") as script:
            for line in script:
                if left and line.startswith(begins):
                    left = [each for each in left if literal(each) not in line]
    return tuple(left)


def _tables(path: Path, keys: Mapping[str, type]) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(path.read_text("utf-8"))
        for entry in found:
            for key, kind in keys.items():
                if not isinstance(entry[key], kind):
                    raise _damaged(path, f"`{key}` of another type")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    return list(found)


def _damaged(path: Path, what: str) -> ProjectError:
    hint = "Use another backup. Nothing was changed."
    return ProjectError(f"it is not as a backup has it: {what}", path=path, hint=hint)
