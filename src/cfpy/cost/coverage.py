"""Finds the bindings of a Worker that an estimate counts or leaves out. Pure.

Every binding is either counted, free, or named with the reason: an estimate that does not mention a
binding would look complete.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.bindings.kind import BindingKind
from cfpy.bindings.registry import KINDS


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
    for kind in KINDS:
        if kind.free or (kind.service and kind.service in services):
            continue
        if kind.meter:
            reason = f"its usage was not measured; --each {kind.meter}=N adds N to each action"
        else:
            reason = "cfpy has no price for it"
        found += [Omission(name, kind.table, reason) for name in _used(scope, kind)]
    triggers = scope.get("triggers")
    crons = triggers.get("crons") if isinstance(triggers, Mapping) else None
    if crons and not runs_cron:
        reason = "what a run uses was not measured"
        found.append(Omission(", ".join(map(str, crons)), "triggers", reason))
    return tuple(dict.fromkeys(found))


def _used(scope: Mapping[str, Any], kind: BindingKind) -> Iterator[str]:
    """What a Worker uses of a kind: a name for each."""
    if kind.binding_key:
        yield from (name for name, _ in kind.bound(scope))
    else:
        yield from (str(item.get(kind.entry_key) or kind.table) for item in kind.entries(scope))
