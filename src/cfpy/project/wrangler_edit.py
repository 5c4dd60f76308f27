"""Writes ids into ``wrangler.toml`` and keeps every other byte unchanged.

tomlkit keeps comments, but adds a new key at the end of its table, after comments and empty lines
that belong to the next one. So the line is inserted where a person would do it: right below the
binding's name. The result is always parsed and compared before it is written.
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

from cfpy.errors import ProjectError
from cfpy.project.line_ends import lines_of, plain, with_ends_of
from cfpy.project.toml_layout import HEADER
from cfpy.tools.files import write_atomically


def set_id(path: Path, environment: str, table: str, binding: str, key: str, value: str) -> None:
    """Set the id of the entry for ``binding`` in ``table`` to ``value``.

    Args:
        path: ``wrangler.toml``.
        environment: The environment of the table; empty for the top level.
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
    """Remove the id that :func:`set_id` wrote. Does nothing if there is none.

    Raises:
        ProjectError: The file can't be edited without changing something else.
        FilesystemError: It can't be written. It is as it was.
    """
    _edit(path, environment, table, binding, key, None)


def _edit(
    path: Path, environment: str, table: str, binding: str, key: str, value: str | None
) -> None:
    try:
        # Not read_text(), which would turn \r\n into \n.
        whole = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        hint = _by_hand(binding, key, value)
        raise ProjectError(f"can't be read: {error}", path=path, hint=hint) from error
    text = plain(whole)
    wanted = _parsed(text)
    if wanted is None:
        raise ProjectError("is no longer valid TOML", path=path, hint=_by_hand(binding, key, value))
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
        message = f"{key} of {binding} is now {has}"
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
    does = f'Write {key} = "{value}"' if value else f"Remove {key}"
    return f"{does} in the table that binds {binding}, then run the same command again."


def _entry(
    data: Mapping[str, Any], environment: str, table: str, binding: str
) -> dict[str, Any] | None:
    """The table that binds ``binding``; ``None`` if there is none."""
    scope = (data.get("env") or {}).get(environment) or {} if environment else data
    return next((item for item in scope.get(table) or [] if item.get("binding") == binding), None)


def _candidates(
    text: str, table: str, binding: str, key: str, value: str | None, wanted: Mapping[str, Any]
) -> Iterator[str]:
    """Ways to edit ``text``, the one with the fewest changes first. Some may be wrong."""
    yield from _with_id(text, table, binding, key, value)
    # A table in one line. The comparison of the result finds the right one.
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
    """``text`` with a line added, removed or changed, for each table that matches; a match may be
    inside a string."""
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
    """``lines`` with the key added to the table between two line numbers, below the binding's
    key."""
    key, value = wanted
    for number in range(*table):
        if not has.match(lines[number]):
            continue
        before, after = lines[:number], lines[number + 1 :]
        if value is None:
            if not after and before and not lines[number].endswith("\n"):
                # The last line of a file without a final line end: the line above then has none,
                # either.
                before[-1] = before[-1].removesuffix("\n")
            return "".join([*before, *after])
        # An empty or outdated id: only its value is replaced.
        old = r"""=(\s*)("[^"]*"|'[^']*')"""
        return "".join([*before, re.sub(old, rf'=\1"{value}"', lines[number], count=1), *after])
    above = lines[binding]
    if value is None:
        return "".join(lines)
    indent = above[: len(above) - len(above.lstrip())]
    line = f'{indent}{key} = "{value}"'
    # The last line of a file may have no line end.
    added = [above, line, "\n"] if above.endswith("\n") else [above, "\n", line]
    return "".join([*lines[:binding], *added, *lines[binding + 1 :]])


def _edited(text: str, wanted: Mapping[str, Any]) -> str:
    """``text`` edited with tomlkit."""
    document = tomlkit.parse(text)
    _merge(document, wanted)
    return tomlkit.dumps(document)


def _merge(document: Any, wanted: Any) -> None:
    """Set the values that differ, and change nothing else."""
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
