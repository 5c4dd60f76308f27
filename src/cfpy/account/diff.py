"""Computes the steps after which an account has what a project needs. Pure, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cfpy.account.identity import Resource, resolve
from cfpy.account.notices import notices
from cfpy.account.observed import ObservedIndex, ObservedQueue, ObservedState, Rules
from cfpy.account.plan import Action, Do, Plan
from cfpy.account.resources import D1Database, DesiredState, Queue, R2Bucket
from cfpy.project.project import R2Settings, VectorizeIndex


def diff(
    desired: DesiredState,
    observed: ObservedState,
    created: Mapping[str, str],
    others: Sequence[DesiredState] = (),
) -> Plan:
    """The plan that leads from the observed state to the desired one.

    Args:
        desired: What an environment needs.
        observed: What the account has.
        created: What cfpy created for the environment, in the form of
            :func:`cfpy.account.identity.resolve`.
        others: What other environments of the same configuration need.
    """
    databases = resolve("d1", desired.databases, observed.databases, created)
    namespaces = resolve("kv", desired.namespaces, observed.namespaces, created)
    return Plan(
        observed.account_id,
        desired.worker,
        desired.environment,
        (
            *(_queue(desired, item, observed.queues.get(item.name)) for item in desired.queues),
            *_indexes(desired, observed),
            *(action for item in databases for action in _database(item, observed.applied)),
            *(_by_id(item) for item in namespaces),
            *_buckets(desired, observed),
            *_datasets(desired),
            *_subdomain(desired, observed),
            *_secrets(desired, observed),
        ),
        notices(desired, observed, created, (*databases, *namespaces), others),
    )


def _queue(desired: DesiredState, wanted: Queue, found: ObservedQueue | None) -> Action:
    others = sorted(found.consumers - {desired.worker}) if found else []
    if others and wanted.name in desired.consumed:
        # developers.cloudflare.com/queues/configuration/pull-consumers: one consumer per queue.
        # Cloudflare would refuse it only after the new version is live.
        reason = f"it is already consumed by the Worker {others[0]}, and a queue has one consumer"
        return Action(Do.CONFLICT, "queue", wanted.name, reason)
    if found and wanted.jurisdiction and found.jurisdiction not in (None, wanted.jurisdiction):
        return Action(Do.CONFLICT, "queue", wanted.name, elsewhere(wanted, found.jurisdiction))
    return _by_name("queue", wanted.name, found is not None, jurisdiction=wanted.jurisdiction)


def elsewhere(wanted: Queue | R2Bucket, jurisdiction: str) -> str:
    """Why a resource can't be used if the account has it in another ``jurisdiction``."""
    return (
        f"the project wants it in the jurisdiction {wanted.jurisdiction or 'default'}; the account "
        f"has it in {jurisdiction or 'default'}, and that can't be changed"
    )


def _buckets(desired: DesiredState, observed: ObservedState) -> list[Action]:
    settings = {item.bucket_name: item for item in desired.bucket_settings}
    actions = []
    for bucket in desired.buckets:
        action = _bucket(bucket, observed.buckets.get(bucket.name))
        actions.append(action)
        wanted = settings.get(bucket.name, R2Settings(bucket.name))
        if wanted.cors:
            found = observed.cors.get(bucket.name, ())
            same = len(found) == len(wanted.cors) and _have(found, wanted.cors)
            actions.append(_setting("r2_cors", action, same))
        if wanted.lifecycle:
            same = _have(observed.lifecycle.get(bucket.name, ()), wanted.lifecycle)
            actions.append(_setting("r2_lifecycle", action, same))
    return actions


