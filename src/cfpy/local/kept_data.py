"""Keeps local data when the id of a database or namespace changes.

Local data is kept by id, so another id is another, empty database. ``cfpy provision`` writes ids,
and people replace the id of an example: here, the data moves to the new id.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from cfpy.local.local_data import LocalData

#: In the directory of the local data: the id that each binding had in its last run.
RECORD = "cfpy-ids.json"
# The folder of a kind's data, and the name from which Miniflare derives those of its files.
_OBJECTS = {"d1": "miniflare-D1DatabaseObject", "kv": "miniflare-KVNamespaceObject"}
# SQLite's files, the database last: until it is there, nothing has moved.
_SUFFIXES = (".sqlite-shm", ".sqlite-wal", ".sqlite")


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
