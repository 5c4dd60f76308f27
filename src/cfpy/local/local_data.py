"""Which local data a binding has: the same that ``wrangler`` reads and writes with ``--local``.

wrangler 4.164.0 keeps local data by id (``d1DatabaseEntry``, ``kvNamespaceEntry`` and
``executeLocally``), so another id is another, empty database. ``cfpy provision`` writes ids, and
people replace the id of an example: here, the data moves to the new id.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfpy.bindings.kinds.d1 import D1
from cfpy.bindings.kinds.kv import KV
from cfpy.project.project import Project

#: In the directory of the local data: the id that each binding had in its last run.
RECORD = "cfpy-ids.json"
# The folder of a kind's data, and the name from which Miniflare derives those of its files.
_OBJECTS = {"d1": "miniflare-D1DatabaseObject", "kv": "miniflare-KVNamespaceObject"}
# SQLite's files, the database last: until it is there, nothing has moved.
_SUFFIXES = (".sqlite-shm", ".sqlite-wal", ".sqlite")


@dataclass(frozen=True)
class LocalData:
    """The data of one binding: its ``id``, and the id that it had in earlier versions of cfpy."""

    kind: str
    binding: str
    id: str
    before: str


def local_data(project: Project, environment: str) -> tuple[LocalData, ...]:
    """The data of a project's databases and namespaces in one environment."""
    source = project.wrangler
    return (*databases(D1.entries(source), environment), *namespaces(KV.entries(source)))


def databases(items: Sequence[Mapping[str, Any]], environment: str) -> list[LocalData]:
    """The data of D1 tables. Bindings that share a database share one.

    Args:
        items: The tables of one environment.
        environment: Its name; empty for the top level. There, a database without an id has the one
            that wrangler uses, its binding. An environment would then have the data of the top
            level, so it has an id of its own.
    """
    found: list[LocalData] = []
    first: dict[str, tuple[str, str]] = {}
    for item in items:
        binding = str(item.get("binding"))
        label = str(item.get("database_name") or binding)
        given = str(item.get("preview_database_id") or item.get("database_id") or "")
        before = f"local-{label}"
        own = given or (before if environment else binding)
        found.append(LocalData("d1", binding, *first.setdefault(given or label, (own, before))))
    return found


def namespaces(items: Sequence[Mapping[str, Any]]) -> list[LocalData]:
    """The data of KV tables."""
    found: list[LocalData] = []
    first: dict[str, str] = {}
    for item in items:
        binding = str(item.get("binding"))
        own = str(item.get("id") or binding)
        before = first.setdefault(own, f"local-{binding}")
        found.append(LocalData("kv", binding, own, before))
    return found


def keep_data(
    state: Path, owner: str, found: Iterable[LocalData], say: Callable[[str], None]
) -> None:
    """Move data whose id has changed since the last run, unless there is data with the new id.

    Args:
        state: The directory of the local data; no runtime uses it now.
        owner: The Worker and its environment: others may use the data, too.
        found: The bindings.
        say: Called with a sentence for each move.
    """
    record = _read(state / RECORD)
    ids = {kind: dict(record.get(kind) or {}) for kind in _OBJECTS}
    for data in found:
        name = f"{owner}/{data.binding}"
        known = ids[data.kind]
        old = known.get(name, data.before)
        others = {id_ for key, id_ in known.items() if key != name}
        if old != data.id and old not in others and _move(state, data.kind, old, data.id):
            say(f"The local data of {data.binding} is now kept under the id {data.id}")
        known[name] = data.id
    if ids != record:
        (state / RECORD).write_text(json.dumps(ids, indent=2) + "\n", "utf-8")


def _read(path: Path) -> dict[str, dict[str, str]]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text("utf-8"))
        if isinstance(found, dict) and all(isinstance(item, dict) for item in found.values()):
            return found
    return {}


def _move(state: Path, kind: str, old: str, new: str) -> bool:
    folder = state / "v3" / kind / _OBJECTS[kind]
    source, target = (folder / _object_id(_OBJECTS[kind], id_) for id_ in (old, new))
    if not source.with_suffix(".sqlite").exists() or target.with_suffix(".sqlite").exists():
        return False
    if kind == "kv":
        # Large values are files in a folder with the name of the id.
        blobs, place = (state / "v3" / kind / id_ for id_ in (old, new))
        if blobs.is_dir() and not place.exists():
            blobs.rename(place)
    for suffix in _SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            source.with_suffix(suffix).rename(target.with_suffix(suffix))
    return True


def _object_id(namespace: str, name: str) -> str:
    """The id of a Durable Object by its name, as workerd derives it locally: Miniflare keeps each
    database in one (``durableObjectNamespaceIdFromName`` in Miniflare)."""
    key = hashlib.sha256(namespace.encode()).digest()
    start = hmac.digest(key, name.encode(), "sha256")[:16]
    return (start + hmac.digest(key, start, "sha256")[:16]).hex()
