"""What a binding becomes in a new environment. Pure.

wrangler does not inherit bindings into ``[env.NAME]``: an environment must repeat every binding
that its Worker needs. If it repeats the same ids, it shares its data with production. So each kind
says what its entries become, and which of them production's Worker still shares.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# Keys of a resource that does not exist yet in the new environment.
_IDS = ("database_id", "preview_database_id", "id", "preview_id", "preview_bucket_name")


class Renamer:
    """Inserts the environment's name after the Worker's: shop-db becomes shop-staging-db. ``done``
    has the new names by the old ones, ``new_worker`` is the name of the environment's Worker."""

    def __init__(self, worker: str, environment: str, new_worker: str = "") -> None:
        self.worker = worker
        self.environment = environment
        self.new_worker = new_worker or f"{worker}-{environment}"
        self.done: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """The name in the environment of the resource called ``name``."""
        separator = "_" if "_" in name and "-" not in name else "-"
        prefix = self.worker.replace("-", separator)
        if name == prefix or name.startswith(prefix + separator):
            new = f"{self.new_worker.replace('-', separator)}{name[len(prefix) :]}"
        else:
            new = f"{name}{separator}{self.environment.replace('-', separator)}"
        self.done[name] = self.bounded(new)
        return self.done[name]

    def bounded(self, name: str) -> str:
        """``name``, in a length that the platform takes, if this environment may shorten it."""
        return name


@dataclass(frozen=True)
class Becoming:
    """What an entry of a kind becomes: ``entry`` returns it, and ``shared`` whether both
    environments then use the same data or the same other Worker."""

    entry: Callable[[Mapping[str, Any], Renamer], Mapping[str, Any]]
    shared: Callable[[Mapping[str, Any], Renamer], bool]


def _unchanged(item: Mapping[str, Any], _rename: Renamer) -> Mapping[str, Any]:
    return item


def _never(_item: Mapping[str, Any], _rename: Renamer) -> bool:
    return False


def _always(_item: Mapping[str, Any], _rename: Renamer) -> bool:
    return True


def _without_ids(item: Mapping[str, Any], _rename: Renamer) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in _IDS}


#: It has no data of its own, or that of the Worker: nothing to separate.
SAME = Becoming(_unchanged, _never)
#: It points to something that can't be derived, so both environments use the same.
SHARED = Becoming(_unchanged, _always)
#: Its resource has no name in the file, so without an id it is a new one.
WITHOUT_IDS = Becoming(_without_ids, _never)


def own_name(*keys: str) -> Becoming:
    """It names resources of the account with ``keys``: the environment has its own."""

    def entry(item: Mapping[str, Any], rename: Renamer) -> Mapping[str, Any]:
        kept = _without_ids(item, rename)
        return kept | {key: rename(str(kept[key])) for key in keys if kept.get(key)}

    return Becoming(entry, _never)


def own_number(key: str, name_key: str) -> Becoming:
    """It has a number that the account's Workers share: the environment has its own, which depends
    only on its name and that of the entry, in ``name_key``."""

    def entry(item: Mapping[str, Any], rename: Renamer) -> Mapping[str, Any]:
        named = f"{rename.worker}-{rename.environment}/{item.get(name_key)}"
        return {**item, key: number_of(named)}

    return Becoming(entry, _never)


def number_of(named: str) -> str:
    """A number up to seven digits that depends only on ``named``."""
    return str(zlib.crc32(named.encode()) % 10_000_000)


def of_worker(key: str, own: Becoming) -> Becoming:
    """It belongs to the Worker that ``key`` names. If that is another Worker, both environments use
    it; if it is this one, the environment uses its own, and without a name it becomes ``own``."""

    def entry(item: Mapping[str, Any], rename: Renamer) -> Mapping[str, Any]:
        if _foreign(item, rename):
            return item
        kept = own.entry(item, rename)
        return {**kept, key: rename.new_worker} if item.get(key) else kept

    def _foreign(item: Mapping[str, Any], rename: Renamer) -> bool:
        return bool(item.get(key)) and item[key] != rename.worker

    return Becoming(entry, _foreign)
