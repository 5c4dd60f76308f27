"""Finds what an estimate of a Worker leaves out. Pure.

Every binding, and every other key of the configuration, is counted, free, or named with the reason:
an estimate that does not mention something would look complete.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.bindings.kind import BindingKind
from cfpy.bindings.registry import KINDS
from cfpy.cost import logs, other_keys

_KEYS = frozenset(kind.outer for kind in KINDS)


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
        ProjectError: A table has another shape than its kind, or a value another type.
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
    others = (logs.left_out(scope), other_keys.named(scope), other_keys.unknown(scope, _KEYS))
    found += [Omission(*item) for item in itertools.chain(*others)]
    return tuple(dict.fromkeys(found))


def _used(scope: Mapping[str, Any], kind: BindingKind) -> Iterator[str]:
    """What a Worker uses of a kind: a name for each."""
    if kind.binding_key:
        names = [name for name, _ in kind.bound(scope)]
        # An entry may have no name yet.
        yield from names or [kind.table] * bool(kind.entries(scope))
    else:
        yield from (str(item.get(kind.entry_key) or kind.table) for item in kind.entries(scope))
