"""What others use of an account is told, and it is neither deleted nor overwritten unasked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from backup_stage import BackupStage

from account_in_process import InProcess, observe
from cfpy.account.cloudflare import Account
from cfpy.account.comparison import Permission
from cfpy.account.desired import DesiredState
from cfpy.account.diff import diff
from cfpy.account.observed import Found, ObservedState
from cfpy.account.owned.queue import ConsumerSettings, ObservedQueue, Queue
from cfpy.account.owned.r2 import ObservedBucket, R2Bucket
from cfpy.account.plan import Action, Do
from cfpy.account.teardown import teardown
from cfpy.errors import PlanConflictError
from cfpy.project.project import VectorizeIndex
from cloudflare_api import ACCOUNT, TOKEN

RULE = {"allowed": {"origins": ["https://a.test"], "methods": ["GET"]}}


def taken_down(wanted: list[object], found: list[Found], **more: Any) -> dict[str, Action]:
    """The steps that delete a project which created all that it names."""
    created = {item.key[0] + ":" + item.id: "" for item in found}
    permission = Permission(created, frozenset(), data=True)
    desired = DesiredState("shop", "", tuple(wanted))
    plan = teardown(desired, ObservedState.of("account", found), permission, **more)
    return {action.key: action for action in plan.actions}


def consumed(name: str, worker: str, dead_letters: str) -> ObservedQueue:
    workers = frozenset({worker} - {""})
    settings = ((worker, ConsumerSettings((), dead_letters)),)
    return ObservedQueue(name, workers, consumer_settings=settings)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (consumed("mail", "mailer", "dead"), "also used by the queue mail (dead letters)"),
        # A consumer over HTTP.
        (consumed("mail", "", "dead"), "also used by the queue mail (dead letters)"),
        (consumed("jobs", "mailer", "dead"), "also used by the queue jobs (dead letters)"),
        (consumed("jobs", "", "dead"), ""),
        (consumed("jobs", "shop", "dead"), ""),
        (consumed("mail", "mailer", "another"), ""),
    ],
)
def test_a_queue_for_dead_letters_of_others_stays(other: ObservedQueue, reason: str) -> None:
    found = taken_down([Queue("jobs"), Queue("dead")], [other, ObservedQueue("dead")])
    expected = (Do.KEEP if reason else Do.DELETE, reason)
    assert (found["queue:dead"].do, found["queue:dead"].reason) == expected


@pytest.mark.parametrize(("bucket", "stays"), [("photos", True), ("files", False)])
def test_a_queue_for_the_events_of_a_bucket_of_others_stays(bucket: str, stays: bool) -> None:
    wanted = [Queue("jobs"), R2Bucket("files")]
    found = taken_down(wanted, [ObservedQueue("jobs", buckets=frozenset({bucket}))])
    assert (found["queue:jobs"].do is Do.KEEP) == stays
    assert (bucket in found["queue:jobs"].reason) == stays


def test_a_queue_names_each_of_its_users_once() -> None:
    queue = ObservedQueue("jobs", frozenset({"mailer"}), frozenset({"shop", "shop-staging", "web"}))
    staging = DesiredState("shop-staging", "staging", (Queue("jobs"),))
    users = {"queue jobs": ("shop-staging", "web")}
    found = taken_down([Queue("jobs")], [queue], others=[staging], users=users)
    said = "also used by staging of the configuration, the Worker mailer and the Worker web"
    assert found["queue:jobs"].reason == said


def test_who_uses_a_queue_is_read(cloudflare: InProcess) -> None:
    producers = [{"type": "r2_bucket", "bucket_name": "photos"}, {"type": "worker", "script": "a"}]
    consumers = [{"type": "http_pull", "dead_letter_queue": "dead", "settings": {}}]
    listed = [{"queue_name": "jobs", "producers": producers, "consumers": consumers}]
    info = {"total_count": 1}
    answer = {"success": True, "errors": [], "result": listed, "result_info": info}
    cloudflare.instead["queues"] = [httpx.Response(200, json=answer)]
    queue = observe(Account(TOKEN, ACCOUNT), Queue("jobs")).get(ObservedQueue, "jobs")
    assert queue
    assert (queue.buckets, queue.producers, queue.consumers) == ({"photos"}, {"a"}, set())
    assert dict(queue.consumer_settings)[""].dead_letter_queue == "dead"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (R2Bucket("files"), "r2:files is also used by the top level of the configuration"),
        (Queue("jobs"), "queue:jobs is also used by the top level of the configuration"),
        (VectorizeIndex("docs"), "vectorize:docs is also used by the top level of the conf"),
    ],
)
def test_what_environments_share_is_named_by_the_plan(wanted: object, said: str) -> None:
    staging = DesiredState("shop-staging", "staging", (wanted,))
    empty = ObservedState("account")
    shared = diff(staging, empty, {}, [DesiredState("shop", "", (wanted,))])
    assert any(notice.startswith(said) for notice in shared.notices)
    alone = diff(staging, empty, {}, [DesiredState("shop", "")])
    assert not any("also used" in notice for notice in alone.notices)


def test_rules_of_a_bucket_that_are_removed_are_counted() -> None:
    desired = DesiredState("shop", "", (R2Bucket("files", cors=(RULE,)),))
    kept, other = RULE | {"id": "1"}, {"allowed": {"origins": ["*"], "methods": ["PUT"]}}
    for rules, said in (((kept, other), True), ((), False)):
        observed = ObservedState.of("account", [ObservedBucket("files", cors=rules)])
        [step] = [i for i in diff(desired, observed, {}).actions if i.kind == "r2_cors"]
        assert step.do is Do.UPDATE
        assert ("of those that it has now, 1 is removed" in step.reason) == said


# Restores.


def share(here: BackupStage, kind: str) -> None:
    """Let staging use a resource of the top level, and nothing else."""
    config = here.root / "wrangler.toml"
    tables = ("d1_databases", "kv_namespaces", "r2_buckets", "vectorize")
    table = dict(zip(("d1", "kv", "r2", "vectorize"), tables, strict=True))[kind]
    [lines] = [i for i in config.read_text().split("[[") if i.startswith(f"{table}]]")]
    config.write_text(f"{config.read_text()}\n[env.staging]\n[[env.staging.{lines}")


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("kind", "key"),
    [("d1", "d1:DB"), ("kv", "kv:CACHE"), ("r2", "r2:FILES"), ("vectorize", "vectorize:INDEX")],
)
@pytest.mark.parametrize("to", [None, "staging"])
def test_a_restore_does_not_overwrite_what_another_environment_uses(
    backup_stage: BackupStage, to: str | None, kind: str, key: str, dry_run: bool
) -> None:
    here = backup_stage
    made = str(here.create(only=(kind,)).folder)
    share(here, kind)
    here.damage()
    before = here.outcome()
    user = "the top level" if to else "staging"
    with pytest.raises(PlanConflictError, match=f"{user} of the configuration") as caught:
        here.restore(made, to=to, dry_run=dry_run)
    assert f"--skip {key}" in caught.value.hint
    assert "--shared" in caught.value.hint
    assert here.outcome() == before
    restored = here.restore(made, to=to, dry_run=True, shared=True)
    assert restored
    assert f"is also used by {user} of the configuration" in restored.plan.notices[0]


def test_a_restore_does_not_overwrite_what_another_worker_uses(backup_stage: BackupStage) -> None:
    here = backup_stage
    made = str(here.create().folder)
    whole = here.outcome()
    here.damage()
    here.api.scripts["mailer"] = []
    id_ = here.api.database_id("db")
    here.api.bindings["mailer"] = [{"type": "d1", "name": "X", "id": id_}]
    with pytest.raises(PlanConflictError, match="d1:DB: db is also used by the Worker mailer"):
        here.restore(made)
    assert here.restore(made, skip=("d1:DB",))
    assert here.rows() != whole[0]
    restored = here.restore(made, shared=True)
    assert restored
    assert "the Worker mailer" in restored.plan.notices[0]
    assert here.rows() == whole[0]
