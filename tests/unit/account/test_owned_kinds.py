"""The kinds that an account owns: each has one module, and a new one needs no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cfpy.account import diff, notices, resources, teardown
from cfpy.account.comparison import Comparison, Permission, Removal
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.observed import Found, ObservedState
from cfpy.account.owned import registry
from cfpy.account.owned.access import AccessApplications
from cfpy.account.owned.kind import OwnedKind, OwnedResource
from cfpy.account.owned.outside import Changing
from cfpy.account.owned.workers_dev import Subdomain
from cfpy.account.plan import Action, Do
from cfpy.bindings.kinds.others import OTHERS
from cfpy.bindings.registry import OWNED
from cfpy.project.project import Project

BINDING = replace(
    next(kind for kind in OTHERS if kind.table == "pipelines"),
    owned="pipeline",
    subcommand="pipelines",
)


@dataclass(frozen=True)
class Pipeline:
    name: str


@dataclass(frozen=True)
class FoundPipeline(Found):
    kind = "pipeline"


class Pipelines(OwnedResource):
    """All that a new kind of resource has to say."""

    name = "pipeline"
    listed = "pipelines"
    binding = BINDING

    def wanted(self, scope: Scope) -> Iterator[Pipeline]:
        for item in scope.entries("pipelines"):
            yield Pipeline(scope.text(item, "pipeline", "pipelines"))

    def names(self, desired: DesiredState) -> list[str]:
        return [item.name for item in desired.all(Pipeline)]

    def plan(self, now: Comparison) -> Iterator[Action]:
        for name in self.names(now.desired):
            found = now.observed.get(FoundPipeline, name)
            do = Do.KEEP if found else Do.CREATE
            yield Action(do, self.name, name, "", id=name if found else "")

    def teardown(self, now: Removal) -> Iterator[Action]:
        for name in now.observed.all(FoundPipeline):
            yield self.decided(now, name, holds="it may hold events")


class Commands:
    """wrangler's commands, as they were given."""

    def __init__(self) -> None:
        self.given: list[tuple[str, ...]] = []

    def create(self, kind: str, name: str, *options: str) -> None:
        self.given.append((kind, name, *options))

    def delete(self, kind: str, id_: str, *options: str) -> None:
        self.given.append((kind, id_, *options))

    def change(self, what: str, *arguments: str, document: Any = None) -> None:
        raise AssertionError((what, arguments, document))


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> OwnedKind:
    """A new kind, registered."""
    new = Pipelines()
    for module in (diff, notices, resources, teardown):
        monkeypatch.setattr(module, "KINDS", (*registry.KINDS, new))
    monkeypatch.setattr(notices, "BY_NAME", {**registry.BY_NAME, new.name: new})
    return new


def wants(*names: str) -> DesiredState:
    """The needs of a project with these pipelines, read as from its files."""
    tables = [{"binding": f"P{number}", "pipeline": name} for number, name in enumerate(names)]
    config = {"name": "shop", "workers_dev": False, "pipelines": tables}
    return resources.desired_state(Project(Path("/nowhere"), config, ()))


def steps(actions: tuple[Action, ...]) -> list[tuple[Do, str]]:
    return [(action.do, action.key) for action in actions]


EMPTY = ObservedState("account")
THERE = ObservedState.of("account", [FoundPipeline("events")])


def test_a_new_kind_is_planned_and_carried_out(kind: OwnedKind) -> None:
    desired = wants("events")
    [action] = diff.diff(desired, EMPTY, {}).actions
    assert (action.do, action.key) == (Do.CREATE, "pipeline:events")
    assert steps(diff.diff(desired, THERE, {}).actions) == [(Do.KEEP, "pipeline:events")]
    commands = Commands()
    changing = Changing(commands, Path("/nowhere"), desired, lambda: EMPTY)
    kind.create(changing, replace(action, jurisdiction="eu"))
    kind.delete(changing, replace(action, id="events"))
    assert commands.given == [
        ("pipelines create", "events", "--jurisdiction=eu"),
        ("pipelines delete", "events"),
    ]


