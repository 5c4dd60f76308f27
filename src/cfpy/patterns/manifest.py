"""``pattern.toml``: how a pattern describes itself.

``patterns/pattern.schema.json`` describes the same for editors; a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cfpy.errors import PatternError
from cfpy.project.names import did_you_mean

#: Maps the keys and indexes of a value to its line and column in the text, both 1-based.
Locate = Callable[[tuple[str | int, ...]], tuple[int, int]]

EXTENDS = re.compile(r"([A-Za-z0-9_-]+) *([<>=!~].*)?")
# A version with optional pre-, post- and other parts, as packaging orders them.
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*((a|b|rc|\.post|\.dev)[0-9]+)*")
_TEXTS = ("title", "summary", "version", "extends")
_LISTS = ("removes", "services", "next_steps")
_TABLES = {"resources": ("kind", "binding", "purpose"), "secrets": ("name", "purpose")}
_KNOWN = (*_TEXTS, "abstract", *_LISTS, *_TABLES)


@dataclass(frozen=True)
class ResourceSpec:
    """A Cloudflare resource that a project of the pattern binds.

    ``kind`` is wrangler's name for it (``d1``, ``vectorize``, ``ai``, ...), ``binding`` the name
    in the Worker's ``env``.
    """

    kind: str
    binding: str
    purpose: str


@dataclass(frozen=True)
class SecretSpec:
    """A secret that the deployed Worker needs."""

    name: str
    purpose: str


@dataclass(frozen=True)
class Manifest:
    """The parsed ``pattern.toml``.

    ``extends`` names the pattern below this one, with a range of versions if it is pinned
    (``rag>=1.1,<2``), or is empty; ``removes`` are files of the patterns below that this one leaves
    out. An ``abstract`` pattern can be extended, but not rendered. ``next_steps`` are commands to
    run in the new project.
    """

    title: str
    summary: str
    version: str
    extends: str
    abstract: bool
    removes: tuple[str, ...]
    services: tuple[str, ...]
    resources: tuple[ResourceSpec, ...]
    secrets: tuple[SecretSpec, ...]
    next_steps: tuple[str, ...]


def parse_manifest(
    data: Mapping[str, Any], path: Path, locate: Locate = lambda _keys: (1, 1)
) -> Manifest:
    """Read a manifest from parsed TOML.

    Args:
        data: The document.
        path: Its file, for messages.
        locate: Finds the lines of its values, for messages.

    Raises:
        PatternError: A key is missing, unknown or of the wrong type; with its line and column.
    """

    def fail(message: str, *keys: str | int, hint: str = "") -> NoReturn:
        line, column = locate(keys)
        raise PatternError(message, path=path, line=line, column=column, hint=hint)

    _refuse_wrong(data, fail)
    return Manifest(
        title=data["title"],
        summary=data["summary"],
        version=data["version"],
        extends=data.get("extends", ""),
        abstract=data.get("abstract", False),
        removes=tuple(data.get("removes", ())),
        services=tuple(data.get("services", ())),
        resources=tuple(ResourceSpec(**item) for item in data.get("resources", ())),
        secrets=tuple(SecretSpec(**item) for item in data.get("secrets", ())),
        next_steps=tuple(data.get("next_steps", ())),
    )


def _refuse_wrong(data: Mapping[str, Any], fail: Callable[..., NoReturn]) -> None:
    for key in data:
        if key not in _KNOWN:
            known = f"Known keys: {', '.join(sorted(_KNOWN))}."
            fail(f"unknown key {key!r}", key, hint=did_you_mean(key, _KNOWN) or known)
    for key in _TEXTS:
        if not isinstance(data.get(key, ""), str):
            fail(f"{key!r} is not a string", key)
        if key != "extends" and not data.get(key, "").strip():
            fail(
                f"{key!r} is missing or empty",
                key,
                hint="A pattern needs title, summary and version.",
            )
    if not _VERSION.fullmatch(data["version"]):
        fail(f"{data['version']!r} is not a version", "version", hint='Example: version = "1.0.0"')
    if data.get("extends") and not EXTENDS.fullmatch(data["extends"]):
        hint = 'Write extends = "rag", or "rag>=1.1,<2".'
        fail(f"extends = {data['extends']!r} does not name a pattern", "extends", hint=hint)
    if not isinstance(data.get("abstract", False), bool):
        fail("'abstract' is not true or false", "abstract")
    for key in _LISTS:
        value = data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            fail(f"{key!r} is not a list of strings", key)
    for key, names in _TABLES.items():
        _refuse_wrong_tables(data.get(key, []), key, names, fail)


def _refuse_wrong_tables(
    value: Any, key: str, names: tuple[str, ...], fail: Callable[..., NoReturn]
) -> None:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        fail(f"{key!r} is not a list of tables", key, hint=f"Write [[{key}]].")
    for index, item in enumerate(value):
        for name in names:
            if not isinstance(item.get(name), str) or not item[name]:
                has = "is not a string" if name in item else "is missing"
                fail(f"{name!r} of [[{key}]] {has}", key, index, name)
        for name in item:
            if name not in names:
                fail(f"unknown key {name!r} in [[{key}]]", key, index, name)
