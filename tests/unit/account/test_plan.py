"""What a plan says: over generated projects and accounts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from cfpy.account.comparison import Permission
from cfpy.account.desired import DesiredState
from cfpy.account.diff import diff
from cfpy.account.identity import Reference
from cfpy.account.observed import Found, ObservedState
from cfpy.account.owned.d1 import AppliedMigrations, D1Database, FoundDatabase
from cfpy.account.owned.dataset import Dataset
from cfpy.account.owned.kv import FoundNamespace, KVNamespace
from cfpy.account.owned.queue import ObservedQueue, Queue
from cfpy.account.owned.r2 import ObservedBucket, R2Bucket, lifecycle_rules
from cfpy.account.owned.vectorize import ObservedIndex
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.owned.workers_dev import OnWorkersDev, Subdomain
from cfpy.account.plan import Do, Plan
from cfpy.account.teardown import teardown
from cfpy.project.migrations import Migrations
from cfpy.project.project import MetadataIndex, Secret, VectorizeIndex

NAMES = st.sampled_from(["a", "b", "c", "d"])
IDS = st.sampled_from(["", "id-a", "id-b"])
PLACES = st.sampled_from(["", "eu"])
SHAPES = {
    "dimensions": st.sampled_from([3, 4]),
    "metric": st.sampled_from(["cosine", "euclidean"]),
}
MIGRATIONS = st.sets(st.sampled_from(["1.sql", "2.sql", "3.sql"])).map(sorted)
METADATA = st.dictionaries(NAMES, st.sampled_from(["string", "number"])).map(
    lambda found: tuple(MetadataIndex(*item) for item in sorted(found.items()))
)


def unique(strategy: Any, key: str) -> Any:
    return st.lists(strategy, unique_by=lambda item: getattr(item, key), max_size=3)


def together(*lists: Any) -> Any:
    """One tuple of what is drawn from several strategies of lists."""
    return st.tuples(*lists).map(lambda found: tuple(item for part in found for item in part))


def by_id(cls: Any) -> Any:
    """Databases or namespaces of an account: their ids and their names are unique."""
    ids = st.sampled_from(["id-a", "id-b", "id-c"])
    found = st.builds(cls, ids, NAMES, PLACES | st.none())
    keys = (lambda item: item.id, lambda item: item.name)
    return st.lists(found, unique_by=keys, max_size=3)


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
RULES = {
    "cors": st.lists(CORS, max_size=2).map(tuple),
    "lifecycle": st.lists(LIFECYCLE, max_size=2, unique_by=lambda rule: rule["id"]).map(tuple),
}
BUCKETS = st.builds(R2Bucket, name=NAMES, jurisdiction=PLACES, **RULES)
WANTED = together(
    unique(DATABASES, "binding"),
    unique(st.builds(KVNamespace, name=NAMES, binding=NAMES, id=IDS), "name"),
    unique(BUCKETS, "name"),
    unique(st.builds(Queue, name=NAMES, jurisdiction=PLACES), "name"),
    unique(INDEXES, "index_name"),
    unique(st.builds(Dataset, name=NAMES), "name"),
    unique(SECRETS, "name"),
    st.lists(st.just(OnWorkersDev()), max_size=1),
)
DESIRED = st.builds(DesiredState, st.just("w"), st.just(""), WANTED)
WORKERS = st.frozensets(st.sampled_from(["w", "other"]))
METADATA_FOUND = METADATA.map(frozenset)
FOUND = together(
    by_id(FoundDatabase),
    unique(st.builds(AppliedMigrations, NAMES, MIGRATIONS.map(frozenset)), "id"),
    by_id(FoundNamespace),
    unique(st.builds(ObservedBucket, NAMES, PLACES, **RULES), "id"),
    unique(st.builds(ObservedQueue, NAMES, consumers=WORKERS, producers=WORKERS), "id"),
    unique(st.builds(ObservedIndex, NAMES, metadata_indexes=METADATA_FOUND, **SHAPES), "id"),
    st.lists(st.builds(ObservedWorker, st.just("w"), st.frozensets(NAMES)), max_size=1),
    st.lists(st.just(Subdomain("test")), max_size=1),
)
OBSERVED = st.builds(ObservedState.of, st.just("account"), FOUND)


CREATED = st.dictionaries(
    NAMES.map(lambda name: f"d1:{name}"), st.sampled_from(["", "id-a", "id-b", "id-c", "id-d"])
)


def carried_out(
    desired: DesiredState, observed: ObservedState, plan: Plan
) -> tuple[DesiredState, ObservedState]:
    """The project and the account after every step of a plan without conflicts."""
    found: list[Found] = []
    ids: dict[tuple[str, str], str] = {}
    for action in plan.actions:
        if action.do in (Do.CREATE, Do.ADOPT) and action.kind in ("d1", "kv"):
            id_ = action.id or f"new-{action.name}"
            ids |= {(action.kind, binding): id_ for binding in action.bindings}
            if not action.id:
                new = FoundDatabase if action.kind == "d1" else FoundNamespace
                found.append(new(id_, action.name, action.jurisdiction))
    every = frozenset(name for item in desired.all(D1Database) for name in item.migrations)
    found += [AppliedMigrations(item.binding, every) for item in desired.all(D1Database)]
    for bucket in desired.all(R2Bucket):
        had = observed.get(ObservedBucket, bucket.name) or ObservedBucket(bucket.name)
        rules = lifecycle_rules(bucket, had.lifecycle)
        cors = bucket.cors or had.cors
        found.append(ObservedBucket(bucket.name, bucket.jurisdiction, cors, rules))
    for queue in desired.all(Queue):
        if queue.name not in observed.all(ObservedQueue):
            found.append(ObservedQueue(queue.name, jurisdiction=None))
    for index in desired.all(VectorizeIndex):
        old = observed.get(ObservedIndex, index.index_name)
        metadata = frozenset(index.metadata_indexes) | (old.metadata_indexes if old else set())
        found.append(ObservedIndex(index.index_name, index.dimensions, index.metric, metadata))
    worker = observed.get(ObservedWorker, "w") or ObservedWorker("w")
    secrets = {secret.name for secret in desired.all(Secret)}
    found.append(ObservedWorker("w", worker.secrets | secrets))

    def written(item: object) -> object:
        if not isinstance(item, Reference):
            return item
        kind = "d1" if isinstance(item, D1Database) else "kv"
        return replace(item, id=ids.get((kind, item.binding), item.id))

    after = replace(desired, wanted=tuple(map(written, desired.wanted)))
    return after, ObservedState.of("account", [*observed.found.values(), *found])


# One binding would create the name that a third has written at the id of another database.
NAMED_TWICE = (
    D1Database(name="a", binding="a", id="", named=False),
    D1Database(name="a", binding="b", id="id-b"),
)


# Two bindings without a name in the file, for which wrangler would use the same one.
DERIVED_TWICE = (
    D1Database(name="a", binding="a", id="id-b", named=False),
    D1Database(name="a", binding="b", id="", named=False),
)


@example(
    DesiredState("w", "", DERIVED_TWICE),
    ObservedState.of("account", [FoundDatabase("id-b", "b")]),
    {"d1:a": ""},
)
@example(
    DesiredState("w", "", NAMED_TWICE),
    ObservedState.of("account", [FoundDatabase("id-b", "b")]),
    {},
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
        *(f"d1:{item.name}" for item in observed.all(FoundDatabase).values()),
        *(f"kv:{item.name}" for item in observed.all(FoundNamespace).values()),
        *(f"r2:{name}" for name in observed.all(ObservedBucket)),
        *(f"queue:{name}" for name in observed.all(ObservedQueue)),
        *(f"vectorize:{name}" for name in observed.all(ObservedIndex)),
        *(f"secret:{n}" for w in observed.all(ObservedWorker).values() for n in w.secrets),
    }
    created = {a.key for a in diff(desired, observed, {}).actions if a.do is Do.CREATE}
    assert not created & there


def test_a_new_buckets_own_rule_stays() -> None:
    own = {"id": "Default Multipart Abort Rule", "enabled": True}
    wanted = R2Bucket("b", lifecycle=({"id": "tmp", "enabled": True},))
    assert lifecycle_rules(wanted, [own]) == [own, *wanted.lifecycle]


ORDER = ["queue_consumer", "worker", "queue", "vectorize", "d1", "kv", "r2", "analytics_engine"]
HOLDS_DATA = {"queue", "vectorize", "d1", "kv", "r2"}


def everything(desired: DesiredState, observed: ObservedState) -> dict[str, str]:
    """As if cfpy had created all that a project can have."""
    return {
        f"worker:{desired.worker}": "",
        **{f"queue:{item.name}": "" for item in desired.all(Queue)},
        **{f"vectorize:{item.index_name}": "" for item in desired.all(VectorizeIndex)},
        **{f"d1:{item.name}": id_ for id_, item in observed.all(FoundDatabase).items()},
        **{f"kv:{item.name}": id_ for id_, item in observed.all(FoundNamespace).items()},
        **{f"r2:{item.name}": "" for item in desired.all(R2Bucket)},
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
    for queue in desired.all(Queue):
        found = observed.get(ObservedQueue, queue.name)
        if found and "w" in found.consumers:
            assert f"queue_consumer:{queue.name}" in deleted or f"queue:{queue.name}" not in deleted
    if observed.all(ObservedWorker):
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


def test_files_of_one_name_in_two_folders_are_no_migrations_of_one_database() -> None:
    """wrangler's table knows them by their names: it would apply the first, and skip the other."""

    def planned(*bindings: D1Database, had: frozenset[str] = frozenset()) -> list[Do]:
        desired = DesiredState("shop", "", bindings)
        applied = [AppliedMigrations(item.binding, had) for item in bindings]
        found = ObservedState.of("account", [FoundDatabase("id-a", "a"), *applied])
        plan = diff(desired, found, {})
        return [item.do for item in plan.actions if item.kind == "d1_migrations"]

    def binding(name: str, folder: str, *files: str, table: str = "d1_migrations") -> D1Database:
        return D1Database("a", name, "id-a", files, table, Migrations(folder, f"{folder}/*.sql"))

    first, other = binding("A", "ma", "1.sql"), binding("B", "mb", "1.sql", "2.sql")
    assert planned(first, other) == [Do.CONFLICT, Do.CONFLICT]
    assert planned(first, binding("B", "mb", "2.sql")) == [Do.UPDATE, Do.UPDATE]
    assert planned(first, binding("B", "mb", "1.sql", table="other")) == [Do.UPDATE, Do.UPDATE]
    # What is applied can't be told apart any more.
    assert planned(first, binding("B", "mb", "1.sql"), had=frozenset(["1.sql"])) == [Do.KEEP] * 2
