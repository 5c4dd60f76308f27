"""An environment that was removed from the configuration by hand: what it has in the account is
named, and can be deleted."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cfpy.account.destroy import DestroyRequest
from cfpy.account.destroy import run as run_destroy
from cfpy.account.env import list_removed
from cfpy.account.plan import Plan
from cfpy.account.planning import PlanRequest
from cfpy.account.planning import run as run_plan
from cfpy.account.status import StatusRequest
from cfpy.account.status import run as run_status
from cfpy.errors import UsageError
from preview_account import FAULTS, PreviewTools
from rollout_stage import RolloutStage

MORE = """
[[env.staging.r2_buckets]]
binding = "FILES"
bucket_name = "shop-staging-files"

[[env.staging.queues.producers]]
binding = "JOBS"
queue = "shop-staging-jobs"
"""
KEYS = ("d1:shop-staging-db", "queue:shop-staging-jobs", "r2:shop-staging-files")


class Removal:
    """A project whose staging was removed from the file."""

    def __init__(self, here: RolloutStage) -> None:
        self.here = here
        config = here.root / "wrangler.toml"
        before = config.read_text()
        config.write_text(before + MORE)
        here.deploy("staging")
        here.api.consumers["shop-staging-jobs"] = "shop-staging"
        config.write_text(before[: before.index("[env.staging]")])
        # wrangler must not be asked for an environment that it can't find.
        here.tools = PreviewTools(here.api)  # type: ignore[assignment]

    def plan(self, environment: str = "") -> Plan:
        return run_plan(self.here.context(), PlanRequest(self.here.root, environment))

    def destroy(self, environment: str = "staging", *, dry_run: bool = False) -> Plan | None:
        asked = DestroyRequest(self.here.root, environment, True, frozenset(), dry_run)
        return run_destroy(self.here.context(), asked, self.here.confirm, lambda _: None)

    @property
    def recorded(self) -> set[str]:
        record = json.loads((self.here.root / "cfpy.state.json").read_text())
        return set(record["environments"])

    def staging(self) -> list[str]:
        api = self.here.api
        named = (api.databases, api.buckets, api.queues, api.scripts, api.consumers)
        return [name for of in named for name in of if "staging" in name]


@pytest.fixture
def removal(rollout: Callable[[], RolloutStage]) -> Callable[[], Removal]:
    return lambda: Removal(rollout())


def test_every_command_that_looks_names_it(removal: Callable[[], Removal]) -> None:
    here = removal()
    root = here.here.root
    destroyed = here.destroy("", dry_run=True)
    assert destroyed is not None
    plans = [here.plan(), run_status(here.here.context(), StatusRequest(root, "")).plan, destroyed]
    for plan in plans:
        [said] = [notice for notice in plan.notices if "staging" in notice]
        assert f"cfpy created {', '.join((*KEYS, 'worker:shop-staging'))}" in said
        assert "cfpy destroy --env staging --delete-data" in said
    assert list_removed(root) == {"staging": (*KEYS, "worker:shop-staging")}
    with pytest.raises(UsageError, match="no longer has the environment") as error:
        here.plan("staging")
    assert "cfpy destroy --env staging" in error.value.hint


def test_it_can_be_destroyed_and_nothing_else_is(removal: Callable[[], Removal]) -> None:
    here = removal()
    others = here.plan()
    here.destroy()
    assert here.staging() == []
    assert here.recorded == {""}
    now = here.plan()
    assert now.actions == others.actions
    assert not any("staging" in notice for notice in now.notices)
    with pytest.raises(UsageError, match="has no environment"):
        here.destroy()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_broken_destroy_of_it_is_finished_by_the_next(
    fault: object, removal: Callable[[], Removal]
) -> None:
    # The consumer, the Worker, the queue, the database and the bucket.
    for number in (1, 2, 4, 5):
        here = removal()
        here.here.broken(here.destroy, number, fault)  # type: ignore[arg-type]
        if "staging" in here.recorded:
            here.destroy()
        assert here.staging() == [], number
        assert here.recorded == {""}, number


def test_what_others_created_or_use_is_kept(removal: Callable[[], Removal]) -> None:
    here = removal()
    record = here.here.root / "cfpy.state.json"
    # As if ours was deleted, and somebody had created another one with its name.
    known = here.here.api.database_id("shop-staging-db")
    record.write_text(record.read_text().replace(known, "00000000-0000-4000-8000-000000000000"))
    config = here.here.root / "wrangler.toml"
    config.write_text(config.read_text() + MORE.replace("env.staging.", ""))
    plan = here.destroy()
    assert plan is not None
    assert here.staging() == ["shop-staging-db", "shop-staging-files", "shop-staging-jobs"]


def test_a_first_deployment_that_is_refused_leaves_no_claim(
    rollout: Callable[[], RolloutStage],
) -> None:
    here = rollout()
    run_destroy(
        here.context(),
        DestroyRequest(here.root, "", False, frozenset(), dry_run=False),
        here.confirm,
        lambda _: None,
    )
    here.broken(here.deploy, 1, FAULTS[0])
    assert "shop" not in here.api.scripts
    record = json.loads((here.root / "cfpy.state.json").read_text())
    assert "worker:shop" not in record["environments"][""]["created"]
    assert "d1:shop-db" in record["environments"][""]["created"]
