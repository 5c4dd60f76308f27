"""What each kind of binding becomes in a new environment."""

from __future__ import annotations

from typing import Any

import pytest

from cfpy.bindings.environments import NewEnvironment, derive

OBJECT = {"name": "ROOM", "class_name": "Room"}
FLOW = {"binding": "FLOW", "name": "shop-flow", "class_name": "Flow"}


def derived(**tables: Any) -> NewEnvironment:
    return derive({"name": "shop", **tables}, "staging")


def test_the_class_of_another_worker_is_shared_and_listed() -> None:
    foreign = {**OBJECT, "name": "LOBBY", "script_name": "lobby"}
    new = derived(durable_objects={"bindings": [OBJECT, foreign]})
    assert new.tables["durable_objects"] == {"bindings": [OBJECT, foreign]}
    assert new.shared == {"durable_objects": ("LOBBY",)}


def test_a_workflow_of_another_worker_keeps_its_name_and_is_listed() -> None:
    foreign = {**FLOW, "binding": "THEIRS", "name": "their-flow", "script_name": "billing"}
    new = derived(workflows=[FLOW, foreign], vars={"A": "their-flow", "B": "shop-flow"})
    assert new.tables["workflows"] == [{**FLOW, "name": "shop-staging-flow"}, foreign]
    assert new.shared == {"workflows": ("THEIRS",)}
    assert new.renamed == {"shop-flow": "shop-staging-flow"}
    assert new.tables["vars"] == {"A": "their-flow", "B": "shop-staging-flow"}


@pytest.mark.parametrize(
    ("tables", "becomes"),
    [
        (
            {"durable_objects": {"bindings": [{**OBJECT, "script_name": "shop"}]}},
            {"durable_objects": {"bindings": [{**OBJECT, "script_name": "shop-staging"}]}},
        ),
        (
            {"workflows": [{**FLOW, "script_name": "shop"}]},
            {"workflows": [{**FLOW, "name": "shop-staging-flow", "script_name": "shop-staging"}]},
        ),
    ],
)
def test_a_class_of_this_worker_that_is_named_is_that_of_the_environment(
    tables: dict[str, Any], becomes: dict[str, Any]
) -> None:
    new = derived(**tables)
    assert new.tables == becomes
    assert new.shared == {}


def test_a_service_that_is_this_worker_is_that_of_the_environment() -> None:
    own, other = {"binding": "SELF", "service": "shop"}, {"binding": "MAIL", "service": "mail"}
    new = derived(services=[own, other])
    assert new.tables["services"] == [{**own, "service": "shop-staging"}, other]
    assert new.shared == {"services": ("MAIL",)}


@pytest.mark.parametrize(
    ("table", "item"),
    [
        ("ai_search", {"binding": "B", "instance_name": "docs"}),
        ("ai_search_namespaces", {"binding": "B", "namespace": "docs"}),
        ("agent_memory", {"binding": "B", "namespace": "x"}),
        ("artifacts", {"binding": "B", "namespace": "x"}),
        ("k2", {"binding": "B", "stream": "x"}),
        ("flagship", {"binding": "B", "app_id": "x"}),
        ("hyperdrive", {"binding": "B", "id": "x"}),
        ("tail_consumers", {"service": "B"}),
    ],
)
def test_what_points_to_something_in_the_account_is_listed(table: str, item: Any) -> None:
    new = derived(**{table: [item]})
    assert new.tables == {table: [item]}
    assert new.shared == {table: ("B",)}


@pytest.mark.parametrize("table", ["ai", "browser", "images", "stream", "media", "analytics"])
def test_what_has_no_data_is_repeated(table: str) -> None:
    new = derived(**{table: {"binding": "B"}})
    assert (new.tables, new.shared) == ({table: {"binding": "B"}}, {})


def test_what_wrangler_inherits_is_not_written() -> None:
    tables = {"assets": {"directory": "x"}, "triggers": {"crons": ["0 3 * * *"]}}
    assert derived(**tables, logfwdr={"bindings": [{"name": "B"}]}).tables == {}
