"""Columns whose values do not leave the account, and the fake values that replace them. Pure.

A fake depends on the value and a key, not on the column: equal values stay equal, so joins and
uniqueness survive, and nobody without the key can try out values. ``NULL`` and the empty string
stay.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cfpy.errors import ProjectError, UsageError
from cfpy.project.data_location import tables_in

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PERSONAL = re.compile(
    r"e_?mail|phone|mobile|(first|last|full|sur|user|nick)_?name|^name$|address|street|passw|token"
    r"|secret|iban|card|ssn|birth|^ip$|_ip$|latitude|longitude",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Mask:
    """A column of a database; ``binding`` is empty for any database."""

    table: str
    column: str
    binding: str = ""

    @property
    def where(self) -> tuple[str, str]:
        """Table and column, as SQLite compares names."""
        return self.table.lower(), self.column.lower()


def parse_mask(text: str, binding: str = "") -> Mask:
    """A mask from ``table.column``.

    Raises:
        UsageError: It has another form.
    """
    table, dot, column = text.partition(".")
    if not (table and dot and column):
        raise UsageError(f"{text!r} is not a column", hint="Name a table and a column: users.email")
    return Mask(table, column, binding)


def parse_masks(data: Mapping[str, Any], path: Path) -> tuple[Mask, ...]:
    """Read the ``[[masks]]`` tables of a parsed ``cfpy.toml``.

    Raises:
        ProjectError: A table has a missing or unknown key, or one of the wrong type; or the key of
            the tables is misspelt.
    """
    # A misspelt key elsewhere is a warning. Here it would let values out of the account.
    for key in data:
        if key != "masks" and get_close_matches(key.lower(), ["masks"]):
            raise ProjectError(f"`{key}` is an unknown key; use [[masks]]", path=path)
    found = []
    for table in tables_in(data, "masks", path):
        columns, binding = table.get("columns"), table.get("binding", "")
        if unknown := sorted(set(table) - {"columns", "binding"}):
            raise ProjectError(
                f"[[masks]] has the unknown key `{unknown[0]}`; use binding, columns", path=path
            )
        if not isinstance(binding, str):
            raise ProjectError("`binding` of [[masks]] is not a string", path=path)
        texts = isinstance(columns, list) and all(isinstance(item, str) for item in columns)
        if not columns or not texts:
            raise ProjectError("[[masks]] needs `columns`, a list of strings", path=path)
        for column in columns:
            try:
                found.append(parse_mask(column, binding))
            except UsageError as error:
                raise ProjectError(f"[[masks]]: {error.message}", path=path) from None
    return tuple(found)


def seems_personal(column: str) -> bool:
    """Whether the name of a column sounds like that of personal data."""
    return bool(_PERSONAL.search(column))


def fake(value: int | float | str | bytes | None, key: bytes) -> int | float | str | bytes | None:
    """What replaces ``value``: of the same type, and of the same form for addresses and UUIDs."""
    if value is None or value == "":
        return value
    digest = _digest(value, key)
    if isinstance(value, int):
        # JavaScript has exact integers up to 53 bits.
        return int.from_bytes(digest[:8]) >> 11
    if isinstance(value, float):
        return int.from_bytes(digest[:8]) / 2**32
    if isinstance(value, bytes):
        return digest
    word = digest[:8].hex()
    if _EMAIL.fullmatch(value):
        return f"user-{word}@example.com"
    if _URL.fullmatch(value):
        return f"https://example.com/{word}"
    if _UUID.fullmatch(value):
        return str(uuid.UUID(bytes=digest[:16], version=4))
    return f"masked-{word}"


def _digest(value: int | float | str | bytes, key: bytes) -> bytes:
    content = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    return hmac.digest(key, type(value).__name__.encode() + b"\0" + content, hashlib.sha256)
