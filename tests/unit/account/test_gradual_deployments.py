"""Gradual rollouts, promotions and rollbacks: what they do, and what they refuse before anything
is changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import cfpy.account.gradual as gradual
from cfpy.account.health import Answer
from cfpy.account.provision import ProvisionRequest
from cfpy.account.provision import run as run_provision
from cfpy.cli.commands.deploy import DeployView
from cfpy.cli.console import Output
from cfpy.errors import (
    CancelledError,
    DeploymentError,
    RolledBackError,
    UsageError,
)
from preview_account import Fault
from rollout_stage import RolloutStage

Start = Callable[[], RolloutStage]
# As long as it takes to look twice.
MOMENT = 0.01
BREAKING = "ALTER TABLE notes DROP COLUMN kind;"
CLASSES = (
    '\n[[migrations]]\ntag = "v1"\nnew_sqlite_classes = ["Room"]\n'
    '[[durable_objects.bindings]]\nname = "ROOM"\nclass_name = "Room"\n'
)


def parts(here: RolloutStage) -> list[float]:
    return [part for _, part in here.shares()]


def answering(monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> list[str]:
    """What the new version answers; the last one from then on. Returns what was asked."""
    asked: list[str] = []
    queue = list(answers)

    def ask(client: Any, address: str) -> Answer:
        asked.append(f"{address} {client._client.headers.get(gradual.OVERRIDE)}")
        return queue.pop(0) if len(queue) > 1 else queue[0]

    monkeypatch.setattr(gradual, "ask", ask)
    return asked


def test_a_new_version_gets_its_part(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    result = here.share(10)
    assert parts(here) == [10, 90]
    assert (result.shared.percent, result.shared.base) == (10, here.first)
    assert here.api.live["shop"] == here.first
    uploads = len(here.api.rollouts.uploads["shop"])
    here.share(50)
    here.share(50)
    assert parts(here) == [50, 50]
    here.share(100)
    assert parts(here) == [100]
    assert here.api.live["shop"] == result.shared.version
    assert len(here.api.rollouts.uploads["shop"]) == uploads
    before = len(here.tools.mutations)
    assert here.share(10).shared.percent == 100
    assert len(here.tools.mutations) == before


def test_the_new_version_itself_is_asked(rollout: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    here = rollout()
    here.code("two")
    asked = answering(monkeypatch, Answer("200 OK", healthy=True))
    result = here.share(10, health="/health", url="https://shop.example/")
    version = result.shared.version
    assert asked == [f'https://shop.example/health shop="{version}"']
    assert result.shared.checked == "200 OK"
    here.share(50, health="/health")
    assert asked[-1] == f'https://shop.test.workers.dev/health shop="{version}"'


def test_a_version_that_does_not_answer_keeps_its_part_unless_it_may_go_back(
    rollout: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = rollout()
    here.code("two")
    answering(monkeypatch, Answer("500 Internal Server Error"))
    with pytest.raises(DeploymentError, match="has 10 % of the traffic, but its health check"):
        here.share(10, health="/health")
    assert parts(here) == [10, 90]
    with pytest.raises(RolledBackError, match=f"Version {here.first} has all traffic again"):
        here.share(20, health="/health", rollback_on_failure=True)
    assert parts(here) == [100]
    assert here.api.live["shop"] == here.first
    # The same upload is tried again.
    uploads = len(here.api.rollouts.uploads["shop"])
    answering(monkeypatch, Answer("200 OK", healthy=True))
    here.share(10, health="/health")
    assert (parts(here), len(here.api.rollouts.uploads["shop"])) == ([10, 90], uploads)


def given(here: RolloutStage) -> list[list[float]]:
    """How the traffic was shared by each deployment so far."""
    releases = here.api.rollouts.releases["shop"]
    return [[part["percentage"] for part in item["versions"]] for item in releases]


@pytest.mark.parametrize("options", [{"watch": MOMENT}, {"rollback_on_failure": True}])
def test_a_version_that_may_go_back_is_asked_before_it_gets_traffic(
    rollout: Start, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    here = rollout()
    here.code("two")
    answering(monkeypatch, Answer("500 Internal Server Error"))
    before = len(given(here))
    with pytest.raises(RolledBackError, match="It got no traffic"):
        here.share(20, health="/health", **options)
    assert given(here)[before:] == [[0, 100], [100]]
    assert here.api.live["shop"] == here.first
    # One that has a part already gets no more.
    here.share(10)
    before = len(given(here))
    with pytest.raises(RolledBackError, match=f"Version {here.first} has all traffic again"):
        here.share(50, health="/health", **options)
    assert given(here)[before:] == [[100]]
    answering(monkeypatch, Answer("200 OK", healthy=True))
    before = len(given(here))
    here.share(20, health="/health", **options)
    wanted = [[0, 100], [20, 80], [100]]
    assert given(here)[before:] == (wanted if "watch" in options else wanted[:2])


def test_a_version_with_0_percent_is_part_of_the_deployment(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    here.share(0)
    assert parts(here) == [0, 100]
    before = len(given(here))
    here.share(0)
    assert len(given(here)) == before


def test_a_watched_version_that_is_well_gets_all_traffic(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    with pytest.raises(DeploymentError, match="nothing was seen of it"):
        here.share(10, MOMENT)
    assert parts(here) == [10, 90]
    here.api.rollouts.invocations = {here.api.rollouts.uploads["shop"][-1]["id"]: (3, 0)}
    result = here.share(10, MOMENT)
    assert (parts(here), result.shared.percent) == ([100], 100)
    assert "0 errors in 3 requests" in result.shared.watched


def test_a_watched_version_that_fails_too_often_loses_its_part(
    rollout: Start,
) -> None:
    here = rollout()
    here.code("two")
    version = here.share(10).shared.version
    here.api.rollouts.invocations = {version: (100, 30), here.first: (900, 9)}
    with pytest.raises(RolledBackError) as caught:
        here.share(10, MOMENT)
    assert "30 errors in 100 requests, the old version 9 errors in 900" in caught.value.message
    assert (parts(here), here.api.live["shop"]) == ([100], here.first)
    assert caught.value.exit_code == 12
    # Errors that the old version has as well are not the new one's.
    here.api.rollouts.invocations = {version: (100, 30), here.first: (900, 280)}
    assert here.share(10, MOMENT).shared.percent == 100


def test_without_the_permission_for_figures_only_the_health_is_watched(
    rollout: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = rollout()
    here.code("two")
    here.api.rollouts.shows_analytics = False
    with pytest.raises(UsageError, match="Account Analytics: Read"):
        here.share(10, MOMENT)
    assert parts(here) == [100]
    answering(monkeypatch, Answer("200 OK", healthy=True))
    result = here.share(10, MOMENT, health="/health")
    assert "no error rate: the token does not have the permission" in result.shared.watched
    assert parts(here) == [100]


def test_an_interrupted_watch_names_the_ways_on_and_back(
    rollout: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = rollout()
    here.code("two")
    answering(monkeypatch, Answer("200 OK", healthy=True))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(gradual, "watch", interrupt)
    with pytest.raises(CancelledError) as caught:
        here.share(10, MOMENT, health="/health")
    assert parts(here) == [10, 90]
    for said in ("has 10 % of the traffic", "cfpy deploy --percent 100", "cfpy rollback"):
        assert said in caught.value.hint


def test_a_rollback_that_fails_is_told_with_its_command(
    rollout: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = rollout()
    here.code("two")
    answering(monkeypatch, Answer("500 Internal Server Error"))
    here.tools.mutations.clear()
    here.tools.fault = 3, Fault(403, applied=False)
    with pytest.raises(DeploymentError, match="and going back failed") as caught:
        here.share(10, health="/health", rollback_on_failure=True)
    assert "cfpy rollback" in caught.value.hint


def refused(here: RolloutStage, message: str, percent: float = 10, **options: Any) -> str:
    """The hint of a refusal, which has changed nothing."""
    before = list(here.tools.mutations)
    with pytest.raises(UsageError, match=message) as caught:
        here.share(percent, **options)
    assert here.tools.mutations == before
    assert "Nothing was changed" in caught.value.hint
    found = here.share(percent, dry_run=True, **options).findings
    assert message in found[-1].message
    return caught.value.hint


def test_a_first_deployment_has_nobody_to_share_with(rollout: Start) -> None:
    here = rollout()
    here.api.rollouts.forget("shop")
    del here.api.live["shop"]
    refused(here, "this is the first deployment")


def test_other_code_waits_for_the_rollout_that_is_under_way(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    version = here.share(10).shared.version
    here.code("three")
    assert f"versions deploy {version}@100%" in refused(here, "a rollout of other code")
    # The old code is not what goes on, either.
    here.code("one")
    refused(here, "a rollout of other code")
    here.rollback()
    assert parts(here) == [100]


def test_class_migrations_are_for_all_traffic(rollout: Start) -> None:
    here = rollout()
    (here.root / "wrangler.toml").write_text(
        (here.root / "wrangler.toml").read_text().replace("\n[env.", f"{CLASSES}\n[env.")
    )
    refused(here, "the Durable Object migration v1 is pending")
    here.deploy()
    here.code("two")
    here.share(10)
    assert parts(here) == [10, 90]


def test_migrations_that_break_the_old_version_need_a_word(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    (here.root / "migrations" / "0002_less.sql").write_text(f"-- Less.\n{BREAKING}\n")
    hint = refused(here, "can't live with the pending migrations")
    assert "--allow-breaking" in hint
    here.share(10, allow_breaking=True)
    assert parts(here) == [10, 90]
    # The plan was shown with it.
    found = "migrations/0002_less.sql:2: notes.kind is dropped"
    assert any(notice.startswith(found) for notice in here.confirmed[-1].notices)


def test_provision_breaks_no_version_of_a_rollout(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    here.share(10)
    request = ProvisionRequest(here.root, "", {}, lambda _: None, None)
    provision = partial(run_provision, here.context(), request, here.confirm, lambda _: None)
    less = here.root / "migrations" / "0002_less.sql"
    less.write_text(BREAKING)
    shown = len(here.confirmed)
    with pytest.raises(UsageError, match="a rollout is under way") as caught:
        provision()
    assert "notes.kind is dropped" in caught.value.message
    assert "deploy --percent 100" in caught.value.hint
    assert len(here.confirmed) == shown
    less.write_text("ALTER TABLE notes ADD COLUMN more TEXT;")
    assert provision() is not None
    assert provision().changes == ()


BY_HAND = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)",
    "CREATE VIEW mails AS SELECT email FROM users",
    "CREATE TRIGGER kept AFTER INSERT ON users BEGIN DELETE FROM users WHERE id < 0; END",
    "CREATE VIRTUAL TABLE words USING fts5(text)",
)


def by_hand(here: RolloutStage, *tables: str) -> None:
    """The database has not had a migration yet, but has these tables."""
    database = here.api.databases["shop-db"]
    for table in ("d1_migrations", "notes"):
        database.execute(f"DROP TABLE {table}")
    for table in tables:
        database.execute(table)
    (here.root / "migrations" / "0001_notes.sql").unlink()


def test_the_first_migration_of_a_database_with_tables_may_break_the_old_version(
    rollout: Start,
) -> None:
    here = rollout()
    here.code("two")
    by_hand(here, *BY_HAND)
    before, first = here.outcome(), here.root / "migrations" / "0001_first.sql"
    for migration, said in (
        ("DROP TABLE IF EXISTS users", "users is dropped"),
        ("DROP VIEW mails", "mails is dropped"),
        ("ALTER TABLE users RENAME TO people", "users is renamed"),
        ("CREATE TABLE users (id)", "SQLite refuses it: table users already exists"),
        ("DROP TABLE words", "words is dropped"),
    ):
        first.write_text(migration)
        refused(here, f"migrations/0001_first.sql:1: {said}")
    assert here.outcome() == before
    notices = here.deploy(dry_run=True).plan.notices
    after = "The version that is live while it is applied may fail"
    assert f"migrations/0001_first.sql:1: words is dropped. {after}" in notices
    # What does not touch them is as quiet as in an empty one.
    first.write_text("CREATE TABLE IF NOT EXISTS users (id); CREATE TABLE a (id); DROP TABLE a")
    assert here.deploy(dry_run=True).plan.notices == ()
    here.share(10)
    assert parts(here) == [10, 90]


def test_the_first_migrations_of_an_empty_database_break_nothing(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    by_hand(here)
    for number, text in enumerate(("CREATE TABLE a (id)", "DROP TABLE a; CREATE TABLE b (id)")):
        (here.root / "migrations" / f"000{number}.sql").write_text(text)
    assert here.deploy(dry_run=True).plan.notices == ()
    here.share(10)
    assert parts(here) == [10, 90]


def test_a_table_that_no_migration_created_counts_later_too(rollout: Start) -> None:
    here = rollout()
    here.api.databases["shop-db"].execute(BY_HAND[0])
    (here.root / "migrations" / "0002_less.sql").write_text("DROP TABLE IF EXISTS users")
    [notice] = here.deploy(dry_run=True).plan.notices
    assert notice.startswith("migrations/0002_less.sql:1: users is dropped")


def test_triggers_that_stay_are_told_before_and_after(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    assert here.share(10).shared.left == ()
    path = here.root / "wrangler.toml"
    path.write_text(path.read_text().replace("0 3 * * *", "0 4 * * *"))
    here.rollback()
    [left] = here.share(10).shared.left
    assert "triggers stay as they are" in left
    assert "wrangler triggers deploy" in left
    assert "cron 0 4 * * * (new), cron 0 3 * * * (not in the configuration" in left
    assert left in here.confirmed[-1].notices


def test_routes_and_domains_that_stay_are_told(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    here.api.zones.names["shop.example"] = "z1"
    path = here.root / "wrangler.toml"
    routes = 'routes = [{ pattern = "shop.example/api/*", zone_id = "z1" }, '
    routes += '{ pattern = "www.shop.example", custom_domain = true }]\n'
    text = path.read_text().replace("[env.staging]", "[env.staging]\nroutes = []")
    path.write_text(routes + text)
    [left] = here.share(10).shared.left
    assert "route shop.example/api/* (new)" in left
    assert "custom_domain www.shop.example (new)" in left
    assert "cron" not in left


def test_a_changed_secret_makes_an_earlier_upload_too_old(rollout: Start) -> None:
    """It has the old value."""
    here = rollout()
    here.code("two")
    here.share(10)
    here.rollback()
    uploads = here.api.rollouts.uploads["shop"]
    by_secret = {"workers/triggered_by": "secret"}
    number = len(uploads) + 1
    uploads.append({**uploads[0], "id": "s", "number": number, "annotations": by_secret})
    here.share(10)
    assert len(uploads) == number + 1
    kept = here.rollback(uploads[0]["id"], dry_run=True)[0].kept
    assert any("secrets were changed after it" in item for item in kept)


def test_the_very_code_of_staging_is_promoted(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    with pytest.raises(UsageError, match="the files here are other code than shop-staging runs"):
        here.promote()
    here.tools.git = {"rev-parse --short=12 --verify --quiet HEAD": "abc123abc123"}
    here.deploy("staging")
    result = here.promote()
    tags = [here.shares()[0][0], here.shares("shop-staging")[0][0]]
    assert tags[0].split("-")[1] == tags[1].split("-")[1]
    assert result.version.id == here.api.live["shop-staging"]
    # Files that are no part of the upload do not count; those that are do.
    (here.root / "README.md").write_text("More.")
    here.promote()
    here.code("three")
    assert here.promote(dry_run=True).deployed.findings
    before = list(here.tools.mutations)
    with pytest.raises(UsageError):
        here.promote()
    assert here.tools.mutations == before


def test_a_promotion_names_the_commit_to_check_out(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    here.tools.git = {"rev-parse --short=12 --verify --quiet HEAD": "abc123abc123"}
    monkey = here.deploy("staging")
    assert monkey.deployment.version_id == here.api.live["shop-staging"]
    here.code("three")
    with pytest.raises(UsageError) as caught:
        here.promote()
    assert "commit abc123abc123" in caught.value.message
    assert "git switch --detach abc123abc123" in caught.value.hint
    # The commit is checked out, and edited.
    changed = "".join(f" M src/{n}.js\n" for n in range(7))
    here.tools.git["rev-parse --verify --quiet HEAD"] = "abc123abc123" + "0" * 28
    here.tools.git["status --porcelain --untracked-files=normal -- ."] = changed
    with pytest.raises(UsageError) as caught:
        here.promote()
    assert "git switch" not in caught.value.hint
    assert "not committed: commit or stash them.\n   M src/0.js\n" in caught.value.hint
    assert "src/4.js\n  and 2 more\n" in caught.value.hint


def test_only_code_that_is_known_and_has_all_traffic_is_promoted(rollout: Start) -> None:
    here = rollout()
    with pytest.raises(UsageError, match="the two environments are the same"):
        here.promote("")
    uploads = here.api.rollouts.uploads["shop-staging"]
    uploads[-1]["annotations"] = {}
    with pytest.raises(UsageError, match="it is not known which code shop-staging runs"):
        here.promote()
    here.deploy("staging")
    here.code("two")
    here.deploy("staging", rollout=gradual.Rollout(10))
    with pytest.raises(UsageError, match="two versions share the traffic of shop-staging"):
        here.promote()
    here.api.rollouts.forget("shop-staging")
    del here.api.live["shop-staging"]
    with pytest.raises(UsageError, match="shop-staging is not deployed"):
        here.promote()


def test_a_rollback_goes_back_once(rollout: Start) -> None:
    here = rollout()
    for text in ("two", "three"):
        here.code(text)
        here.deploy()
    ids = [item["id"] for item in here.api.rollouts.uploads["shop"]]
    plan, done = here.rollback(dry_run=True)
    assert (plan.to.id, done, here.api.live["shop"]) == (ids[1], False, ids[2])
    plan, done = here.rollback()
    assert (plan.to.id, done, here.api.live["shop"]) == (ids[1], True, ids[1])
    plan, done = here.rollback()
    assert (plan.to.id, plan.is_done, done) == (ids[1], True, False)
    assert here.rollback(ids[0][:36])[0].to.id == ids[0]
    assert here.api.live["shop"] == ids[0]
    here.deploy()
    assert here.rollback()[0].to.id == ids[0]


def test_a_rollback_names_what_it_does_not_undo(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    (here.root / "migrations" / "0002_less.sql").write_text(BREAKING)
    here.deploy()
    here.migrate_later("0002_less.sql")
    kept = here.rollback(dry_run=True)[0].kept
    assert "shop-db keeps the migrations that came after it: 0002_less.sql" in kept
    assert any(item.startswith("migrations/0002_less.sql:1: notes.kind is") for item in kept)
    assert any("wrangler d1 time-travel restore DB --timestamp=20" in item for item in kept)
    # It is of use without the permission to read databases.
    here.api.forbidden = {"d1"}
    [said] = [item for item in here.rollback(dry_run=True)[0].kept if "can't be read" in item]
    assert "not allowed to read d1" in said


def test_a_rollback_does_not_cross_a_class_migration(rollout: Start) -> None:
    here = rollout()
    path = here.root / "wrangler.toml"
    path.write_text(path.read_text().replace("\n[env.", f"{CLASSES}\n[env."))
    here.deploy()
    before = list(here.tools.mutations)
    with pytest.raises(UsageError, match="Durable Object migration"):
        here.rollback()
    assert here.tools.mutations == before


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("", "no version was live before"),
        ("ffff", "no recent version begins with ffff"),
        ("000", "versions begin with 000"),
    ],
)
def test_a_rollback_without_a_version_to_go_to_is_refused(
    rollout: Start, version: str, message: str
) -> None:
    here = rollout()
    here.code("two")
    if version:
        here.deploy()
    with pytest.raises(UsageError, match=message):
        here.rollback(version)


def test_an_older_wrangler_deploys_without_a_tag(rollout: Start) -> None:
    here = rollout()
    here.tools.refuses_tags = True
    here.code("two")
    here.deploy()
    assert here.shares() == [("", 100)]


def test_a_dry_run_names_pending_migrations_and_what_they_break(
    rollout: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    here = rollout()
    (here.root / "migrations" / "0002_less.sql").write_text(BREAKING)
    view = DeployView(Output(), yes=False, again=("deploy",))
    view.show(here.deploy(dry_run=True))
    said = " ".join("".join(capsys.readouterr()).split())
    assert "Ready to deploy" in said
    assert "0002_less.sql" in said.partition("note:")[0]
    assert "note: migrations/0002_less.sql:1: notes.kind is dropped" in said
