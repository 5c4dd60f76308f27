"""Vectorize indexes, with their metadata indexes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from cfpy.account.comparison import Comparison, Removal
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import Drift
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedResource
from cfpy.account.owned.outside import Answers, Changing, Reading, there
from cfpy.account.plan import Action, Do
from cfpy.bindings.kinds.vectorize import VECTORIZE
from cfpy.errors import CloudflareError
from cfpy.project.project import MetadataIndex, VectorizeIndex
from cfpy.tools.invocation import command


@dataclass(frozen=True)
class ObservedIndex(Found):
    """A Vectorize index in the account."""

    kind = "vectorize"
    dimensions: int
    metric: str
    metadata_indexes: frozenset[MetadataIndex]


class Indexes(OwnedResource):
    """An index has a step for itself, then one for each metadata index: they must exist before any
    vector is inserted."""

    name = "vectorize"
    parts = ("vectorize_metadata_index",)
    listed = "vectorize"
    binding = VECTORIZE
    listed_at = "vectorize/v2/indexes"

    def called(self, name: str) -> VectorizeIndex:
        return VectorizeIndex(name)

    def wanted(self, scope: Scope) -> Iterator[VectorizeIndex]:
        tables = scope.entries(VECTORIZE.table)
        for name in sorted({scope.text(i, "index_name", VECTORIZE.table) for i in tables}):
            yield scope.project.vectorize_index(name)

    def names(self, desired: DesiredState) -> list[str]:
        return [item.index_name for item in desired.all(VectorizeIndex)]

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        tasks = []
        for item in desired.all(VectorizeIndex):
            metadata = reading.start(_metadata, item.index_name)
            tasks.append(reading.start(_index, item.index_name, metadata))
        return lambda: there(tasks)

    def plan(self, now: Comparison) -> Iterator[Action]:
        for item in now.desired.all(VectorizeIndex):
            found = now.observed.get(ObservedIndex, item.index_name)
            action = _planned(item, found)
            yield action
            if item.described and action.do is not Do.CONFLICT:
                yield from _metadata_steps(item, found, action)

    def drift(self, now: Comparison) -> Iterator[Drift]:
        for item in now.desired.all(VectorizeIndex):
            found = now.observed.get(ObservedIndex, item.index_name)
            if not found or not item.described:
                continue
            wanted = {i.property for i in item.metadata_indexes}
            extra = sorted(found.metadata_indexes, key=lambda i: i.property)
            for one in (i for i in extra if i.property not in wanted):
                property_ = f"--propertyName={one.property}"
                delete = ("vectorize", "delete-metadata-index", item.index_name, property_)
                yield Drift(
                    self.parts[0],
                    f"{item.index_name}/{one.property}",
                    f"the index {item.index_name} has a metadata index {one.property} "
                    f"({one.type}), and cfpy.toml does not",
                    f"Add it to `metadata_indexes` of the index in cfpy.toml: "
                    f'{{ property = "{one.property}", type = "{one.type}" }}',
                    command("wrangler", *delete),
                )

    def teardown(self, now: Removal) -> Iterator[Action]:
        for name in self.names(now.desired):
            if now.observed.get(ObservedIndex, name):
                yield self.decided(now, name, holds="it holds vectors")

    def create(self, changing: Changing, action: Action) -> None:
        name, _, of = action.name.partition("/")
        [index] = [i for i in changing.desired.all(VectorizeIndex) if i.index_name == name]
        if action.kind == self.name:
            options = (f"--dimensions={index.dimensions}", f"--metric={index.metric}")
            changing.commands.create("vectorize create", name, *options)
        else:
            [item] = [item for item in index.metadata_indexes if item.property == of]
            options = (f"--property-name={item.property}", f"--type={item.type}")
            changing.commands.create("vectorize create-metadata-index", name, *options)

    def delete(self, changing: Changing, action: Action) -> None:
        changing.commands.delete("vectorize delete", action.id, "--force")


def _planned(wanted: VectorizeIndex, found: ObservedIndex | None) -> Action:
    kind, name = "vectorize", wanted.index_name
    if not wanted.described:
        if found:
            return Action(Do.KEEP, kind, name, "used as it is", id=name)
        reason = "the account has no such index, and cfpy.toml does not describe it: add a "
        reason += "[[vectorize]] table with its index_name, dimensions and metric"
        return Action(Do.CONFLICT, kind, name, reason)
    if found is None:
        return Action(Do.CREATE, kind, name, f"{wanted.dimensions} dimensions, {wanted.metric}")
    if (found.dimensions, found.metric) != (wanted.dimensions, wanted.metric):
        has = f"the account has {found.dimensions} dimensions, {found.metric}"
        wants = f"cfpy.toml wants {wanted.dimensions}, {wanted.metric}"
        return Action(Do.CONFLICT, kind, name, f"{has}; {wants}")
    return Action(Do.KEEP, kind, name, "", id=name)


def _metadata_steps(
    wanted: VectorizeIndex, found: ObservedIndex | None, index: Action
) -> Iterator[Action]:
    types = {item.property: item.type for item in found.metadata_indexes} if found else {}
    for item in wanted.metadata_indexes:
        kind, full = "vectorize_metadata_index", f"{wanted.index_name}/{item.property}"
        if item.property not in types:
            yield Action(Do.CREATE, kind, full, item.type, (index.key,))
        elif types[item.property] != item.type:
            reason = f"the account has type {types[item.property]}; cfpy.toml wants {item.type}"
            yield Action(Do.CONFLICT, kind, full, reason, (index.key,))
        else:
            yield Action(Do.KEEP, kind, full, "", (index.key,))


def _metadata(reading: Reading, name: str) -> Any:
    return reading.api.get(reading.path(f"vectorize/v2/indexes/{name}/metadata_index/list"))


def _index(
    reading: Reading, name: str, metadata: Future[Mapping[str, Any]]
) -> ObservedIndex | None:
    """An index, with its metadata indexes; ``None`` if there is no such index."""
    try:
        config = reading.api.get(reading.path(f"vectorize/v2/indexes/{name}"))["result"]["config"]
        found = metadata.result()["result"]["metadataIndexes"]
    except CloudflareError as error:
        if error.status in (404, 410):
            return None
        raise
    indexes = (MetadataIndex(item["propertyName"], item["indexType"].lower()) for item in found)
    return ObservedIndex(name, config["dimensions"], config["metric"], frozenset(indexes))
