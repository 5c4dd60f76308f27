"""What has to be done so that an account has what a project needs: pure, ordered, serialisable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from cfpy.domain.project import MetadataIndex, R2Settings, VectorizeIndex
from cfpy.domain.resources import DesiredState

Rules = Sequence[Mapping[str, Any]]

#: Version of the serialised plan. Additions keep it, changes raise it.
PLAN_VERSION = 1


class Do(StrEnum):
    """What a plan does with a resource."""

    CREATE = "create"
    # It exists by name, and wrangler.toml does not hold its id yet.
    ADOPT = "adopt"
    UPDATE = "update"
    KEEP = "keep"
    DELETE = "delete"
    # It exists with settings that can't be changed. Nothing is touched.
    CONFLICT = "conflict"


@dataclass(frozen=True)
class ObservedIndex:
    """A Vectorize index in the account."""

    dimensions: int
    metric: str
    metadata_indexes: frozenset[MetadataIndex]


@dataclass(frozen=True)
class ObservedQueue:
    """A queue in the account: the Workers that it delivers to, and those that send to it."""

    consumers: frozenset[str] = frozenset()
    producers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ObservedState:
    """What the account has. Only kinds that the project uses are read.

    ``databases`` and ``namespaces`` map names to ids. ``applied`` maps the names of databases to
    the migrations that they have had. ``cors`` and ``lifecycle`` map the names of buckets to their
    rules, as the API has them. ``secrets`` is ``None`` while there is no Worker, ``subdomain`` is
    empty while the account has none.
    """

    account_id: str
    databases: Mapping[str, str]
    applied: Mapping[str, frozenset[str]]
    namespaces: Mapping[str, str]
    buckets: frozenset[str]
    cors: Mapping[str, Rules]
    lifecycle: Mapping[str, Rules]
    queues: Mapping[str, ObservedQueue]
    indexes: Mapping[str, ObservedIndex]
    secrets: frozenset[str] | None
    subdomain: str


@dataclass(frozen=True)
class Action:
    """One step. ``key`` names it; it comes after all of ``depends_on``."""

    do: Do
    kind: str
    name: str
    reason: str
    depends_on: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Plan:
    """All steps, in an order that respects what depends on what."""

    account_id: str
    worker: str
    environment: str
    actions: tuple[Action, ...]

    @property
    def changes(self) -> tuple[Action, ...]:
        """The steps that do something, or can't."""
        return tuple(action for action in self.actions if action.do is not Do.KEEP)

    @property
    def conflicts(self) -> tuple[Action, ...]:
        return tuple(action for action in self.actions if action.do is Do.CONFLICT)

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON has it."""
        actions = [
            asdict(action) | {"key": action.key, "depends_on": list(action.depends_on)}
            for action in self.actions
        ]
        return {
            "plan_version": PLAN_VERSION,
            "account_id": self.account_id,
            "worker": self.worker,
            "environment": self.environment,
            "changes": len(self.changes),
            "actions": actions,
        }


def diff(desired: DesiredState, observed: ObservedState) -> Plan:
    """The plan that leads from what there is to what is wanted."""
    return Plan(
        observed.account_id,
        desired.worker,
        desired.environment,
        (
            *_queues(desired, observed),
            *_indexes(desired, observed),
            *_databases(desired, observed),
            *_namespaces(desired, observed),
            *_buckets(desired, observed),
            *_datasets(desired),
            *_subdomain(desired, observed),
            *_secrets(desired, observed),
        ),
    )


def _queues(desired: DesiredState, observed: ObservedState) -> list[Action]:
    return [_by_name("queue", name, name in observed.queues) for name in desired.queues]


def _buckets(desired: DesiredState, observed: ObservedState) -> list[Action]:
    settings = {item.bucket_name: item for item in desired.bucket_settings}
    actions = []
    for name in desired.buckets:
        action = _by_name("r2", name, name in observed.buckets)
        actions.append(action)
        wanted = settings.get(name, R2Settings(name))
        if wanted.cors:
            found = observed.cors.get(name, ())
            same = len(found) == len(wanted.cors) and _have(found, wanted.cors)
            actions.append(_setting("r2_cors", name, action, same))
        if wanted.lifecycle:
            same = _have(observed.lifecycle.get(name, ()), wanted.lifecycle)
            actions.append(_setting("r2_lifecycle", name, action, same))
    return actions


def _have(found: Rules, wanted: Rules) -> bool:
    """Whether each wanted rule is there; the API may add keys of its own."""
    return all(any(rule.items() <= other.items() for other in found) for rule in wanted)


def lifecycle_rules(wanted: R2Settings, found: Rules) -> list[Mapping[str, Any]]:
    """The rules that a bucket should have: what is wanted, and what is there under other names.

    A new bucket has a rule of its own (incomplete multipart uploads end after seven days), which
    stays.
    """
    ours = {str(rule["id"]): rule for rule in wanted.lifecycle}
    merged = {str(rule["id"]): rule for rule in found} | ours
    return list(merged.values())


def _setting(kind: str, name: str, bucket: Action, same: bool) -> Action:
    do, reason = (Do.KEEP, "") if same else (Do.UPDATE, "as cfpy.toml has it")
    return Action(do, kind, name, reason, (bucket.key,))


def _subdomain(desired: DesiredState, observed: ObservedState) -> list[Action]:
    """A Worker without a route of its own is reached at the account's workers.dev subdomain."""
    if not desired.workers_dev:
        return []
    if observed.subdomain:
        return [Action(Do.KEEP, "workers_dev", f"{observed.subdomain}.workers.dev", "")]
    reason = "the account has no workers.dev subdomain: the first visit to Workers in the dashboard"
    return [Action(Do.CONFLICT, "workers_dev", desired.worker, f"{reason} registers one")]


