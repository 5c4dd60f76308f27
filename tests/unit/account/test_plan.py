"""What a plan says: over generated projects and accounts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cfpy.account.diff import diff, lifecycle_rules
from cfpy.account.observed import Found, ObservedIndex, ObservedQueue, ObservedState
from cfpy.account.plan import Do, Plan
from cfpy.account.resources import D1Database, DesiredState, KVNamespace, Queue, R2Bucket
from cfpy.account.teardown import Permission, teardown
from cfpy.project.project import MetadataIndex, R2Settings, Secret, VectorizeIndex

NAMES = st.sampled_from(["a", "b", "c", "d"])
IDS = st.sampled_from(["", "id-a", "id-b"])
PLACES = st.sampled_from(["", "eu"])
FOUND_IDS = st.dictionaries(
    st.sampled_from(["id-a", "id-b", "id-c"]), st.builds(Found, NAMES, PLACES | st.none())
).filter(lambda found: len({item.name for item in found.values()}) == len(found))
MANY = st.sets(NAMES).map(lambda names: tuple(sorted(names)))
SHAPES = {
    "dimensions": st.sampled_from([3, 4]),
    "metric": st.sampled_from(["cosine", "euclidean"]),
}
MIGRATIONS = st.sets(st.sampled_from(["1.sql", "2.sql", "3.sql"])).map(sorted)
METADATA = st.dictionaries(NAMES, st.sampled_from(["string", "number"])).map(
    lambda found: tuple(MetadataIndex(*item) for item in sorted(found.items()))
)


def unique(strategy: Any, key: str) -> Any:
    return st.lists(strategy, unique_by=lambda item: getattr(item, key), max_size=3).map(tuple)


DATABASES = st.builds(
    D1Database,
    name=NAMES,
    binding=NAMES,
    id=IDS,
    migrations=MIGRATIONS.map(tuple),
    named=st.booleans(),
    jurisdiction=PLACES,
)
INDEXES = st.builds(VectorizeIndex, index_name=NAMES, metadata_indexes=METADATA, **SHAPES)
SECRETS = st.builds(Secret, name=NAMES, description=st.just(""), generate=st.booleans())
CORS = st.fixed_dictionaries({"allowed": st.fixed_dictionaries({"origins": st.lists(NAMES)})})
LIFECYCLE = st.fixed_dictionaries({"id": NAMES, "enabled": st.booleans()})
SETTINGS = st.builds(
    R2Settings,
    bucket_name=NAMES,
    cors=st.lists(CORS, max_size=2).map(tuple),
    lifecycle=st.lists(LIFECYCLE, max_size=2, unique_by=lambda rule: rule["id"]).map(tuple),
)
DESIRED = st.builds(
    DesiredState,
    worker=st.just("w"),
    environment=st.just(""),
    databases=unique(DATABASES, "binding"),
    namespaces=unique(st.builds(KVNamespace, name=NAMES, binding=NAMES, id=IDS), "name"),
    buckets=unique(st.builds(R2Bucket, name=NAMES, jurisdiction=PLACES), "name"),
    bucket_settings=unique(SETTINGS, "bucket_name"),
    queues=unique(st.builds(Queue, name=NAMES, jurisdiction=PLACES), "name"),
    consumed=st.just(()),
    indexes=unique(INDEXES, "index_name"),
    datasets=MANY,
    secrets=unique(SECRETS, "name"),
    workers_dev=st.booleans(),
)
RULES = st.dictionaries(NAMES, st.lists(LIFECYCLE, unique_by=lambda rule: rule["id"]))
WORKERS = st.frozensets(st.sampled_from(["w", "other"]))
OBSERVED = st.builds(
    ObservedState,
    account_id=st.just("account"),
    databases=FOUND_IDS,
    applied=st.dictionaries(NAMES, MIGRATIONS.map(frozenset)),
    namespaces=FOUND_IDS,
    buckets=st.dictionaries(NAMES, PLACES),
    cors=st.dictionaries(NAMES, st.lists(CORS)),
    lifecycle=RULES,
    queues=st.dictionaries(NAMES, st.builds(ObservedQueue, consumers=WORKERS, producers=WORKERS)),
    indexes=st.dictionaries(
        NAMES, st.builds(ObservedIndex, metadata_indexes=METADATA.map(frozenset), **SHAPES)
    ),
    secrets=st.none() | st.frozensets(NAMES),
    subdomain=st.sampled_from(["", "test"]),
)


CREATED = st.dictionaries(
    NAMES.map(lambda name: f"d1:{name}"), st.sampled_from(["", "id-a", "id-b", "id-c", "id-d"])
)


def carried_out(
    desired: DesiredState, observed: ObservedState, plan: Plan
) -> tuple[DesiredState, ObservedState]:
    """The project and the account after every step of a plan without conflicts."""
    databases, namespaces = {**observed.databases}, {**observed.namespaces}
    ids: dict[tuple[str, str], str] = {}
    for action in plan.actions:
        if action.do in (Do.CREATE, Do.ADOPT) and action.kind in ("d1", "kv"):
            id_ = action.id or f"new-{action.name}"
            homes = databases if action.kind == "d1" else namespaces
            homes.setdefault(id_, Found(action.name, action.jurisdiction))
            ids |= {(action.kind, binding): id_ for binding in action.bindings}
    indexes = dict(observed.indexes)
    for index in desired.indexes:
        had = indexes.get(index.index_name)
        metadata = frozenset(index.metadata_indexes) | (had.metadata_indexes if had else set())
        indexes[index.index_name] = ObservedIndex(index.dimensions, index.metric, metadata)
    every = {name for item in desired.databases for name in item.migrations}
    applied = {item.binding: frozenset(every) for item in desired.databases}
    written = replace(
        desired,
        databases=tuple(replace(i, id=ids.get(("d1", i.binding), i.id)) for i in desired.databases),
        namespaces=tuple(
            replace(i, id=ids.get(("kv", i.binding), i.id)) for i in desired.namespaces
        ),
    )
    return written, ObservedState(
        account_id=observed.account_id,
        databases=databases,
        applied=applied,
        namespaces=namespaces,
        buckets={item.name: item.jurisdiction for item in desired.buckets},
        cors={
            **observed.cors,
            **{item.bucket_name: item.cors for item in desired.bucket_settings if item.cors},
        },
        lifecycle={
            **observed.lifecycle,
            **{
                item.bucket_name: lifecycle_rules(
                    item, observed.lifecycle.get(item.bucket_name, ())
                )
                for item in desired.bucket_settings
                if item.lifecycle
            },
        },
        queues={
            **{item.name: ObservedQueue(jurisdiction=None) for item in desired.queues},
            **observed.queues,
        },
        indexes=indexes,
        secrets=(observed.secrets or frozenset()) | {item.name for item in desired.secrets},
        subdomain=observed.subdomain,
    )


@given(DESIRED, OBSERVED, CREATED)
def test_a_plan_that_is_carried_out_leaves_nothing_to_do(
    desired: DesiredState, observed: ObservedState, created: dict[str, str]
) -> None:
    plan = diff(desired, observed, created)
    if not plan.conflicts:
        assert diff(*carried_out(desired, observed, plan), created).changes == ()


@given(DESIRED, OBSERVED, CREATED)
def test_every_step_comes_after_what_it_depends_on(
    desired: DesiredState, observed: ObservedState, created: dict[str, str]
) -> None:
    done: set[str] = set()
    for action in diff(desired, observed, created).actions:
        assert set(action.depends_on) <= done
        assert action.key not in done
        done.add(action.key)


@given(DESIRED, OBSERVED)
def test_a_plan_is_the_same_each_time_and_survives_json(
    desired: DesiredState, observed: ObservedState
) -> None:
    first, second = (diff(desired, observed, {}).as_dict() for _ in range(2))
    assert first == second == json.loads(json.dumps(first))
    assert first["plan_version"] == 1


@given(DESIRED, OBSERVED)
def test_nothing_that_exists_is_created(desired: DesiredState, observed: ObservedState) -> None:
    there = {
        *(f"d1:{item.name}" for item in observed.databases.values()),
        *(f"kv:{item.name}" for item in observed.namespaces.values()),
        *(f"r2:{name}" for name in observed.buckets),
        *(f"queue:{name}" for name in observed.queues),
        *(f"vectorize:{name}" for name in observed.indexes),
        *(f"secret:{name}" for name in observed.secrets or ()),
    }
    created = {a.key for a in diff(desired, observed, {}).actions if a.do is Do.CREATE}
    assert not created & there


def test_a_new_buckets_own_rule_stays() -> None:
    own = {"id": "Default Multipart Abort Rule", "enabled": True}
    wanted = R2Settings("b", lifecycle=({"id": "tmp", "enabled": True},))
    assert lifecycle_rules(wanted, [own]) == [own, *wanted.lifecycle]


ORDER = ["queue_consumer", "worker", "queue", "vectorize", "d1", "kv", "r2", "analytics_engine"]
HOLDS_DATA = {"queue", "vectorize", "d1", "kv", "r2"}


def everything(desired: DesiredState, observed: ObservedState) -> dict[str, str]:
    """As if cfpy had created all that a project can have."""
    return {
        f"worker:{desired.worker}": "",
        **{f"queue:{item.name}": "" for item in desired.queues},
        **{f"vectorize:{item.index_name}": "" for item in desired.indexes},
        **{f"d1:{item.name}": id_ for id_, item in observed.databases.items()},
        **{f"kv:{item.name}": id_ for id_, item in observed.namespaces.items()},
        **{f"r2:{item.name}": "" for item in desired.buckets},
    }


@given(DESIRED, OBSERVED)
def test_a_teardown_is_in_the_order_that_the_platform_needs(
    desired: DesiredState, observed: ObservedState
) -> None:
    plan = teardown(
        desired, observed, Permission(everything(desired, observed), frozenset(), data=True)
    )
    places = [ORDER.index(action.kind) for action in plan.actions]
    assert places == sorted(places)
    deleted = {action.key for action in plan.actions if action.do is Do.DELETE}
    for queue in desired.queues:
        if "w" in observed.queues.get(queue.name, ObservedQueue()).consumers:
            assert f"queue_consumer:{queue.name}" in deleted or f"queue:{queue.name}" not in deleted
    if observed.secrets is not None:
        assert "worker:w" in deleted


@given(DESIRED, OBSERVED, st.data())
def test_what_cfpy_did_not_make_is_never_deleted_unnamed(
    desired: DesiredState, observed: ObservedState, data: st.DataObject
) -> None:
    all_of_it = everything(desired, observed)
    names = data.draw(st.frozensets(st.sampled_from(sorted(all_of_it))))
    created = {name: all_of_it[name] for name in names}
    plan = teardown(desired, observed, Permission(created, frozenset(), data=True))
    gone = {a.key for a in plan.actions if a.do is Do.DELETE and "already deleted" not in a.reason}
    assert {key for key in gone if not key.startswith("queue_consumer:")} <= names


@given(DESIRED, OBSERVED)
def test_data_stays_unless_it_is_given_up(desired: DesiredState, observed: ObservedState) -> None:
    plan = teardown(
        desired, observed, Permission(everything(desired, observed), frozenset(), data=False)
    )
    for action in plan.actions:
        if action.do is Do.DELETE and action.kind in HOLDS_DATA:
            assert action.reason.startswith("already deleted")
