"""Appends an environment to a project's files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from cfpy.bindings.environments import NAME_KEYS, NewEnvironment
from cfpy.bindings.registry import KINDS
from cfpy.errors import ProjectError
from cfpy.project.line_ends import plain, with_ends_of
from cfpy.tools.files import write_atomically

# Tables that have the tables of bindings in them, such as `queues`.
_NESTED = frozenset(kind.outer for kind in KINDS if kind.outer != kind.table)


def environment_text(new: NewEnvironment) -> str:
    """The text to append to ``wrangler.toml``."""
    comment = f"# {new.worker}: wrangler inherits no bindings, so all of them are repeated here.\n"
    document = {"env": {new.name: _written(new.tables)}}
    return comment + tomlkit.dumps(document).strip() + "\n"


def settings_text(extra: Mapping[str, Any], new: NewEnvironment) -> str:
    """The text to append to ``cfpy.toml``: settings of the renamed resources."""
    tables = {
        key: [
            {**item, name: new.renamed[item[name]]}
            for item in extra.get(key) or ()
            if item.get(name) in new.renamed
        ]
        for key, name in NAME_KEYS.items()
    }
    tables = {key: items for key, items in tables.items() if items}
    return f"# {new.worker}\n{tomlkit.dumps(tables).strip()}\n" if tables else ""


def append(path: Path, text: str) -> None:
    """Append ``text`` to a TOML file.

    Raises:
        ProjectError: The file already defines it in another way, such as with an inline table.
        FilesystemError: It can't be written. It was not changed.
    """
    before = path.read_bytes().decode() if path.exists() else ""
    body = plain(before)
    if not body or body.endswith("\n"):
        after = body + ("\n" if body else "") + text
    else:
        # The last line of the file has no end: so it is with what is the last one now.
        after = f"{body}\n\n{text.removesuffix(chr(10))}"
    after = with_ends_of(before, after)
    try:
        tomllib.loads(plain(after))
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(
            f"an environment can't be appended: {error}",
            path=path,
            hint="Write its `env` as [env.NAME] tables, then run the command again.",
        ) from None
    write_atomically(path, after)


def _written(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Write small tables inside entries in one line, as people do."""
    written: dict[str, Any] = {}
    for key, value in tables.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            written[key] = [_entry(item) for item in value]
        elif key in _NESTED and isinstance(value, Mapping):
            written[key] = _written(value)
        else:
            written[key] = value
    return written


def _entry(item: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for key, value in item.items():
        if isinstance(value, Mapping):
            inline = tomlkit.inline_table()
            inline.update(value)
            entry[key] = inline
        else:
            entry[key] = value
    return entry