def _datasets(desired: DesiredState) -> list[Action]:
    reason = "made by its first data point"
    return [Action(Do.KEEP, "analytics_engine", name, reason) for name in desired.datasets]


def _databases(desired: DesiredState, observed: ObservedState) -> list[Action]:
    actions = []
    for database in desired.databases:
        action = _by_id("d1", database.name, database.id, observed.databases.get(database.name))
        applied = observed.applied.get(database.name, frozenset())
        pending = [name for name in database.migrations if name not in applied]
        actions.append(action)
        if pending:
            reason = f"pending: {', '.join(pending)}"
            actions.append(Action(Do.UPDATE, "d1_migrations", database.name, reason, (action.key,)))
        elif database.migrations:
            actions.append(
                Action(Do.KEEP, "d1_migrations", database.name, "all applied", (action.key,))
            )
    return actions


def _namespaces(desired: DesiredState, observed: ObservedState) -> list[Action]:
    return [
        _by_id("kv", item.title, item.id, observed.namespaces.get(item.title), observed.namespaces)
        for item in desired.namespaces
    ]


def _indexes(desired: DesiredState, observed: ObservedState) -> list[Action]:
    return [
        action
        for index in desired.indexes
        for action in _index(index, observed.indexes.get(index.index_name))
    ]


def _index(wanted: VectorizeIndex, found: ObservedIndex | None) -> list[Action]:
    """An index, then its metadata indexes: they must be there before any vector is."""
    name = wanted.index_name
    action = _by_name("vectorize", name, found is not None)
    if found is None:
        shape = f"{wanted.dimensions} dimensions, {wanted.metric}"
        action = Action(Do.CREATE, "vectorize", name, shape)
    elif (found.dimensions, found.metric) != (wanted.dimensions, wanted.metric):
        has = f"the account has {found.dimensions} dimensions, {found.metric}"
        wants = f"cfpy.toml wants {wanted.dimensions}, {wanted.metric}"
        return [Action(Do.CONFLICT, "vectorize", name, f"{has}; {wants}")]
    actions = [action]
    types = {item.property: item.type for item in found.metadata_indexes} if found else {}
    for item in wanted.metadata_indexes:
        kind, full = "vectorize_metadata_index", f"{name}/{item.property}"
        if item.property not in types:
            actions.append(Action(Do.CREATE, kind, full, item.type, (action.key,)))
        elif types[item.property] != item.type:
            reason = f"the account has type {types[item.property]}; cfpy.toml wants {item.type}"
            actions.append(Action(Do.CONFLICT, kind, full, reason, (action.key,)))
        else:
            actions.append(Action(Do.KEEP, kind, full, "", (action.key,)))
    return actions


def _secrets(desired: DesiredState, observed: ObservedState) -> list[Action]:
    present = observed.secrets or frozenset()
    actions = []
    for secret in desired.secrets:
        if secret.name in present:
            actions.append(Action(Do.KEEP, "secret", secret.name, ""))
        else:
            reason = "a random value" if secret.generate else "its value is asked for"
            actions.append(Action(Do.CREATE, "secret", secret.name, reason))
    return actions


def _by_name(kind: str, name: str, exists: bool) -> Action:
    return Action(Do.KEEP if exists else Do.CREATE, kind, name, "")


def _by_id(
    kind: str, name: str, wanted: str, found: str | None, others: Mapping[str, str] | None = None
) -> Action:
    """A resource whose id belongs into wrangler.toml."""
    if wanted and wanted in (others or {}).values():
        # wrangler.toml names one by its id, whatever it is called.
        return Action(Do.KEEP, kind, name, "")
    if found is None:
        if wanted:
            reason = f"wrangler.toml names the id {wanted}, which the account does not have"
            return Action(Do.CONFLICT, kind, name, reason)
        return Action(Do.CREATE, kind, name, "")
    if not wanted:
        return Action(Do.ADOPT, kind, name, "exists; its id goes into wrangler.toml")
    if wanted != found:
        reason = f"wrangler.toml names the id {wanted}, the account has {found}"
        return Action(Do.CONFLICT, kind, name, reason)
    return Action(Do.KEEP, kind, name, "")
