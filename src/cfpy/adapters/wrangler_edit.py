"""Writes ids into ``wrangler.toml`` and leaves every other byte as it was.

tomlkit keeps comments, but puts a new key at the end of its table, behind comments and empty lines
that belong to the next one. So the line is inserted where a person would: right below the binding's
name. Whatever the file looks like, the result is parsed and compared before it is written.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from cfpy.adapters.files import write_atomically
from cfpy.adapters.line_ends import lines_of, plain, with_ends_of
from cfpy.adapters.toml_layout import HEADER
from cfpy.errors import ProjectError

#: The table and the key that hold an id, by kind of resource. A bucket's is its name.
ID_KEYS = {
    "d1": ("d1_databases", "database_id"),
    "kv": ("kv_namespaces", "id"),
    "r2": ("r2_buckets", "bucket_name"),
}


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
    _edit(path, environment, table, binding, key, value)


def unset_id(path: Path, environment: str, table: str, binding: str, key: str) -> None:
    """Take the id away again, as :func:`set_id` wrote it. Nothing happens where there is none.

    Raises:
        ProjectError: The file can't be edited without changing something else.
        FilesystemError: It can't be written. It is as it was.
    """
    _edit(path, environment, table, binding, key, None)


def _edit(
    path: Path, environment: str, table: str, binding: str, key: str, value: str | None
) -> None:
    try:
        # Not read_text(): that one would turn \r\n into \n.
        whole = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        hint = _by_hand(binding, key, value)
        raise ProjectError(f"can't be read: {error}", path=path, hint=hint) from error
    text = plain(whole)
    wanted = _parsed(text)
    if wanted is None:
        raise ProjectError("is no TOML any more", path=path, hint=_by_hand(binding, key, value))
    entry = _entry(wanted, environment, table, binding)
    if entry is None and value is None:
        return
    if entry is None:
        message = f"no table of {table} binds {binding}"
        raise ProjectError(message, path=path, hint=_by_hand(binding, key, value))
    has = entry.get(key) or None
    if has == value:
        return
    if value is not None and has is not None:
        message = f"{key} of {binding} is {has} by now"
        raise ProjectError(message, path=path, hint=_by_hand(binding, key, value))
    if value is None:
        del entry[key]
    else:
        entry[key] = value
    where = f"env.{environment}.{table}" if environment else table
    for edited in _candidates(text, where, binding, key, value, wanted):
        if _parsed(edited) == wanted:
            write_atomically(path, with_ends_of(whole, edited))
            return
    raise ProjectError(
        f"can't change {key} of {binding} without changing something else",
        path=path,
        hint=_by_hand(binding, key, value),
    )


def _by_hand(binding: str, key: str, value: str | None) -> str:
    does = f'Write {key} = "{value}" there' if value else f"Remove {key} there"
    return f"{does}, in the table that binds {binding}; then run the same command again."


def _entry(
    data: Mapping[str, Any], environment: str, table: str, binding: str
) -> dict[str, Any] | None:
    """The table that binds ``binding``; ``None`` if there is none, or none any more."""
    scope = (data.get("env") or {}).get(environment) or {} if environment else data
    return next((item for item in scope.get(table) or [] if item.get("binding") == binding), None)


def _candidates(
    text: str, table: str, binding: str, key: str, value: str | None, wanted: Mapping[str, Any]
) -> Iterator[str]:
    """Ways to edit ``text``, the one that changes least first. Not all of them are right."""
    yield from _with_id(text, table, binding, key, value)
    # A table that is written in one line. Which one it is, what comes out of it tells.
    old = rf"""({re.escape(key)}["']?\s*=\s*)("[^"]*"|'[^']*')"""
    if value is None:
        for match in re.finditer(rf"""\s*,\s*["']?{old}|["']?{old}\s*,\s*""", text):
            yield text[: match.start()] + text[match.end() :]
    else:
        for match in re.finditer(old, text):
            yield f'{text[: match.end(1)]}"{value}"{text[match.end() :]}'
        for match in re.finditer(rf"""=\s*("{re.escape(binding)}"|'{re.escape(binding)}')""", text):
            yield f'{text[: match.end()]}, {key} = "{value}"{text[match.end() :]}'
    with contextlib.suppress(TOMLKitError, ValueError):
        yield _edited(text, wanted)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _with_id(text: str, table: str, binding: str, key: str, value: str | None) -> Iterator[str]:
    """``text`` with a line more, a line less, or another value in one, for each table that is
    written out so; one of them may be a string that looks like it."""
    lines = lines_of(text)
    binds = re.compile(rf"""^(\s*)binding\s*=\s*["']{re.escape(binding)}["']""")
    has = re.compile(rf"^(\s*){re.escape(key)}\s*=")
    inside, start, found = False, 0, -1
    for number, line in enumerate([*lines, "[end]\n"]):
        header = HEADER.match(line)
        if not header:
            if inside and binds.match(line):
                found = number
            continue
        if found >= 0:
            yield _with_line(lines, (start, number), found, has, (key, value))
        inside, found = re.sub(r"[\s\"']", "", header[1]) == table, -1
        start = number


def _with_line(
    lines: list[str],
    table: tuple[int, int],
    binding: int,
    has: re.Pattern[str],
    wanted: tuple[str, str | None],
) -> str:
    """``lines`` with the key in the table between two line numbers, below that of the binding."""
    key, value = wanted
    for number in range(*table):
        if not has.match(lines[number]):
            continue
        before, after = lines[:number], lines[number + 1 :]
        if value is None:
            if not after and before and not lines[number].endswith("\n"):
                # The last line of a file that has no end: the one above has none then.
                before[-1] = before[-1].removesuffix("\n")
            return "".join([*before, *after])
        # An empty or outdated id: its value alone is replaced.
        old = r"""=(\s*)("[^"]*"|'[^']*')"""
        return "".join([*before, re.sub(old, rf'=\1"{value}"', lines[number], count=1), *after])
    above = lines[binding]
    if value is None:
        return "".join(lines)
    indent = above[: len(above) - len(above.lstrip())]
    line = f'{indent}{key} = "{value}"'
    # The last line of a file may have no end.
    added = [above, line, "\n"] if above.endswith("\n") else [above, "\n", line]
    return "".join([*lines[:binding], *added, *lines[binding + 1 :]])


def _edited(text: str, wanted: Mapping[str, Any]) -> str:
    """``text`` as tomlkit edits it."""
    document = tomlkit.parse(text)
    _merge(document, wanted)
    return tomlkit.dumps(document)


def _merge(document: Any, wanted: Any) -> None:
    """Set what differs, and touch nothing else."""
    if isinstance(wanted, Mapping):
        for key in [key for key in document if key not in wanted]:
            del document[key]
        for key, value in wanted.items():
            if isinstance(value, Mapping | list) and key in document:
                _merge(document[key], value)
            elif key not in document or document[key] != value:
                document[key] = value
    elif isinstance(wanted, list):
        for item, value in zip(document, wanted, strict=True):
            if isinstance(value, Mapping | list):
                _merge(item, value)
