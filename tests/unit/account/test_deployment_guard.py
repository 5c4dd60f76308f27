"""Somebody else deploys while a run is under way: it stops, and leaves that as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import cfpy.account.deploy as plain
import cfpy.account.gradual as gradual
from account_in_process import InProcess, refused
from cfpy.account.deployment_guard import DeploymentGuard
from cfpy.account.health import Answer
from cfpy.account.planning import PlanRequest
from cfpy.account.planning import run as run_plan
from cfpy.account.provision import ProvisionRequest
from cfpy.account.provision import run as run_provision
from cfpy.account.releases import Release, Releases, Version
from cfpy.errors import DeploymentChangedError, RolledBackError, UsageError
from preview_account import Fault
from rollout_stage import RolloutStage

Start = Callable[[], RolloutStage]
MOMENT = 0.01
WELL, SICK = Answer("200 OK", healthy=True), Answer("500 Internal Server Error")


def live(here: RolloutStage) -> dict[str, float]:
    newest = here.api.rollouts.releases["shop"][-1]["versions"]
    return {item["version_id"]: item["percentage"] for item in newest}


def uploads(here: RolloutStage) -> list[str]:
    return [item["id"] for item in here.api.rollouts.uploads["shop"]]


def uploaded(here: RolloutStage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = here.api.rollouts.uploads["shop"]
    return found


def with_secret(here: RolloutStage, *names: str) -> plain.Provisioning:
    """The project needs secrets, and the command has their values."""
    wanted = names or ("TOKENS",)
    text = "\n".join(f'[[secrets]]\nname = "{name}"' for name in wanted)
    (here.root / "cfpy.toml").write_text(text)
    asked = ProvisionRequest(here.root, "", dict.fromkeys(wanted, "t"), lambda _: None, None)
    return plain.Provisioning(asked, lambda _: None)


def answering(monkeypatch: pytest.MonkeyPatch, *given: Answer | Callable[[], Answer]) -> None:
    """What a version answers, or what happens when it is asked; the last one from then on."""
    queue = list(given)

    def ask(*_: Any) -> Answer:
        found = queue.pop(0) if len(queue) > 1 else queue[0]
        return found() if callable(found) else found

    monkeypatch.setattr(gradual, "ask", ask)
    monkeypatch.setattr(plain, "ask", ask)


def stopped(here: RolloutStage, run: Callable[[], Any]) -> DeploymentChangedError:
    """The error; what the colleague made live stays."""
    with pytest.raises(DeploymentChangedError) as caught:
        run()
    assert caught.value.exit_code == 14
    assert "cfpy status" in caught.value.hint
    assert "to continue" not in caught.value.hint
    return caught.value


def test_a_watch_does_not_undo_a_rollback(rollout: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    here = rollout()
    here.code("two")

    def taken_back() -> Answer:
        here.colleague({here.first: 100}, "cfpy: back from 2")
        return WELL

    # The first answer is from before the version gets traffic.
    answering(monkeypatch, WELL, taken_back, WELL)
    error = stopped(here, lambda: here.share(10, MOMENT, health="/health"))
    assert live(here) == {here.first: 100}
    assert f"version {here.first} has all traffic, since" in error.message
    assert ", by a@b.test" in error.message


def test_a_watch_stops_at_the_next_look(rollout: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    here = rollout()
    here.code("two")
    asked: list[int] = []

    def taken_back() -> Answer:
        asked.append(1)
        if len(asked) == 2:
            here.colleague({here.first: 100})
        return WELL

    answering(monkeypatch, taken_back)
    stopped(here, lambda: here.share(10, 3600, health="/health"))
    assert len(asked) == 2


def test_a_watch_does_not_undo_a_hotfix_when_it_goes_back(
    rollout: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = rollout()
    here.code("hotfix")
    here.deploy()
    [hotfix] = live(here)
    here.colleague({here.first: 100})
    here.code("two")

    def fixed() -> Answer:
        here.colleague({hotfix: 100})
        return SICK

    answering(monkeypatch, fixed, SICK)
    error = stopped(here, lambda: here.share(10, MOMENT, health="/health"))
    assert live(here) == {hotfix: 100}
    assert "was not well: its health check failed" in error.message
    assert f"version {hotfix} has all traffic" in error.message


@pytest.mark.parametrize("percent", [10, 50, 100])
def test_a_question_that_is_answered_too_late_changes_nothing(
    rollout: Start, percent: float
) -> None:
    here = rollout()
    here.code("two")
    here.share(10)
    here.when_asked = lambda: here.colleague({here.first: 100})
    before = list(here.tools.mutations)
    stopped(here, lambda: here.share(percent))
    stopped(here, here.deploy)
    assert (live(here), here.tools.mutations) == ({here.first: 100}, before)


def test_a_rollback_looks_again_after_its_question(rollout: Start) -> None:
    here = rollout()
    for text in ("two", "three"):
        here.code(text)
        here.deploy()
    two = uploads(here)[1]
    here.when_asked = lambda: here.colleague({two: 100})
    stopped(here, lambda: here.rollback(here.first))
    assert live(here) == {two: 100}


def test_a_promotion_looks_again(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    for environment in ("staging", ""):
        here.deploy(environment)
    here.code("three")
    here.deploy("staging")
    here.when_asked = lambda: here.colleague({here.first: 100})
    for options in ({}, {"rollout": gradual.Rollout(10)}):
        stopped(here, lambda options=options: here.promote(**options))
        assert live(here) == {here.first: 100}
        here.colleague({uploads(here)[1]: 100})


def test_a_plain_deployment_does_not_go_back_over_somebody_elses(
    rollout: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = rollout()
    here.code("two")

    def fixed() -> Answer:
        here.colleague({here.first: 100}, "by hand")
        return SICK

    answering(monkeypatch, fixed)
    options = {"health": "/health", "url": "https://shop.example", "rollback_on_failure": True}
    error = stopped(here, lambda: here.deploy(**options))
    assert here.api.rollouts.releases["shop"][-1]["annotations"]["workers/message"] == "by hand"
    assert "its health check failed" in error.message
    # Without anybody else, it does.
    answering(monkeypatch, SICK)
    here.code("three")
    with pytest.raises(plain.CfpyError, match=f"version {here.first} is live again"):
        here.deploy(**options)
    assert live(here) == {here.first: 100}


def test_what_was_overruled_within_seconds_is_told(rollout: Start) -> None:
    """Nothing can prevent it: Cloudflare has no conditional deployment."""
    here = rollout()
    here.code("two")
    here.share(10)
    share = here.tools.run

    def late(argv: Any, **options: Any) -> Any:
        if "versions" in argv and "deploy" in argv:
            here.colleague({here.first: 100}, "by hand")
        return share(argv, **options)

    here.tools.run = late  # type: ignore[method-assign]
    error = stopped(here, lambda: here.share(50))
    assert f"was overruled: version {here.first} has all traffic" in error.message
    assert "has 50 % of the traffic" in error.message


def test_what_a_plain_deployment_overrules_is_told(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    run = here.tools.run

    def late(argv: Any, **options: Any) -> Any:
        if "deploy" in argv and "--dry-run" not in argv:
            here.colleague({here.first: 100}, "by hand")
        return run(argv, **options)

    here.tools.run = late  # type: ignore[method-assign]
    error = stopped(here, here.deploy)
    [two] = live(here)
    assert f"was overruled: version {here.first} has all traffic" in error.message
    assert f"Now version {two}" in error.message


def test_a_lost_answer_is_not_taken_for_somebody_else(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    here.share(10)
    here.tools.mutations.clear()
    here.tools.fault = 1, Fault(500, applied=True)
    assert here.share(50).shared.percent == 50
    assert list(live(here).values()) == [50, 50]


class Listed(Releases):
    """A list of deployments, which may lag behind."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def history(self) -> tuple[Release, ...]:
        return tuple(Release(name, {name[0]: 100}) for name in self.names)


