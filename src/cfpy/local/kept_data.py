"""Keeps local data when the id of a database, namespace or bucket changes.

Local data is kept by id, so another id is another, empty database. ``cfpy provision`` writes ids,
and people replace the id of an example: here, the data moves to the new id. Data that other
bindings use under the old id stays for them, and is copied. An id that has data already keeps it,
as with ``wrangler dev``, which knows nothing but ids: then cfpy reports that the binding has other
data than before.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from cfpy.local.local_data import LocalData

#: In the directory of the local data: the id that each binding had in its last run.
RECORD = "cfpy-ids.json"
# The folder of a kind's data, and the name from which Miniflare derives those of its files.
_OBJECTS = {
    "d1": "miniflare-D1DatabaseObject",
    "kv": "miniflare-KVNamespaceObject",
    "r2": "miniflare-R2BucketObject",
}
# SQLite's files, the database last: until it is there, nothing has moved.
_SUFFIXES = (".sqlite-shm", ".sqlite-wal", ".sqlite")
_PARTIAL = ".cfpy-partial"
# What an id is called.
_IDS = {"d1": "id", "kv": "id", "r2": "bucket"}


def keep_data(
    state: Path, owner: str, found: Iterable[LocalData], say: Callable[[str], None]
) -> None:
    """Move or copy data whose id has changed since the last run, unless there is data with the new
    id.

    Args:
        state: The directory of the local data; no runtime uses it now.
        owner: The Worker and its environment: others may use the data, too.
        found: The bindings.
        say: Called with a sentence for each binding whose id has changed, if there is data.
    """
    record = _read(state / RECORD)
    ids = {kind: dict(record.get(kind) or {}) for kind in _OBJECTS}
    data = [(f"{owner}/{each.binding}", each) for each in found]
    now = {(each.kind, name): each.id for name, each in data}
    # Bindings that share their data are one.
    done = set()
    for name, each in data:
        known = ids[each.kind]
        old = known.get(name, each.before)
        # What the other bindings have from now on, and what they had where they do not run now.
        used = {now.get((each.kind, other), id_) for other, id_ in known.items() if other != name}
        used |= {id_ for key, id_ in now.items() if key != (each.kind, name)}
        change = (each.kind, old, each.id)
        if old == each.id or change in done:
            continue
        done.add(change)
        if said := _follow(state, each, old, old in used, name in known):
            say(said)
    for name, each in data:
        ids[each.kind][name] = each.id
    if ids != record:
        (state / RECORD).write_text(json.dumps(ids, indent=2) + "\n", "utf-8")


def database_file(state: Path, kind: str, id_: str) -> Path:
    """The SQLite file with the data of ``id_``; it may not exist."""
    name = _OBJECTS[kind]
    return state / "v3" / kind / name / f"{_object_id(name, id_)}.sqlite"


def _follow(state: Path, data: LocalData, old: str, is_used: bool, is_known: bool) -> str:
    """Bring the data of the id ``old`` to the binding's own one; the result is what to report."""
    source, target = (database_file(state, data.kind, id_) for id_ in (old, data.id))
    word = _IDS[data.kind]
    if target.exists():
        if not is_known:
            return ""
        stays = f"; what it had so far stays under {old}" if source.exists() else ""
        return (
            f"The {word} of {data.binding} changed from {old} to {data.id}, so it now has the "
            f"local data that is kept under {data.id}{stays}"
        )
    if not source.exists():
        return ""
    # Large values are files in a folder with the name of the id.
    blobs, place = (state / "v3" / data.kind / id_ for id_ in (old, data.id))
    if is_used:
        _copy(blobs, place)
        for suffix in _SUFFIXES[1:]:
            _copy(source.with_suffix(suffix), target.with_suffix(suffix))
        return (
            f"The local data of {data.binding} is copied to its new {word} {data.id}: other "
            f"bindings still use what is kept under {old}"
        )
    if blobs.is_dir() and not place.exists():
        blobs.rename(place)
    for suffix in _SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            source.with_suffix(suffix).rename(target.with_suffix(suffix))
    return f"The local data of {data.binding} is now kept under the {word} {data.id}"


def _copy(source: Path, target: Path) -> None:
    """Copy a file or folder, if there is one, in one step: what was left half copied is not
    used."""
    partial = target.with_name(f"{target.name}{_PARTIAL}")
    if source.is_dir() and not target.exists():
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial)
        partial.rename(target)
    elif source.is_file():
        shutil.copy2(source, partial)
        partial.replace(target)


def _read(path: Path) -> dict[str, dict[str, str]]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text("utf-8"))
        if isinstance(found, dict) and all(isinstance(item, dict) for item in found.values()):
            return found
    return {}


def _object_id(namespace: str, name: str) -> str:
    """The id of a Durable Object by its name, as workerd derives it locally: Miniflare keeps each
    database in one (``durableObjectNamespaceIdFromName`` in Miniflare)."""
    key = hashlib.sha256(namespace.encode()).digest()
    start = hmac.digest(key, name.encode(), "sha256")[:16]
    return (start + hmac.digest(key, start, "sha256")[:16]).hex()
