"""Finds the bindings of a Worker that an estimate counts or leaves out. Pure.

Every binding is either counted, free, or named with the reason: an estimate that does not mention a
binding would look complete.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.local.local_bindings import bindings, tables

#: Tables with bindings that have meters in the price book: one of the meters, with which --each can
#: add unmeasured usage. The part before the dot is its service.
METERS = {
    "kv_namespaces": "kv.reads",
    "d1_databases": "d1.rows_read",
    "r2_buckets": "r2.class_b",
    "queues.producers": "queues.operations",
    "queues.consumers": "queues.operations",
    "vectorize": "vectorize.queried",
    "ai": "ai.neurons",
    "analytics_engine_datasets": "analytics.points",
}
#: Tables of bindings that cost nothing by themselves. Requests for static assets are free
#: (developers.cloudflare.com/workers/static-assets/billing-and-limitations); the others have no
#: line in the price list (developers.cloudflare.com/workers/platform/pricing).
FREE = frozenset({"assets", "ratelimits", "version_metadata"})
# Tables that run or cost something without a binding.
_NAMELESS = {
    "queues.consumers": "queue",
    "tail_consumers": "service",
    "streaming_tail_consumers": "service",
    "containers": "class_name",
}


@dataclass(frozen=True)
class Omission:
    """Something of a Worker that the estimate leaves out, and why.

    ``table`` is its table in wrangler's configuration, ``name`` the binding or another name.
    """

    name: str
    table: str
    reason: str


def omissions(
    scope: Mapping[str, Any], counted: Collection[str], *, runs_cron: bool
) -> tuple[Omission, ...]:
    """List what the estimate leaves out.

    Args:
        scope: The configuration of an environment.
        counted: The meters that have a quantity.
        runs_cron: Whether the runs of cron triggers are counted.

    Raises:
        ProjectError: A table has another shape than its kind.
    """
    found = []
    services = {meter.partition(".")[0] for meter in counted}
    for name, table in _used(scope):
        meter = METERS.get(table, "")
        if table in FREE or meter.partition(".")[0] in services:
            continue
        if meter:
            reason = f"its usage was not measured; --each {meter}=N adds N to each action"
        else:
            reason = "cfpy has no price for it"
        found.append(Omission(name, table, reason))
    triggers = scope.get("triggers")
    crons = triggers.get("crons") if isinstance(triggers, Mapping) else None
    if crons and not runs_cron:
        reason = "what a run uses was not measured"
        found.append(Omission(", ".join(map(str, crons)), "triggers", reason))
    return tuple(dict.fromkeys(found))


def _used(scope: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Everything that a Worker uses: its name, and its table."""
    for name, kind, _ in bindings(scope):
        yield name, kind.table
    for table, key in _NAMELESS.items():
        for item in tables(scope, table):
            yield str(item.get(key, "")) or table, table
