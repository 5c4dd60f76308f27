"""Writes ids into a project's configuration, and removes them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfpy.errors import ProjectError
from cfpy.project.config_text import edited, read
from cfpy.project.edits import KeyPath, Put, Remove
from cfpy.project.names import is_placeholder
from cfpy.tools.files import write_atomically


def set_id(path: Path, environment: str, table: str, binding: str, key: str, value: str) -> None:
    """Set the id of the entry for ``binding`` in ``table`` to ``value``.

    Args:
        path: The configuration.
        environment: The environment of the table; empty for the top level.
        table: ``d1_databases`` or ``kv_namespaces``.
        binding: The entry's ``binding``.
        key: ``database_id`` or ``id``.
        value: The id.

    Raises:
        ProjectError: The file can't be edited without changing something else, or it has another
            id.
        FilesystemError: It can't be written. It is as it was.
    """
    what = f'Write {key} = "{value}" in the table that binds {binding}'
    hint = f"{what}, then run the same command again."
    text, entry, where = _entry(path, environment, table, binding, hint)
    if entry is None:
        raise ProjectError(f"no table of {table} binds {binding}", path=path, hint=hint)
    if entry.get(key) == value:
        return
    if entry.get(key) and not is_placeholder(str(entry[key])):
        raise ProjectError(f"{key} of {binding} is now {entry[key]}", path=path, hint=hint)
    write_atomically(path, edited(path, text, [Put((*where, key), value, after="binding")]))


def unset_id(path: Path, environment: str, table: str, binding: str, key: str) -> None:
    """Remove the id that :func:`set_id` wrote. Does nothing if there is none.

    Raises:
        ProjectError: The file can't be edited without changing something else.
        FilesystemError: It can't be written. It is as it was.
    """
    hint = f"Remove {key} from the table that binds {binding}, then run the same command again."
    text, entry, where = _entry(path, environment, table, binding, hint)
    if entry and entry.get(key):
        write_atomically(path, edited(path, text, [Remove((*where, key))]))


def _entry(
    path: Path, environment: str, table: str, binding: str, hint: str
) -> tuple[str, Mapping[str, Any] | None, KeyPath]:
    """The text of the file, the entry that binds ``binding``, and the entry's path."""
    try:
        _, data = read(path)
        text = path.read_bytes().decode()
    except ProjectError as error:
        raise ProjectError(error.message, hint=hint) from None
    scope: KeyPath = ("env", environment) if environment else ()
    where: KeyPath = (*scope, *table.split("."))
    entries: Any = data
    for part in where:
        entries = (entries or {}).get(part)
    for number, item in enumerate(entries or ()):
        if item.get("binding") == binding:
            return text, item, (*where, number)
    return text, None, where