@pytest.mark.parametrize(
    ("shares", "reason", "accepted"),
    [
        ({"a": 100}, "upload", True),
        ({"b": 100}, "secret", True),
        ({"b": 100}, "upload", False),
        ({"b": 50, "a": 50}, "secret", False),
    ],
    ids=str,
)
def test_after_a_change_of_secrets_only_their_version_is_accepted(
    shares: dict[str, float], reason: str, accepted: bool
) -> None:
    """Everything else is somebody else's: an upload, a rollback, a rollout."""

    class Changed(Listed):
        def history(self) -> tuple[Release, ...]:
            return (Release("d" + "".join(shares), shares), *super().history())

        def version(self, id_: str) -> Version:
            return Version(id_, 2, "", reason=reason)

    guard = DeploymentGuard(Changed("da"), "shop", Release("da", {"a": 100}))
    if accepted:
        guard.renew()
        guard.look()
        return
    with pytest.raises(DeploymentChangedError, match="somebody else"):
        guard.renew()


def test_a_rollout_below_the_version_of_a_secret_is_seen() -> None:
    class Both(Listed):
        def history(self) -> tuple[Release, ...]:
            return (
                Release("d3", {"c": 100}),
                Release("d2", {"a": 50, "b": 50}, "by hand"),
                Release("d1", {"a": 100}),
            )

        def version(self, id_: str) -> Version:
            return Version(id_, 3, "", reason="secret")

    with pytest.raises(DeploymentChangedError, match="version a has 50 % of the traffic"):
        DeploymentGuard(Both(), "shop", Release("d1", {"a": 100})).renew()