@pytest.mark.parametrize(
    ("created", "data", "others", "users", "reason"),
    [
        ({"pipeline:events": ""}, True, (), {}, ""),
        ({}, True, (), {}, "not created by cfpy"),
        ({"pipeline:events": ""}, False, (), {}, "it may hold events"),
        ({"pipeline:events": ""}, True, ("events",), {}, "also used by the top level"),
        ({"pipeline:events": ""}, True, (), {"pipeline events": ["web"]}, "the Worker web"),
    ],
)
@pytest.mark.usefixtures("kind")
def test_a_new_kind_is_deleted_with_the_same_care(
    created: dict[str, str],
    data: bool,
    others: tuple[str, ...],
    users: dict[str, list[str]],
    reason: str,
) -> None:
    permission = Permission(created, frozenset(), data=data)
    others_want = [wants(*others)] if others else []
    plan = teardown.teardown(wants("events"), THERE, permission, others_want, users)
    [action] = plan.actions
    assert action.do is (Do.KEEP if reason else Do.DELETE)
    assert reason in action.reason


@pytest.mark.usefixtures("kind")
def test_a_new_kind_that_nobody_wants_any_more_is_named() -> None:
    created = {"pipeline:events": ""}
    assert diff.diff(wants("events"), THERE, created).notices == ()
    [said] = diff.diff(wants(), THERE, created).notices
    assert said.startswith("cfpy created pipeline:events, ")


def test_each_kind_of_binding_that_is_owned_has_its_module() -> None:
    assert {name: kind.binding for name, kind in registry.RESOURCES.items()} == OWNED


def test_each_step_has_one_kind() -> None:
    steps = [step for kind in registry.KINDS for step in (kind.name, *kind.parts)]
    assert len(steps) == len(set(steps)) == len(registry.BY_STEP)


@pytest.mark.parametrize("kind", registry.KINDS, ids=lambda kind: kind.name)
def test_a_project_and_an_account_without_a_kind_have_no_steps_for_it(kind: OwnedKind) -> None:
    project = Project(Path("/nowhere"), {"name": "shop", "workers_dev": False}, ())
    scope = Scope(project, "shop", project.wrangler)
    desired = DesiredState("shop", "")
    now = Removal(desired, EMPTY, {}, permission=Permission({}, frozenset(), data=True), users={})
    answers = [kind.plan(now), kind.notices(now), kind.teardown(now), kind.drift(now)]
    # A Worker always has a version, and addresses that are on or off.
    answers += [] if kind.name in ("version", "workers_dev") else [kind.wanted(scope)]
    for answer in (*answers, kind.unseen(now)):
        assert list(answer) == []
    assert not kind.exists(EMPTY, desired, Action(Do.DELETE, kind.name, "x", "", id="x"))


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({}, None),
        ({"ACCESS_AUD": ""}, None),
        ({"ACCESS_TEAM_DOMAIN": "", "ACCESS_AUD": ""}, "ACCESS_TEAM_DOMAIN and ACCESS_AUD are"),
        ({"ACCESS_TEAM_DOMAIN": "a.cloudflareaccess.com", "ACCESS_AUD": ""}, "ACCESS_AUD is"),
        ({"ACCESS_TEAM_DOMAIN": "a.cloudflareaccess.com", "ACCESS_AUD": "tag"}, None),
    ],
)
@pytest.mark.parametrize(
    ("routes", "hosts"),
    [
        ({}, ["Cloudflare Access for shop.test.workers.dev."]),
        (
            {"routes": [{"pattern": "shop.example", "custom_domain": True}], "workers_dev": True},
            ["for shop.test.workers.dev; and", "public hostname shop.example and no path."],
        ),
        ({"routes": ["shop.example/*"]}, ["public hostname of the routes and no path."]),
    ],
)
def test_a_notice_says_which_access_application_to_create(
    variables: dict[str, str],
    missing: str | None,
    routes: dict[str, Any],
    hosts: list[str],
    tmp_path: Path,
) -> None:
    tables = {"vars": variables, **routes}
    scope = Scope(Project(tmp_path, tables, ()), "shop", tables)
    wanted = tuple(item for kind in registry.KINDS for item in kind.wanted(scope))
    observed = ObservedState("account", {("workers_dev", "test"): Subdomain("test")})
    said = list(
        AccessApplications().notices(Comparison(DesiredState("shop", "", wanted), observed))
    )
    assert len(said) == (missing is not None)
    if missing:
        assert f"refuses everybody while {missing} empty" in said[0]
        assert all(host in said[0] for host in hosts)
        assert len(hosts) > 1 or ("workers.dev" in said[0]) == ("workers.dev" in hosts[0])
