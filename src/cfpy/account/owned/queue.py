"""Queues, with the Workers at both ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from cfpy.account.observed import ObservedQueue, ObservedState
from cfpy.account.owned import kind
from cfpy.account.owned.kind import Answers, Reading
from cfpy.account.plan import Action
from cfpy.account.resources import DesiredState
from cfpy.account.wrangler import Wrangler
from cfpy.bindings.kinds.queue import QUEUE
from cfpy.project.project import Project


def read(reading: Reading, desired: DesiredState) -> Answers:
    queues = reading.listed(desired.queues, _queues)
    return lambda observed: replace(observed, queues=queues.result())


def create(wrangler: Wrangler, _: Project, action: Action) -> None:
    kind.create(QUEUE, wrangler, action)


def exists(observed: ObservedState, _: str, action: Action) -> bool:
    return action.id in observed.queues


def delete(wrangler: Wrangler, _: str, action: Action) -> None:
    kind.delete(QUEUE, wrangler, action)


def _queues(reading: Reading) -> dict[str, ObservedQueue]:
    return {
        item["queue_name"]: ObservedQueue(
            _workers(item.get("consumers") or ()),
            _workers(item.get("producers") or ()),
            kind.jurisdiction(item),
        )
        for item in reading.api.pages(reading.path("queues"))
    }


def _workers(ends: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The Workers at one end of a queue; the API has three names for the same thing."""
    names = (i.get("script") or i.get("script_name") or i.get("service") for i in ends)
    return frozenset(str(name) for name in names if name)
