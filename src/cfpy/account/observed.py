"""The state of an account, as far as a project needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cfpy.project.project import MetadataIndex

Rules = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Found:
    """A database or a namespace. ``jurisdiction`` is ``None`` if the API does not return it."""

    name: str
    jurisdiction: str | None = ""


@dataclass(frozen=True)
class ObservedIndex:
    """A Vectorize index in the account."""

    dimensions: int
    metric: str
    metadata_indexes: frozenset[MetadataIndex]


@dataclass(frozen=True)
class ObservedQueue:
    """A queue in the account, with its consumers and producers (names of Workers)."""

    consumers: frozenset[str] = frozenset()
    producers: frozenset[str] = frozenset()
    jurisdiction: str | None = ""


@dataclass(frozen=True)
class ObservedState:
    """What exists in the account. Only kinds that the project uses are read.

    ``databases`` and ``namespaces`` are by id. ``applied`` maps the bindings of databases to the
    migrations that have been applied. ``buckets`` maps names to jurisdictions, empty for the
    default one; ``cors`` and ``lifecycle`` map names of buckets to their rules, as the API has
    them. ``secrets`` is ``None`` while there is no Worker, ``subdomain`` is empty while the account
    has none. ``domains`` maps the custom domains that the project wants to the Workers that have
    them now; ``migration_tag`` is the last migration of the Worker's Durable Objects.
    """

    account_id: str
    databases: Mapping[str, Found] = field(default_factory=dict)
    applied: Mapping[str, frozenset[str]] = field(default_factory=dict)
    namespaces: Mapping[str, Found] = field(default_factory=dict)
    buckets: Mapping[str, str] = field(default_factory=dict)
    cors: Mapping[str, Rules] = field(default_factory=dict)
    lifecycle: Mapping[str, Rules] = field(default_factory=dict)
    queues: Mapping[str, ObservedQueue] = field(default_factory=dict)
    indexes: Mapping[str, ObservedIndex] = field(default_factory=dict)
    secrets: frozenset[str] | None = None
    subdomain: str = ""
    domains: Mapping[str, str] = field(default_factory=dict)
    migration_tag: str = ""