def test_two_first_deployments_are_not_taken_for_one() -> None:
    class First(Listed):
        def version(self, id_: str) -> Version:
            return Version(id_, 1, "", reason="upload")

        def is_stub(self, version: str) -> bool:
            return version == "s"

    DeploymentGuard(First("s1"), "shop", None).renew()
    with pytest.raises(DeploymentChangedError, match="version t has all traffic"):
        DeploymentGuard(First("t2", "s1"), "shop", None).renew()


def test_a_deployment_may_appear_late() -> None:
    listed = Listed("a1")
    guard = DeploymentGuard(listed, "shop", listed.history()[0])
    guard.change(["b"], "", lambda: None)
    guard.look()
    listed.names = ("b2", "a1")
    guard.look()
    for newest in ("a1", "b3", "c3"):
        listed.names = (newest, "b2", "a1")
        with pytest.raises(DeploymentChangedError):
            guard.look()
    listed.names = ()
    with pytest.raises(DeploymentChangedError, match="not deployed any more"):
        guard.look()


def test_an_account_that_can_not_be_read_once_is_watched_on(
    rollout: Start, cloudflare: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = rollout()
    here.code("two")
    asked: list[int] = []

    def hidden() -> Answer:
        asked.append(1)
        if len(asked) == 2:
            path = "workers/scripts/shop/deployments"
            cloudflare.instead[path] = [refused(500, 10001) for _ in range(4)]
        return WELL

    answering(monkeypatch, hidden)
    assert here.share(10, MOMENT, health="/health").shared.percent == 100


@pytest.mark.parametrize("trigger", ["secret", "secret_bulk", "", "upload"])
def test_the_secrets_that_a_run_sets_are_nobody_elses(rollout: Start, trigger: str) -> None:
    """Each change of a secret is a deployment."""
    here = rollout()
    here.api.rollouts.secret_trigger = trigger
    here.code("two")
    asked = with_secret(here)
    here.deploy(provision=asked)
    assert [made["annotations"].get("workers/triggered_by", "") for made in uploaded(here)] == [
        "upload",
        trigger,
        "upload",
    ]
    assert live(here) == {uploads(here)[-1]: 100}
    secrets = [
        item for item in uploaded(here)[-1]["resources"]["bindings"] if "text" in item["type"]
    ]
    assert [item["name"] for item in secrets] == ["TOKENS"]


def test_going_back_to_a_version_of_a_secret_is_somebody_elses(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    here.deploy(provision=with_secret(here))
    assert [item["annotations"]["workers/triggered_by"] for item in uploaded(here)][1] == "secret"
    here.code("three")
    asked = with_secret(here, "TOKENS", "KEY")
    back = plain.Provisioning(asked.request, lambda _: here.colleague({uploads(here)[1]: 100}))
    stopped(here, lambda: here.deploy(provision=back))
    assert live(here) == {uploads(here)[1]: 100}


def test_a_secret_is_not_set_during_a_rollout(rollout: Start) -> None:
    """It would end it."""
    here = rollout()
    here.code("two")
    here.share(10)
    asked = with_secret(here)
    before = list(here.tools.mutations)
    runs = [
        lambda: run_provision(here.context(), asked.request, here.confirm, lambda _: None),
        lambda: here.deploy(provision=asked),
        lambda: here.share(50, provision=asked),
    ]
    for run in runs:
        with pytest.raises(
            UsageError, match="TOKENS: a new secret would end the rollout"
        ) as caught:
            run()
        assert caught.value.exit_code == 2
        assert "has 10 % of the traffic" in caught.value.message
        for way in ("cfpy deploy --percent 100", "cfpy rollback", "Nothing was changed"):
            assert way in caught.value.hint
    [found] = here.deploy(dry_run=True, provision=asked).findings
    assert found.message == caught.value.message
    assert found.message in run_plan(here.context(), PlanRequest(here.root, "")).notices
    assert here.tools.mutations == before
    # Cloudflare refuses it, too, until the last upload is live again.
    here.rollback()
    with pytest.raises(UsageError, match=f"version {uploads(here)[-1]}, is not deployed") as caught:
        here.deploy(provision=asked)
    assert "cfpy wrangler versions secret put TOKENS --name shop" in caught.value.hint
    here.colleague({uploads(here)[-1]: 100})
    here.code("three")
    here.share(10, provision=asked)
    assert [part for _, part in here.shares()] == [10, 90]


def test_a_rollback_over_a_secret_says_that_the_code_stays(rollout: Start) -> None:
    here = rollout()
    asked = with_secret(here)
    run_provision(here.context(), asked.request, here.confirm, lambda _: None)
    plan, done = here.rollback()
    assert (plan.to.id, done, live(here)) == (here.first, True, {here.first: 100})
    assert (
        "the code stays: it is that of the live version, with other secrets or settings"
        in plan.kept
    )
    assert "secrets were changed after it: it has their old values" in plan.kept


def test_a_plain_deployment_does_not_end_a_rollout_of_other_code(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    version = here.share(10).shared.version
    here.code("three")
    before = list(here.tools.mutations)
    with pytest.raises(UsageError, match="a rollout of other code is under way") as caught:
        here.deploy()
    assert caught.value.exit_code == 2
    assert f"version {version} has 10 % of the traffic" in caught.value.message
    assert ", by a@b.test" in caught.value.message
    for way in (f"versions deploy {version}@100%", "cfpy rollback", "Nothing was changed"):
        assert way in caught.value.hint
    [found] = here.deploy(dry_run=True).findings
    assert found.message == caught.value.message
    assert here.tools.mutations == before
    here.rollback()
    here.deploy()
    assert [part for _, part in here.shares()] == [100]


def test_the_code_of_a_rollout_can_be_deployed_at_once(rollout: Start) -> None:
    here = rollout()
    here.code("two")
    tag = here.share(10) and here.shares()[0][0]
    here.deploy()
    assert here.shares() == [(tag, 100)]


def test_a_plan_tells_of_a_rollout(rollout: Start) -> None:
    here = rollout()
    request = PlanRequest(here.root, "")
    assert run_plan(here.context(), request).notices == ()
    here.code("two")
    version = here.share(10).shared.version
    [notice] = run_plan(here.context(), request).notices
    assert notice.startswith(f"a rollout is under way: version {version} has 10 % of the traffic")
    assert "cfpy deploy --percent 100" in notice
    assert "cfpy rollback" in notice


def test_going_back_works_as_long_as_nobody_else_deploys(
    rollout: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = rollout()
    here.code("two")
    answering(monkeypatch, WELL, SICK)
    with pytest.raises(RolledBackError):
        here.share(10, MOMENT, health="/health")
    assert live(here) == {here.first: 100}
