"""No command ever deletes or writes to what its plan did not show, by id.

Accounts, configurations and records are generated: names and ids swapped, missing, known to one of
the three alone, bound twice, or used by two environments. The commands are the real ones; wrangler
and the account are small models of how the real ones find a database.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import tempfile
import threading
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfpy.account import destroy, provision, removed_session
from cfpy.account.desired import DesiredState
from cfpy.account.observed import ObservedState
from cfpy.account.owned.d1 import D1Database, FoundDatabase
from cfpy.account.owned.kv import FoundNamespace, KVNamespace
from cfpy.account.owned.queue import ObservedQueue, Queue
from cfpy.account.owned.r2 import ObservedBucket
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.plan import Do, Plan
from cfpy.account.record_store import RECORD_FILE, RecordStore
from cfpy.account.rehearsal import problems
from cfpy.account.resources import desired_state
from cfpy.account.session import Session
from cfpy.bindings.wrangler_config import load_project
from cfpy.cli.commands.destroy import DestroyView
from cfpy.cli.console import Output
from cfpy.errors import CfpyError, ProjectError, WranglerError
from cfpy.tools.context import Context

UUIDS = [f"{number}{'0' * 7}-0000-4000-8000-{'0' * 12}" for number in range(1, 5)]
KEYS = ["a" * 32, "b" * 32, "c" * 32]
GONE = "9" * 8 + "-0000-4000-8000-" + "0" * 12
ACCOUNT = "a" * 32
HEAD = """name = "shop"
main = "src/entry.py"
compatibility_date = "2026-11-17"
compatibility_flags = ["python_workers"]
workers_dev = false
"""


@dataclass
class World:
    """An account. ``touched`` are the ids of what was deleted, or written to."""

    databases: dict[str, str]
    namespaces: dict[str, str]
    queues: set[str] = field(default_factory=set)
    buckets: set[str] = field(default_factory=set)
    workers: set[str] = field(default_factory=set)
    deleted: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def data(self) -> World:
        return self

    def query(self, *_given: object) -> list[Any]:
        """All databases are empty."""
        return []

    def observe(self, desired: DesiredState) -> ObservedState:
        return ObservedState.of(
            ACCOUNT,
            [
                *(FoundDatabase(id_, name) for id_, name in self.databases.items()),
                *(FoundNamespace(id_, name) for id_, name in self.namespaces.items()),
                *(ObservedBucket(name) for name in self.buckets),
                *(ObservedQueue(name) for name in self.queues),
                *(ObservedWorker(name) for name in self.workers & {desired.worker}),
            ],
        )

    id = ACCOUNT

    def dependents(self, _worker: str) -> tuple[str, ...]:
        return ()

    def users(self, _worker: str) -> dict[str, tuple[str, ...]]:
        return {}


@dataclass
class FakeWrangler:
    """Finds a database as wrangler 4.164.0 does: by name or binding in the configuration, whose id
    it then uses; else by id or name in the account."""

    world: World
    config: Path
    environment: str

    def argv(self, *arguments: str) -> list[str]:
        return list(arguments)

    def _tables(self, kind: str) -> list[dict[str, Any]]:
        data = tomllib.loads(self.config.read_text())
        scope = data["env"][self.environment] if self.environment else data
        return list(scope.get(kind, []))

    def _database(self, wanted: str) -> str:
        for table in self._tables("d1_databases"):
            if wanted in (table.get("database_name"), table["binding"]) and table.get(
                "database_id"
            ):
                return str(table["database_id"])
        for id_, name in self.world.databases.items():
            if wanted in (id_, name):
                return id_
        raise _failed("no such database")

    def create(self, kind: str, name: str, *_options: str) -> None:
        new = f"{next(self.world.numbers):08x}-0000-4000-8000-{'0' * 12}"
        homes = {"d1 create": self.world.databases, "kv namespace create": self.world.namespaces}
        if kind in homes:
            if name in homes[kind].values():
                raise _failed("exists")
            homes[kind][new] = name
            self.world.created.append(new)
        else:
            {"queues create": self.world.queues, "r2 bucket create": self.world.buckets}[kind].add(
                name
            )

    def delete(self, kind: str, id_: str, *_options: str) -> None:
        if kind == "d1 delete":
            id_ = self._database(id_)
            del self.world.databases[id_]
        else:
            {"queues delete": self.world.queues, "r2 bucket delete": self.world.buckets}[
                kind
            ].remove(id_)
        self.world.deleted.append(id_)

    def change(self, _what: str, *arguments: str) -> None:
        match arguments:
            case ("d1", "migrations", "apply", binding, "--remote"):
                self.world.written.append(self._database(binding))
            case ("kv", "namespace", "delete", option, "--skip-confirmation"):
                id_ = option.removeprefix("--namespace-id=")
                del self.world.namespaces[id_]
                self.world.deleted.append(id_)
            case ("delete", "--name", name):
                self.world.workers.remove(name)
                self.world.deleted.append(name)
            case _:
                raise AssertionError(arguments)


def _failed(what: str) -> WranglerError:
    return WranglerError(what, argv=(), returncode=1, output="")


NAMES = st.sampled_from(["shop-a", "shop-b"])
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"database_name": st.none() | NAMES, "database_id": st.sampled_from(["", GONE, *UUIDS])}
    ),
    max_size=3,
)
SPACES = st.lists(st.sampled_from(["", "f" * 32, *KEYS]), max_size=2)
SCOPES = st.tuples(ENTRIES, SPACES, st.sets(st.sampled_from(["q1", "q2"])))
RECORDS = st.dictionaries(
    st.sampled_from(
        ["d1:shop-a", "d1:shop-b", "d1:shop-db0", "kv:shop-kv0", "kv:shop-kv1", "queue:q1"]
    ),
    st.sampled_from(["", *UUIDS[:3], *KEYS]),
)
ACCOUNTS = st.builds(
    World,
    databases=st.dictionaries(
        st.sampled_from(UUIDS), st.sampled_from(["shop-a", "shop-b", "shop-db0", "other"])
    ).filter(lambda found: len(set(found.values())) == len(found)),
    namespaces=st.dictionaries(
        st.sampled_from(KEYS), st.sampled_from(["shop-kv0", "shop-staging-kv0", "other"])
    ).filter(lambda found: len(set(found.values())) == len(found)),
    queues=st.sets(st.sampled_from(["q1", "q2", "q3"])),
    workers=st.sets(st.sampled_from(["shop", "shop-staging"])),
)


def _scope(prefix: str, scope: Any) -> str:
    entries, spaces, queues = scope
    text = ""
    for number, entry in enumerate(entries):
        text += f'[[{prefix}d1_databases]]\nbinding = "DB{number}"\n'
        text += "".join(f'{key} = "{value}"\n' for key, value in entry.items() if value)
    for number, id_ in enumerate(spaces):
        text += f'[[{prefix}kv_namespaces]]\nbinding = "KV{number}"\n'
        text += f'id = "{id_}"\n' if id_ else ""
    for number, name in enumerate(sorted(queues)):
        text += f'[[{prefix}queues.producers]]\nbinding = "Q{number}"\nqueue = "{name}"\n'
    return text


@contextlib.contextmanager
def project(
    top: Any, staging: Any, records: Mapping[str, Mapping[str, str]], world: World
) -> Iterator[tuple[Path, Any]]:
    """A project on disk, and what opens a session on it."""
    root = Path(tempfile.mkdtemp())
    text = HEAD + _scope("", top) + "[env.staging]\nworkers_dev = false\n"
    (root / "wrangler.toml").write_text(text + _scope("env.staging.", staging))
    (root / "migrations").mkdir()
    (root / "migrations" / "1.sql").write_text("SELECT 1;\n")
    environments = {
        name: {"account_id": ACCOUNT, "created": created} for name, created in records.items()
    }
    document = {"record_version": 2, "environments": environments}
    (root / RECORD_FILE).write_text(json.dumps(document))

    def session(_ctx: Any, _root: Path, environment: str, _config: Path | None = None) -> Session:
        loaded = load_project(root)
        wrangler: Any = FakeWrangler(world, root / "wrangler.toml", environment)
        account: Any = world
        desired = desired_state(loaded, environment)
        return Session(loaded, desired, account, wrangler, RecordStore(root))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provision, "open_session", session)
        patch.setattr(removed_session, "open_session", session)
        yield root, session
    shutil.rmtree(root)


def _context() -> Context:
    nothing: Any = None
    return Context(nothing, nothing, nothing, lambda _: None, threading.Lock())


ANYTHING = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@ANYTHING
@given(SCOPES, SCOPES, RECORDS, RECORDS, ACCOUNTS, st.sampled_from(["", "staging"]))
def test_provision_writes_to_nothing_that_its_plan_did_not_show(
    top: Any, staging: Any, mine: Any, others: Any, world: World, environment: str
) -> None:
    shown: list[Plan] = []
    before = {**world.databases, **world.namespaces}
    with project(top, staging, {"": mine, "staging": others}, world) as (root, session):
        request = provision.ProvisionRequest(root, environment, {}, lambda _: None, None)

        def confirm(plan: Plan) -> bool:
            shown.append(plan)
            return True

        try:
            provision.run(_context(), request, confirm, lambda _: None)
        except CfpyError:
            assert not shown, "it was refused after it was confirmed"
            assert (world.written, world.created) == ([], [])
            return
        known = {action.id for plan in shown for action in plan.actions}
        assert set(world.written) <= known | set(world.created)
        assert world.deleted == []
        assert {**world.databases, **world.namespaces}.items() >= before.items()
        changes = session(None, root, environment).plan().changes
        # The model of the account forgets which migrations it has had.
        assert {action.kind for action in changes} <= {"d1_migrations"}


@ANYTHING
@given(SCOPES, SCOPES, RECORDS, RECORDS, ACCOUNTS, st.sampled_from(["", "staging"]), st.data())
def test_destroy_deletes_nothing_that_its_plan_did_not_show(
    top: Any,
    staging: Any,
    mine: Any,
    others: Any,
    world: World,
    environment: str,
    data: st.DataObject,
) -> None:
    names = {**world.databases, **world.namespaces}
    records = {"": mine, "staging": others}
    with project(top, staging, records, world) as (root, session):
        included = data.draw(
            st.sets(st.sampled_from([f"d1:{name}" for name in world.databases.values()] or ["x"]))
        )
        request = destroy.DestroyRequest(root, environment, True, frozenset(included), False)
        shown: list[Plan] = []

        def confirm(plan: Plan) -> bool:
            shown.append(plan)
            return True

        try:
            destroy.run(_context(), request, confirm, lambda _: None)
        except CfpyError:
            assert (shown, world.deleted) == ([], [])
            return
        for plan in shown:
            gone = {action.id for action in plan.actions if action.do is Do.DELETE}
            assert set(world.deleted) <= gone
        other = session(None, root, "" if environment else "staging").desired
        used = {item.id for item in (*other.all(D1Database), *other.all(KVNamespace))}
        for id_ in {*world.deleted} & names.keys():
            kind = "d1" if id_ in UUIDS else "kv"
            key = f"{kind}:{names[id_]}"
            # A namespace may have been renamed: then its id alone is in the record.
            record = records[environment]
            known = record[key] in ("", id_) if key in record else id_ in record.values()
            assert known or key in included
            assert id_ not in used
        assert not {*world.deleted} & {item.name for item in other.all(Queue)}


def test_two_namespaces_whose_bindings_are_exchanged_agree_with_the_record() -> None:
    """The names of namespaces are those of their bindings, so the record has the earlier ones."""
    one, two, _ = KEYS
    record = {"kv:shop-kv0": one, "kv:shop-kv1": two}
    world = World({}, {one: "shop-kv0", two: "shop-kv1"})
    with project(([], [two, one], ()), ([], [], ()), {"": record}, world) as (root, session):
        assert session(None, root, "").plan().conflicts == ()
        request = destroy.DestroyRequest(root, "", True, frozenset(), False)
        destroy.run(_context(), request, lambda _: True, lambda _: None)
        assert sorted(world.deleted) == [one, two]


def database(**keys: str) -> tuple[Any, Any, Any]:
    return [{"database_name": "shop-a", **keys}], [], ()


NO_SCOPE: tuple[Any, Any, Any] = ([], [], ())


def test_an_id_in_upper_case_is_that_of_the_account() -> None:
    one = f"ab{UUIDS[0][2:]}"
    world = World({one: "shop-a"}, {})
    with project(database(database_id=one.upper()), NO_SCOPE, {}, world) as (root, session):
        plan = session(None, root, "").plan()
        assert [(item.do, item.id) for item in plan.actions if item.kind == "d1"] == [
            (Do.KEEP, one)
        ]


@pytest.mark.parametrize(
    ("created", "why"),
    [
        (
            {"d1:shop-a": GONE},
            f"cfpy created it in this account, with the id {GONE}; it was deleted since, with its "
            "data",
        ),
        (
            {},
            f"the configuration names the id {GONE}, which the account does not have: it may be of "
            "another account, as in an example",
        ),
    ],
)
def test_an_id_that_the_account_does_not_have_has_its_reason(
    created: dict[str, str], why: str
) -> None:
    with project(database(database_id=GONE), NO_SCOPE, {"": created}, World({}, {})) as made:
        root, session = made
        [conflict] = session(None, root, "").plan().conflicts
    assert conflict.reason == why
    assert conflict.unknown_ids == (GONE,)


def test_a_migration_in_another_encoding_is_refused_before_anything_is_created() -> None:
    world = World({}, {})
    with project(database(), NO_SCOPE, {}, world) as (root, session):
        (root / "migrations" / "2.sql").write_bytes("SELECT 'é';".encode("latin-1"))
        opened = session(None, root, "")
        request = provision.ProvisionRequest(root, "", {}, lambda _: None, None)
        with pytest.raises(
            ProjectError, match=r"migrations/2\.sql: can't be read: line 1"
        ) as caught:
            provision.run(_context(), request, lambda _: True, lambda _: None)
        assert world.created == []
        # As does a deployment, and its rehearsal.
        [problem] = problems(opened, opened.plan(), provisions=True)
        assert problem.message == caught.value.message


def test_migrations_that_are_not_there_are_a_notice_of_the_plan() -> None:
    with project(database(migrations_dir="drizle"), NO_SCOPE, {}, World({}, {})) as made:
        root, session = made
        [notice] = session(None, root, "").plan().notices
    assert notice.startswith("the folder 'drizle' that migrations_dir of DB0 names does not exist")


def test_destroy_does_not_say_that_it_deletes_what_is_gone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It removes the id from the configuration, also without `--delete-data`."""
    top = ([{"database_name": "shop-a", "database_id": GONE}], [], ())
    progress: list[str] = []
    with project(top, ([], [], ()), {"": {"d1:shop-a": GONE}}, World({}, {})) as (root, _session):
        view = DestroyView(Output(), yes=True, confirm="shop", dry_run=False, options=())
        request = destroy.DestroyRequest(root, "", False, frozenset(), False)
        context = replace(_context(), progress=progress.append)
        destroy.run(context, request, view.confirm, view.done)
        assert GONE not in (root / "wrangler.toml").read_text()
    assert progress == ["Remove the id of d1 shop-a"]
    assert "removed from the configuration: the id of d1 shop-a" in capsys.readouterr().err


def test_a_namespace_in_the_place_of_a_recorded_one_is_a_conflict_with_a_way_out() -> None:
    one, two, _ = KEYS
    record = {"kv:shop-kv0": one, "kv:shop-kv1": two}
    world = World({}, {one: "shop-kv0", two: "shop-kv1"})
    with project(([], [two], ()), ([], [], ()), {"": record}, world) as (root, session):
        [conflict] = session(None, root, "").plan().conflicts
        way_out = "If the configuration is right, remove kv:shop-kv0 from cfpy.state.json"
        assert conflict.reason.endswith(way_out)
        path = root / RECORD_FILE
        path.write_text(path.read_text().replace('"kv:shop-kv0"', '"kv:another"'))
        assert session(None, root, "").plan().conflicts == ()
