"""Writes ids into ``wrangler.toml`` and leaves every other byte as it was.

tomlkit keeps comments, but puts a new key at the end of its table, behind comments and empty lines
that belong to the next one. So the line is inserted where a person would: right below the binding's
name. Whatever the file looks like, the result is parsed and compared before it is written.
"""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from cfpy.errors import FilesystemError, ProjectError

_HEADER = re.compile(r"^\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(#.*)?$")


def set_id(path: Path, environment: str, table: str, binding: str, key: str, value: str) -> None:
    """Give the entry of ``table`` that binds ``binding`` the id ``value``.

    Args:
        path: ``wrangler.toml``.
        environment: Whose table; empty for the top level.
        table: ``d1_databases`` or ``kv_namespaces``.
        binding: The entry's ``binding``.
        key: ``database_id`` or ``id``.
        value: The id.

    Raises:
        ProjectError: The file can't be edited without changing something else.
        FilesystemError: It can't be written. It is as it was.
    """
    # Not read_text(): that one would turn \\r\\n into \\n.
    text = path.read_bytes().decode()
    wanted = tomllib.loads(text)
    _entry(wanted, environment, table, binding, path)[key] = value
    where = f"env.{environment}.{table}" if environment else table
    for edited in (_inserted(text, where, binding, key, value), _edited(text, wanted)):
        if edited is not None and tomllib.loads(edited) == wanted:
            _write(path, edited)
            return
    raise ProjectError(
        f"can't add {key} to the table of {binding} without changing something else",
        path=path,
        hint=f'Add it by hand, then run the command again: {key} = "{value}"',
    )


def _entry(
    data: Mapping[str, Any], environment: str, table: str, binding: str, path: Path
) -> dict[str, Any]:
    scope = data["env"][environment] if environment else data
    for entry in scope.get(table, []):
        if entry.get("binding") == binding:
            found: dict[str, Any] = entry
            return found
    raise ProjectError(f"no table of {table} binds {binding}", path=path)


def _inserted(text: str, table: str, binding: str, key: str, value: str) -> str | None:
    """``text`` with a line more, or another line in place of one; ``None`` if no such table is
    written out."""
    lines = text.splitlines(keepends=True)
    binds = re.compile(rf"""^(\s*)binding\s*=\s*["']{re.escape(binding)}["']""")
    has = re.compile(rf"^(\s*){re.escape(key)}\s*=")
    inside, start, found = False, 0, -1
    for number, line in enumerate([*lines, "[end]\n"]):
        header = _HEADER.match(line)
        if not header:
            if inside and binds.match(line):
                found = number
            continue
        if found >= 0:
            return _with_line(lines, start, number, found, has, f'{key} = "{value}"')
        inside = re.sub(r"[\s\"']", "", header[1]) == table
        start = number
    return None


def _with_line(
    lines: list[str], start: int, end: int, found: int, has: re.Pattern[str], line: str
) -> str:
    ending = "\r\n" if lines[found].endswith("\r\n") else "\n"
    for number in range(start, end):
        if has.match(lines[number]):
            # An empty or outdated id: its value alone is replaced.
            value = line.partition(" = ")[2]
            edited = re.sub(r"""=(\s*)("[^"]*"|'[^']*')""", rf"=\1{value}", lines[number], count=1)
            return "".join([*lines[:number], edited, *lines[number + 1 :]])
    indent = lines[found][: len(lines[found]) - len(lines[found].lstrip())]
    above = lines[found] if lines[found].endswith("\n") else lines[found] + ending
    return "".join([*lines[:found], above, indent, line, ending, *lines[found + 1 :]])


def _edited(text: str, wanted: Mapping[str, Any]) -> str | None:
    """``text`` as tomlkit edits it: for tables that are written in one line."""
    document = tomlkit.parse(text)
    _merge(document, wanted)
    return tomlkit.dumps(document)


def _merge(document: Any, wanted: Any) -> None:
    """Set what differs, and touch nothing else."""
    if isinstance(wanted, Mapping):
        for key, value in wanted.items():
            if isinstance(value, Mapping | list) and key in document:
                _merge(document[key], value)
            elif key not in document or document[key] != value:
                document[key] = value
    elif isinstance(wanted, list):
        for item, value in zip(document, wanted, strict=True):
            if isinstance(value, Mapping | list):
                _merge(item, value)


def _write(path: Path, text: str) -> None:
    """Write whole or not at all, with the mode that the file had."""
    try:
        mode = path.stat().st_mode & 0o777
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=".wrangler-", delete=False, encoding="utf-8", newline=""
        ) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(mode)
        Path(file.name).replace(path)
    except OSError as error:
        raise FilesystemError(
            f"can't write {path}: {error.strerror or error}", hint="The file is as it was."
        ) from error
