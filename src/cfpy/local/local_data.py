"""Which local data a binding has: the same that ``wrangler`` reads and writes with ``--local``.

wrangler 4.164.0 keeps local data by id (``d1DatabaseEntry``, ``kvNamespaceEntry``,
``r2BucketEntry`` and ``executeLocally``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cfpy.bindings.kinds.d1 import D1
from cfpy.bindings.kinds.kv import KV
from cfpy.bindings.kinds.r2 import R2
from cfpy.project.project import Project


@dataclass(frozen=True)
class LocalData:
    """The data of one binding: its ``id``, and the id that it had in earlier versions of cfpy."""

    kind: str
    binding: str
    id: str
    before: str


def local_data(project: Project, environment: str) -> tuple[LocalData, ...]:
    """The data of a project's databases, namespaces and buckets in one environment."""
    source = project.wrangler
    return (
        *databases(D1.entries(source), environment),
        *namespaces(KV.entries(source)),
        *buckets(R2.entries(source)),
    )


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


def buckets(items: Sequence[Mapping[str, Any]]) -> list[LocalData]:
    """The data of R2 tables: the name of a bucket, or of its preview, is its id."""
    found = []
    for item in items:
        binding = str(item.get("binding"))
        own = str(item.get("preview_bucket_name") or item.get("bucket_name") or binding)
        found.append(LocalData("r2", binding, own, own))
    return found