def _bucket(wanted: R2Bucket, jurisdiction: str | None) -> Action:
    """``jurisdiction`` is that of the account's bucket; ``None`` if there is no such bucket."""
    if jurisdiction not in (None, wanted.jurisdiction):
        return Action(Do.CONFLICT, "r2", wanted.name, elsewhere(wanted, jurisdiction or ""))
    there = jurisdiction is not None
    do = Do.CREATE if not there else Do.ADOPT if wanted.unnamed else Do.KEEP
    reason = "its name will be written to the configuration" if wanted.unnamed else ""
    return Action(
        do,
        "r2",
        wanted.name,
        f"exists; {reason}" if do is Do.ADOPT else _where(reason, wanted, new=not there),
        id=wanted.name if there else "",
        bindings=wanted.unnamed,
        jurisdiction=wanted.jurisdiction,
        location=wanted.location,
    )


def _have(found: Rules, wanted: Rules) -> bool:
    """Whether each wanted rule exists; the API may add its own keys."""
    return all(any(rule.items() <= other.items() for other in found) for rule in wanted)


def lifecycle_rules(wanted: R2Settings, found: Rules) -> list[Mapping[str, Any]]:
    """The rules that a bucket should have: the wanted ones, and existing ones with other names.

    A new bucket already has a rule (incomplete multipart uploads end after seven days), which is
    kept.
    """
    ours = {str(rule["id"]): rule for rule in wanted.lifecycle}
    merged = {str(rule["id"]): rule for rule in found} | ours
    return list(merged.values())


def _setting(kind: str, bucket: Action, same: bool) -> Action:
    do, reason = (Do.KEEP, "") if same else (Do.UPDATE, "set to the rules in cfpy.toml")
    depends_on, where = (bucket.key,), bucket.jurisdiction
    return Action(do, kind, bucket.name, reason, depends_on, id=bucket.id, jurisdiction=where)


def _subdomain(desired: DesiredState, observed: ObservedState) -> list[Action]:
    """A Worker without a route is reached at the account's workers.dev subdomain."""
    if not desired.workers_dev:
        return []
    if observed.subdomain:
        return [Action(Do.KEEP, "workers_dev", f"{observed.subdomain}.workers.dev", "")]
    reason = "the account has no workers.dev subdomain: open Workers in the dashboard once, which"
    return [Action(Do.CONFLICT, "workers_dev", desired.worker, f"{reason} registers one")]


def _datasets(desired: DesiredState) -> list[Action]:
    reason = "created by its first data point"
    return [Action(Do.KEEP, "analytics_engine", name, reason) for name in desired.datasets]


def _database(wanted: Resource, applied: Mapping[str, frozenset[str]]) -> Iterator[Action]:
    """A database, then the migrations of its bindings; bindings with the same migrations count
    once."""
    action = _by_id(wanted)
    yield action
    if wanted.problem or wanted.missing:
        return
    first: dict[tuple[object, str], D1Database] = {}
    for item in wanted.references:
        if isinstance(item, D1Database) and item.migrations:
            first.setdefault((item.source, item.migrations_table), item)
    for number, ((_, table), item) in enumerate(first.items()):
        twins = (i.binding for i in wanted.references if _table(i) == table)
        had = next((applied[name] for name in twins if name in applied), frozenset[str]())
        pending = tuple(name for name in item.migrations if name not in had)
        yield Action(
            Do.UPDATE if pending else Do.KEEP,
            "d1_migrations",
            f"{wanted.name}/{item.binding}" if number else wanted.name,
            f"pending: {', '.join(pending)}" if pending else "all applied",
            (action.key,),
            id=wanted.id,
            bindings=(item.binding,),
            files=pending,
        )


def _table(item: object) -> str:
    return item.migrations_table if isinstance(item, D1Database) else ""


def _indexes(desired: DesiredState, observed: ObservedState) -> list[Action]:
    return [
        action
        for index in desired.indexes
        for action in _index(index, observed.indexes.get(index.index_name))
    ]


