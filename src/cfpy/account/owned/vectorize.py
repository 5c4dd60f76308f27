"""Vectorize indexes, with their metadata indexes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from cfpy.account.observed import ObservedIndex, ObservedState
from cfpy.account.owned import kind
from cfpy.account.owned.kind import Answers, Reading
from cfpy.account.plan import Action
from cfpy.account.resources import DesiredState
from cfpy.account.wrangler import Wrangler
from cfpy.bindings.kinds.vectorize import VECTORIZE
from cfpy.errors import CloudflareError
from cfpy.project.project import MetadataIndex, Project


def read(reading: Reading, desired: DesiredState) -> Answers:
    indexes = {
        item.index_name: reading.pool.submit(_index, reading, item.index_name)
        for item in desired.indexes
    }
    return lambda observed: replace(observed, indexes=kind.there(indexes))


def create(wrangler: Wrangler, project: Project, action: Action) -> None:
    wrangler.create_index(project.vectorize_index(action.name))


def exists(observed: ObservedState, _: str, action: Action) -> bool:
    return action.id in observed.indexes


def delete(wrangler: Wrangler, _: str, action: Action) -> None:
    kind.delete(VECTORIZE, wrangler, action)


def _index(reading: Reading, name: str) -> ObservedIndex | None:
    """An index and its metadata indexes, requested in parallel."""
    path = reading.path(f"vectorize/v2/indexes/{name}")
    with ThreadPoolExecutor(1) as pool:
        listed = pool.submit(reading.api.get, f"{path}/metadata_index/list")
        try:
            config = reading.api.get(path)["result"]["config"]
            found = listed.result()["result"]["metadataIndexes"]
        except CloudflareError as error:
            if error.status in (404, 410):
                return None
            raise
    metadata = frozenset(
        MetadataIndex(item["propertyName"], item["indexType"].lower()) for item in found
    )
    return ObservedIndex(config["dimensions"], config["metric"], metadata)
