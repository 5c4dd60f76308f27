"""Where resources keep their data, as set in cfpy.toml.

The configuration has the jurisdiction of D1 databases and R2 buckets. It has no key for that of
KV namespaces and queues, nor for location hints (wrangler 4.164.0, config-schema.json). Both apply
when a resource is created, and can't be changed afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfpy.errors import ProjectError

#: developers.cloudflare.com: Data location of D1, KV, Queues and R2.
JURISDICTIONS = ("eu", "fedramp", "us")
#: developers.cloudflare.com/d1/configuration/data-location, and R2's page of that name.
LOCATIONS = ("wnam", "enam", "weur", "eeur", "apac", "oc")

# By kind: the key of the resource's name, and the key of its location.
_KEYS = {
    "d1": ("database_name", "location", LOCATIONS),
    "r2": ("bucket_name", "location", LOCATIONS),
    "kv": ("binding", "jurisdiction", JURISDICTIONS),
    "queues": ("queue", "jurisdiction", JURISDICTIONS),
}


@dataclass(frozen=True)
class DataLocation:
    """Empty where nothing is set. ``location`` is a hint, ``jurisdiction`` a guarantee."""

    jurisdiction: str = ""
    location: str = ""


def parse_data_locations(
    data: Mapping[str, Any], path: Path
) -> Mapping[tuple[str, str], DataLocation]:
    """Read the locations from a parsed ``cfpy.toml``, by kind and name.

    Raises:
        ProjectError: A table has no name, or an unknown location.
    """
    return {
        (kind, name): DataLocation(**{key: place})
        for kind, (named, key, places) in _KEYS.items()
        for table in tables_in(data, kind, path)
        if (name := _name(table, kind, named, path))
        and (place := _place(table, kind, key, places, path))
    }


def tables_in(data: Mapping[str, Any], key: str, path: Path) -> list[Mapping[str, Any]]:
    """The tables of a list in a parsed ``cfpy.toml``.

    Raises:
        ProjectError: It is not a list of tables.
    """
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ProjectError(f"`{key}` is not a list of tables ([[{key}]])", path=path)
    return list(value)


def _name(table: Mapping[str, Any], kind: str, key: str, path: Path) -> str:
    name = table.get(key)
    if not isinstance(name, str) or not name:
        raise ProjectError(f"a [[{kind}]] table has no `{key}`", path=path)
    return name


def _place(table: Mapping[str, Any], kind: str, key: str, places: Sequence[str], path: Path) -> str:
    # The rules of buckets are read with the rest of their tables.
    known = {_KEYS[kind][0], key, *(("cors", "lifecycle") if kind == "r2" else ())}
    if unknown := sorted(set(table) - known):
        raise ProjectError(
            f"[[{kind}]] has the unknown key `{unknown[0]}`; use {', '.join(sorted(known))}",
            path=path,
        )
    if key not in table:
        return ""
    place = table[key]
    if place not in places:
        raise ProjectError(
            f"`{key}` of [[{kind}]] is {place!r}: use {', '.join(places)}", path=path
        )
    return str(place)