def _index(wanted: VectorizeIndex, found: ObservedIndex | None) -> list[Action]:
    """An index, then its metadata indexes: they must exist before any vector is inserted."""
    name = wanted.index_name
    if not wanted.described:
        if found:
            return [Action(Do.KEEP, "vectorize", name, "used as it is", id=name)]
        reason = "the account has no such index, and cfpy.toml does not describe it: add a "
        reason += "[[vectorize]] table with its index_name, dimensions and metric"
        return [Action(Do.CONFLICT, "vectorize", name, reason)]
    action = _by_name("vectorize", name, found is not None)
    if found is None:
        shape = f"{wanted.dimensions} dimensions, {wanted.metric}"
        action = Action(Do.CREATE, "vectorize", name, shape)
    elif (found.dimensions, found.metric) != (wanted.dimensions, wanted.metric):
        has = f"the account has {found.dimensions} dimensions, {found.metric}"
        wants = f"cfpy.toml wants {wanted.dimensions}, {wanted.metric}"
        return [Action(Do.CONFLICT, "vectorize", name, f"{has}; {wants}")]
    types = {item.property: item.type for item in found.metadata_indexes} if found else {}
    return [action, *_metadata_indexes(wanted, types, action)]


def _metadata_indexes(
    wanted: VectorizeIndex, types: Mapping[str, str], index: Action
) -> Iterator[Action]:
    for item in wanted.metadata_indexes:
        kind, full = "vectorize_metadata_index", f"{wanted.index_name}/{item.property}"
        if item.property not in types:
            yield Action(Do.CREATE, kind, full, item.type, (index.key,))
        elif types[item.property] != item.type:
            reason = f"the account has type {types[item.property]}; cfpy.toml wants {item.type}"
            yield Action(Do.CONFLICT, kind, full, reason, (index.key,))
        else:
            yield Action(Do.KEEP, kind, full, "", (index.key,))


def _secrets(desired: DesiredState, observed: ObservedState) -> list[Action]:
    present = observed.secrets or frozenset()
    actions = []
    for secret in desired.secrets:
        if secret.name in present:
            actions.append(Action(Do.KEEP, "secret", secret.name, ""))
        else:
            reason = "a random value" if secret.generate else "cfpy asks for its value"
            actions.append(Action(Do.CREATE, "secret", secret.name, reason))
    return actions


def _by_name(kind: str, name: str, exists: bool, *, jurisdiction: str = "") -> Action:
    """A resource that is identified by its name."""
    do, reason = (Do.KEEP, "") if exists else (Do.CREATE, _in(jurisdiction))
    id_ = name if exists else ""
    return Action(do, kind, name, reason, id=id_, jurisdiction=jurisdiction)


def _by_id(wanted: Resource) -> Action:
    """A resource whose id belongs in the configuration."""
    do, reason, unwritten = Do.KEEP, "", wanted.unwritten
    if wanted.problem:
        do, reason = Do.CONFLICT, wanted.problem
    elif wanted.missing:
        named = next(item.id for item in wanted.references if item.id)
        do, reason = (
            Do.CONFLICT,
            f"the configuration names the id {named}, which the account does not ",
        )
        reason += "have: remove it to create another one"
    elif not wanted.id:
        do, reason = Do.CREATE, _where("", wanted, new=True)
        unwritten = tuple(item.binding for item in wanted.references)
    elif unwritten:
        do, reason = Do.ADOPT, "exists; its id will be written to the configuration"
    return Action(
        do,
        wanted.kind,
        wanted.name,
        reason,
        id=wanted.id,
        bindings=() if do in (Do.KEEP, Do.CONFLICT) else unwritten,
        jurisdiction=wanted.jurisdiction,
        location=wanted.location,
    )


def _where(reason: str, wanted: Resource | R2Bucket, *, new: bool) -> str:
    """``reason``, with the location of something new."""
    if not new:
        return reason
    near = f"near {wanted.location}" if wanted.location and not wanted.jurisdiction else ""
    return "; ".join(text for text in (_in(wanted.jurisdiction), near, reason) if text)


def _in(jurisdiction: str) -> str:
    return f"in the jurisdiction {jurisdiction}" if jurisdiction else ""
