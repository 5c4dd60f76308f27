"""Datasets of Analytics Engine, which nobody creates or deletes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cfpy.account.comparison import Comparison, Removal
from cfpy.account.desired import Scope
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.plan import Action, Do
from cfpy.bindings.kinds.analytics import ANALYTICS


@dataclass(frozen=True)
class Dataset:
    """A dataset to which the Worker writes."""

    name: str


class Datasets(OwnedKind):
    name = "analytics_engine"

    def wanted(self, scope: Scope) -> Iterator[Dataset]:
        tables = scope.entries(ANALYTICS.table)
        names = {str(item.get("dataset") or item.get("binding")) for item in tables}
        yield from map(Dataset, sorted(names))

    def plan(self, now: Comparison) -> Iterator[Action]:
        for item in now.desired.all(Dataset):
            yield Action(Do.KEEP, self.name, item.name, "created by its first data point")

    def teardown(self, now: Removal) -> Iterator[Action]:
        for item in now.desired.all(Dataset):
            reason = "can't be deleted: its data points expire after three months"
            yield Action(Do.KEEP, self.name, item.name, reason)
