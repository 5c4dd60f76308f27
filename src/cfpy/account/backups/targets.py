"""The resources of an environment that have data, as the account has them now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cfpy.account.backups.manifest import Item
from cfpy.account.desired import default_name
from cfpy.account.identity import resolve
from cfpy.account.observed import ObservedState
from cfpy.account.owned.d1 import D1Database, FoundDatabase
from cfpy.account.owned.kv import FoundNamespace, KVNamespace
from cfpy.account.owned.r2 import ObservedBucket
from cfpy.account.owned.vectorize import ObservedIndex
from cfpy.account.session import Session
from cfpy.bindings.environments import effective
from cfpy.bindings.kinds.r2 import R2
from cfpy.bindings.kinds.vectorize import VECTORIZE
from cfpy.errors import PlanConflictError, UsageError
from cfpy.tools.invocation import command

KINDS = ("d1", "kv", "r2", "vectorize")


@dataclass(frozen=True)
class Target:
    """A resource with data; ``id`` is empty if the account does not have it. It is named by its
    first binding; ``others`` are its other ones, if it is a database or a namespace. ``dimensions``
    and ``metric`` are those of an index."""

    kind: str
    binding: str
    name: str
    id: str
    jurisdiction: str = ""
    dimensions: int = 0
    metric: str = ""
    others: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.binding}"


def targets(session: Session) -> tuple[Target, ...]:
    """The resources of the session's environment, each once.

    Raises:
        PlanConflictError: The configuration and the account do not agree on one.
    """
    observed = session.observe()
    return (*_by_id(session, observed), *_by_name(session, observed))


def chosen(found: tuple[Target, ...], only: tuple[str, ...], skip: tuple[str, ...]) -> list[Target]:
    """Those that are asked for, by kind or by key such as ``kv:CACHE``.

    Raises:
        UsageError: Something is named that there is not.
    """
    for name in unknown(found, (*only, *skip)):
        raise UsageError(
            f"{name} is not a kind or a binding of data here",
            hint=f"Use one of {', '.join(sorted(item.key for item in found)) or 'none'}.",
        )
    return [i for i in found if (not only or is_named(i, only)) and not is_named(i, skip)]


def unknown(found: Iterable[Target | Item], names: tuple[str, ...]) -> list[str]:
    """The names that are neither a kind of data nor of one of ``found``."""
    known = {*KINDS, *(name for item in found for name in (item.key, item.binding))}
    return [name for name in names if name not in known]


def is_named(item: Target | Item, names: tuple[str, ...]) -> bool:
    """Whether one of ``names`` is its kind, its key or its binding."""
    return not {item.kind, item.key, item.binding}.isdisjoint(names)


def refuse_missing(found: list[Target]) -> None:
    """Refuse resources that the account does not have.

    Raises:
        UsageError: There is one.
    """
    if missing := [item.key for item in found if not item.id]:
        raise UsageError(
            f"the account does not have {', '.join(missing)}",
            hint=f"Create what is missing first: {command('provision')}. Nothing was changed.",
        )


def _by_id(session: Session, observed: ObservedState) -> Iterator[Target]:
    created = session.records.read().created(session.environment)
    databases, namespaces = observed.all(FoundDatabase), observed.all(FoundNamespace)
    wanted = (
        *resolve("d1", session.desired.all(D1Database), databases, created),
        *resolve("kv", session.desired.all(KVNamespace), namespaces, created),
    )
    for item in wanted:
        if item.problem:
            raise PlanConflictError(f"{item.key}: {item.problem}", hint="Nothing was changed.")
        exists = item.id in (databases if item.kind == "d1" else namespaces)
        first, *others = (reference.binding for reference in item.references)
        id_ = item.id if exists else ""
        yield Target(item.kind, first, item.name, id_, others=tuple(others))


def _by_name(session: Session, observed: ObservedState) -> Iterator[Target]:
    tables = effective(session.project.wrangler, session.environment)
    seen = set()
    for entry in R2.entries(tables):
        binding = str(entry["binding"])
        name = str(entry.get("bucket_name") or default_name(session.desired.worker, binding))
        bucket = observed.get(ObservedBucket, name)
        if ("r2", name) not in seen:
            seen.add(("r2", name))
            where = str(entry.get("jurisdiction") or "")
            yield Target("r2", binding, name, name if bucket else "", where)
    for entry in VECTORIZE.entries(tables):
        name = str(entry["index_name"])
        index = observed.get(ObservedIndex, name)
        if ("vectorize", name) not in seen:
            seen.add(("vectorize", name))
            shape = (index.dimensions, index.metric) if index else (0, "")
            yield Target(
                "vectorize", str(entry["binding"]), name, name if index else "", "", *shape
            )
