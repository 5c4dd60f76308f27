"""Nothing of an account is touched, lost or left over that nobody was told of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cfpy.account.cloudflare_client import CloudflareClient, documented
from cfpy.account.comparison import Permission
from cfpy.account.conflicts import conflict_error
from cfpy.account.desired import DesiredState
from cfpy.account.diff import diff
from cfpy.account.neighbours import neighbours
from cfpy.account.observed import Found, ObservedState
from cfpy.account.owned.class_migration import MigrationTag
from cfpy.account.owned.custom_domain import TakenDomain
from cfpy.account.owned.d1 import AppliedMigrations, D1Database, FoundDatabase
from cfpy.account.owned.kv import FoundNamespace
from cfpy.account.owned.queue import ObservedQueue
from cfpy.account.owned.r2 import ObservedBucket
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.owned.workers_dev import Subdomain
from cfpy.account.plan import Action, Do
from cfpy.account.record import Placement, Record
from cfpy.account.record_store import RecordStore
from cfpy.account.resources import desired_state
from cfpy.account.session import Session, refuse_broken
from cfpy.account.steps import attempt, under_way
from cfpy.account.teardown import teardown
from cfpy.bindings.checks import check
from cfpy.bindings.id_edits import set_id, unset_id
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import CloudflareError, ProjectError, WranglerError
from cfpy.project.config_difference import only_filled_in

HEAD = 'name = "shop"\nmain = "index.js"\ncompatibility_date = "2026-11-17"\n'
DB = '[[d1_databases]]\nbinding = "DB"\ndatabase_name = "shop-db"\n'
CACHE = '[[kv_namespaces]]\nbinding = "CACHE"\n'
CONSUMER = '[[queues.consumers]]\nqueue = "jobs"\n'
ID = "aaaaaaaa-0000-4000-8000-00000000000a"
KEY = "c" * 32
SHOP_DB = FoundDatabase(ID, "shop-db")
WORKER = ObservedWorker("shop")
Wants = Callable[..., DesiredState]


def having(*found: Found) -> ObservedState:
    """An account with a subdomain and what is given."""
    return ObservedState.of("account", [Subdomain("test"), *found])


EMPTY = having()


@pytest.fixture
def wants(tmp_path: Path) -> Wants:
    """What an environment of a wrangler.toml needs."""

    def wants_(text: str, environment: str = "") -> DesiredState:
        (tmp_path / "wrangler.toml").write_text(HEAD + text)
        return desired_state(load_project(tmp_path), environment)

    return wants_


def taken_down(
    desired: DesiredState,
    observed: ObservedState,
    created: dict[str, str],
    **others: Any,
) -> dict[str, Action]:
    permission = Permission(created, frozenset(), data=True)
    plan = teardown(desired, observed, permission, **others)
    return {action.key: action for action in plan.actions}


# What a plan says beside its steps.


def test_a_live_worker_that_cfpy_did_not_create_is_named(wants: Wants) -> None:
    live = having(WORKER)
    [said] = diff(wants(""), live, {}).notices
    assert "Worker shop that cfpy did not create" in said
    assert diff(wants(""), live, {"worker:shop": ""}).notices == ()
    assert diff(wants(""), EMPTY, {}).notices == ()


def test_a_domain_that_a_deployment_takes_is_named(wants: Wants) -> None:
    route = '{ pattern = "a.test", custom_domain = true }'
    for text in (f"routes = [{route}]", f"route = {route}"):
        desired = wants(text)
        taken = having(TakenDomain("a.test", "website"))
        assert diff(desired, taken, {}).notices == (
            "a.test is a custom domain of the Worker website: a deployment takes it over",
        )
        assert "DNS record" in diff(desired, EMPTY, {}).notices[0]
        assert diff(desired, having(TakenDomain("a.test", "shop")), {}).notices == ()


@pytest.mark.parametrize(("tag", "said"), [("", 2), ("v2", 1), ("v3", 0), ("unknown", 2)])
def test_objects_that_a_deployment_deletes_are_named(wants: Wants, tag: str, said: int) -> None:
    desired = wants(
        '[[migrations]]\ntag = "v1"\nnew_classes = ["A", "B"]\n'
        '[[migrations]]\ntag = "v2"\ndeleted_classes = ["A"]\n'
        '[[migrations]]\ntag = "v3"\ndeleted_classes = ["B"]\n'
    )
    live = having(WORKER, *([MigrationTag("shop", tag)] if tag else []))
    assert len(diff(desired, live, {"worker:shop": ""}).notices) == said
    assert diff(desired, EMPTY, {}).notices == ()


def test_what_the_configuration_names_no_more_is_named(wants: Wants) -> None:
    observed = having(SHOP_DB, FoundNamespace(KEY, "renamed"))
    created = {
        "worker:old": "",
        "d1:shop-db": ID,
        "kv:shop-cache": KEY,
        "d1:gone": ID.replace("a", "b"),
    }
    for plan in (
        diff(wants(DB + CACHE), observed, created),
        teardown(wants(DB + CACHE), observed, Permission(created, frozenset(), data=True)),
    ):
        [said] = plan.notices
        assert said.startswith("cfpy created worker:old, ")


def test_a_database_that_somebody_else_has_migrated_further_is_named(
    wants: Wants, tmp_path: Path
) -> None:
    """As from an old clone."""
    (tmp_path / "migrations").mkdir(exist_ok=True)
    (tmp_path / "migrations" / "0001_a.sql").write_text("SELECT 1")
    desired = wants(DB)
    for names, said in (({"0001_a.sql"}, 0), ({"0001_a.sql", "0002_b.sql"}, 1)):
        had = having(SHOP_DB, AppliedMigrations("DB", frozenset(names)))
        notices = [text for text in diff(desired, had, {}).notices if "0002_b.sql" in text]
        assert len(notices) == said


def test_what_two_environments_share_is_named(wants: Wants) -> None:
    staging = wants(DB + "[env.staging]\n" + DB.replace("[[", "[[env.staging."), "staging")
    observed = having(SHOP_DB)
    plan = diff(staging, observed, {}, [wants(DB)])
    assert plan.notices[0].startswith("d1:shop-db is also used by the top level of the ")
    # Neither exists yet, and they have other names.
    near = wants(CACHE + "[env.staging]\n" + CACHE.replace("[[", "[[env.staging."), "staging")
    assert diff(near, EMPTY, {}, [wants(CACHE)]).notices == ()


def test_the_worker_of_another_environment_is_not_replaced(wants: Wants) -> None:
    """The `name` was copied from the top level."""
    top, copied = wants(""), wants('[env.staging]\nname = "shop"\n', "staging")
    live, theirs = having(WORKER), frozenset({"worker:shop"})
    plan = diff(copied, live, {}, [top], theirs)
    [conflict] = plan.conflicts
    assert conflict.key == "worker:shop"
    assert "it is the Worker of the top level of the configuration" in conflict.reason
    assert not any("did not create" in item for item in plan.notices)
    # It is this environment's, and the others only have the name: `[env.production]` often does.
    for created, known in (({"worker:shop": ""}, frozenset[str]()), ({}, frozenset[str]())):
        plan = diff(copied, live, created, [top], known)
        assert plan.conflicts == ()
        assert plan.notices[0].startswith("shop is also the Worker of the top level")
    assert diff(copied, EMPTY, {}, [top], theirs).conflicts == ()
    other = wants("[env.staging]\n", "staging")
    assert diff(other, having(WORKER), {}, [top], theirs).conflicts == ()


@pytest.mark.parametrize(
    ("created", "why"),
    [
        ({"d1:shop-db": ID}, "cfpy created it in this account"),
        ({"d1:renamed": ID}, "cfpy created it in this account"),
        ({"d1:shop-db": ""}, "it may be of another account"),
        ({"kv:shop-db": ID}, "it may be of another account"),
    ],
)
def test_an_id_that_the_account_does_not_have_is_explained(
    wants: Wants, created: dict[str, str], why: str
) -> None:
    """As after `cfpy destroy` in another clone, or a deletion in the dashboard."""
    desired = wants(f'{DB}database_id = "{ID}"\n')
    [conflict] = diff(desired, EMPTY, created).conflicts
    assert why in conflict.reason
    assert (ID in conflict.reason, conflict.unknown_ids) == (True, (ID,))
    hint = conflict_error([conflict], "").hint
    assert "cfpy adopt --remove-ids" in hint
    assert "cfpy provision" in hint


def test_a_queue_that_another_worker_consumes_is_a_conflict(wants: Wants) -> None:
    observed = having(ObservedQueue("jobs", frozenset({"old"})))
    [conflict] = diff(wants(CONSUMER), observed, {}).conflicts
    assert "the Worker old" in conflict.reason
    mine = having(ObservedQueue("jobs", frozenset({"shop"})))
    assert diff(wants(CONSUMER), mine, {}).conflicts == ()


# What a teardown leaves.


@pytest.mark.parametrize("written", [ID.upper(), f" {ID}", ID])
def test_the_database_of_another_environment_stays_however_its_id_is_written(
    wants: Wants, written: str
) -> None:
    observed = having(SHOP_DB)
    other = wants(f'[[d1_databases]]\nbinding = "DB"\ndatabase_id = "{written}"\n')
    desired = wants(f'{DB}database_id = "{ID}"\n')
    found = taken_down(desired, observed, {"d1:shop-db": ID}, others=[other])
    assert found["d1:shop-db"].do is Do.KEEP


@pytest.mark.parametrize(
    ("text", "observed", "key", "bound"),
    [
        (DB, SHOP_DB, "d1:shop-db", f"d1 {ID}"),
        (CACHE, FoundNamespace(KEY, "shop-cache"), "kv:shop-cache", f"kv_namespace {KEY}"),
        (
            '[[r2_buckets]]\nbinding = "FILES"\nbucket_name = "files"\n',
            ObservedBucket("files"),
            "r2:files",
            "r2_bucket files",
        ),
    ],
)
def test_what_another_worker_is_bound_to_stays(
    wants: Wants, text: str, observed: Found, key: str, bound: str
) -> None:
    desired, account = wants(text), having(observed)
    [action] = taken_down(desired, account, {key: ""}, users={bound: ["website"]}).values()
    assert (action.do, action.reason) == (Do.KEEP, "also used by the Worker website")
    assert taken_down(desired, account, {key: ""})[key].do is Do.DELETE


def test_a_namespace_that_was_renamed_is_still_the_one_that_cfpy_created(wants: Wants) -> None:
    observed = having(FoundNamespace(KEY, "renamed"))
    desired = wants(f'{CACHE}id = "{KEY}"\n')
    assert taken_down(desired, observed, {"kv:shop-cache": KEY})["kv:renamed"].do is Do.DELETE
    record = Record({"": Placement("account", {"kv:shop-cache": KEY})})
    assert record.without("", "kv:renamed", KEY).environments == {}


def test_an_id_that_may_be_of_another_account_stays_in_the_file(wants: Wants) -> None:
    desired = wants(f'{DB}database_id = "{ID}"\n')
    assert taken_down(desired, EMPTY, {})["d1:shop-db"].do is Do.KEEP
    gone = taken_down(desired, EMPTY, {"d1:shop-db": ID})["d1:shop-db"]
    assert (gone.do, gone.bindings) == (Do.DELETE, ("DB",))


def test_environments_of_other_accounts_share_nothing(tmp_path: Path) -> None:
    text = f'{HEAD}account_id = "one"\n[env.far]\naccount_id = "two"\n[env.near]\n[env.moved]\n'
    (tmp_path / "wrangler.toml").write_text(text)
    record = Record({"moved": Placement("three")})
    project = load_project(tmp_path)
    found = neighbours(project, "", "one", record, strict=True)
    assert [item.environment for item in found] == ["near"]


# Files that change while a command runs.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[\n", r"toml:1:3: "),
        (HEAD, "no table of d1_databases binds DB"),
        (f'{DB}database_id = "{KEY}"\n', f"database_id of DB is now {KEY}"),
        (None, "can't be read"),
    ],
)
def test_an_edit_meanwhile_is_no_bug_and_is_not_overwritten(
    tmp_path: Path, text: str | None, said: str
) -> None:
    path = tmp_path / "wrangler.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ProjectError, match=said) as raised:
        set_id(path, "", "d1_databases", "DB", "database_id", ID)
    assert f'database_id = "{ID}"' in raised.value.hint
    assert text is None or path.read_text() == text


def test_an_id_whose_table_is_gone_is_gone(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text(HEAD)
    unset_id(tmp_path / "wrangler.toml", "staging", "d1_databases", "DB", "database_id")
    assert (tmp_path / "wrangler.toml").read_text() == HEAD


@pytest.mark.parametrize(
    ("now", "same"),
    [
        ({"d1": [{"binding": "DB", "database_id": ID}]}, True),
        ({"d1": [{"binding": "DB", "database_id": ""}]}, True),
        ({"d1": [{"binding": "DB", "database_name": "other"}]}, False),
        ({"d1": [{"binding": "DB"}, {"binding": "B"}]}, False),
        ({"d1": [{"binding": "DB"}], "name": "other"}, False),
    ],
)
def test_only_ids_that_were_empty_may_change_meanwhile(now: dict[str, Any], same: bool) -> None:
    assert only_filled_in({"d1": [{"binding": "DB"}]}, now) is same
    filled = {"d1": [{"binding": "DB", "database_id": ID}]}
    assert not only_filled_in(filled, {"d1": [{"binding": "DB", "database_id": KEY}]})


# What wrangler can't tell apart.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DB + DB, "DB, which is already the name of another binding"),
        (DB + CACHE.replace("CACHE", "DB"), "DB, which is already the name of another binding"),
        (
            DB.replace("shop-db", "SECOND") + DB.replace('"DB"', '"SECOND"'),
            "SECOND is a binding of one database and the name of another",
        ),
    ],
)
def test_bindings_that_wrangler_would_mistake_are_refused(
    tmp_path: Path, wants: Wants, text: str, said: str
) -> None:
    desired = wants(text)
    scope = load_project(tmp_path).wrangler
    found = check(scope, desired.worker, date(2026, 11, 25))
    assert any(said in finding.message and finding.broken for finding in found)


def test_provision_and_deploy_refuse_a_name_that_no_program_can_use(
    tmp_path: Path, wants: Wants
) -> None:
    nothing: Any = None
    desired = wants('[[durable_objects.bindings]]\nname = "my-do"\nclass_name = "Room"\n')
    session = Session(load_project(tmp_path), desired, nothing, nothing, RecordStore(tmp_path))
    with pytest.raises(ProjectError, match="binds 'my-do', which is not a valid identifier"):
        refuse_broken(session)


def test_a_database_called_as_its_own_binding_is_fine(tmp_path: Path, wants: Wants) -> None:
    desired = wants(DB.replace("shop-db", "DB"))
    scope = load_project(tmp_path).wrangler
    assert check(scope, desired.worker, date(2026, 11, 25)) == ()


# Errors on the way.


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        ("A database with that name already exists", False),
        ("Queue name 'x' is already taken.", False),
        ("vectorize.index.duplicate_name", False),
        ("fetch failed", True),
    ],
)
def test_what_exists_at_the_first_try_somebody_else_created(message: str, ours: bool) -> None:
    def fails() -> None:
        raise WranglerError(message, argv=(), returncode=1, output="")

    assert attempt(fails, lambda: True) is ours
    assert attempt(lambda: None, lambda: False)


def test_an_error_on_the_way_does_not_claim_that_nothing_was_changed() -> None:
    with pytest.raises(CloudflareError) as raised, under_way():
        raise CloudflareError("refused", hint="Check it. Nothing was changed.")
    assert raised.value.hint.startswith("Check it. Completed steps stay.")


@pytest.mark.parametrize("answer", [None, "x", [1], [{}], {}])
def test_an_answer_of_another_shape_is_no_bug_of_cfpy(answer: Any) -> None:
    with pytest.raises(CloudflareError, match="not as documented"), documented():
        next(item["uuid"] for item in {"result": answer}["result"] or None)  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [2, 100])
def test_a_list_is_read_to_its_end_even_if_its_pages_are_short(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    items = [{"id": number} for number in range(5)]

    def get(_self: CloudflareClient, _path: str, *, page: int, per_page: int) -> Any:
        assert per_page == 100
        part = items[(page - 1) * size : page * size]
        return {"result": part, "result_info": {"total_count": len(items)}}

    monkeypatch.setattr(CloudflareClient, "get", get)
    assert list(CloudflareClient("token").pages("d1/database")) == items


# Which migrations wrangler applies.


@pytest.mark.parametrize(
    "pattern", ["m/!(1).sql", "m/!x.sql", "m/#x.sql", "./m/!*.sql", f"m/{'{a,b}' * 14}.sql"]
)
def test_a_pattern_that_wrangler_reads_otherwise_is_refused(wants: Wants, pattern: str) -> None:
    with pytest.raises(ProjectError, match="migrations_pattern"):
        wants(f'{DB}migrations_dir = "m"\nmigrations_pattern = "{pattern}"\n')


def test_no_directory_is_the_project_itself_as_in_wrangler(tmp_path: Path, wants: Wants) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "1.sql").touch()
    (tmp_path / "drop.sql").touch()
    for text, name in ((f'{DB}migrations_dir = ""\n', "drop.sql"), (DB, "1.sql")):
        [database] = wants(text).all(D1Database)
        assert database.migrations == (name,)
