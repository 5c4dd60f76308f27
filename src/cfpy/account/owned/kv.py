"""KV namespaces."""

from __future__ import annotations

from dataclasses import replace

from cfpy.account.observed import Found, ObservedState
from cfpy.account.owned import kind
from cfpy.account.owned.kind import Answers, Reading
from cfpy.account.plan import Action
from cfpy.account.resources import DesiredState
from cfpy.account.wrangler import Wrangler
from cfpy.bindings.kinds.kv import KV
from cfpy.project.project import Project


def read(reading: Reading, desired: DesiredState) -> Answers:
    namespaces = reading.listed(desired.namespaces, _namespaces)
    return lambda observed: replace(observed, namespaces=namespaces.result())


def create(wrangler: Wrangler, _: Project, action: Action) -> None:
    kind.create(KV, wrangler, action)


def exists(observed: ObservedState, _: str, action: Action) -> bool:
    return action.id in observed.namespaces


def delete(wrangler: Wrangler, _: str, action: Action) -> None:
    wrangler.delete_namespace(action.id)


def _namespaces(reading: Reading) -> dict[str, Found]:
    return {
        item["id"]: Found(item["title"], kind.jurisdiction(item))
        for item in reading.api.pages(reading.path("storage/kv/namespaces"))
    }
