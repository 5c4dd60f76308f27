"""An estimate counts, or names, every key of wrangler's configuration that can cost money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cfpy.bindings.registry import KINDS
from cfpy.bindings.stances import OTHERS
from cfpy.cost import logs, other_keys
from cfpy.cost.coverage import omissions
from cfpy.errors import ProjectError

OUTER = {kind.outer for kind in KINDS}


def left_out(**tables: Any) -> list[tuple[str, str]]:
    return [(o.name, o.table) for o in omissions(tables, (), runs_cron=False)]


def test_each_key_of_wrangler_is_a_kind_or_free_or_named() -> None:
    # That OTHERS and the kinds have all keys of the pinned wrangler: acceptance/test_stances.py.
    assert other_keys.FREE | other_keys.NAMED.keys() | OUTER == set(OTHERS) | OUTER
    assert not other_keys.FREE & (other_keys.NAMED.keys() | OUTER)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"logpush": True}, [("logpush", "logpush")]),
        ({"site": {"bucket": "./public"}}, [("./public", "site")]),
        ({"cloudchamber": {"image": "x"}}, [("cloudchamber", "cloudchamber")]),
        ({"containers": [{"class_name": "C"}]}, [("C", "containers")]),
        ({"containers": [{"image": "x"}]}, [("containers", "containers")]),
        ({"access": {"dev": {"aud": "x"}}}, [("access", "access")]),
        ({"addresses": ["a@b.example"]}, [("a@b.example", "addresses")]),
        ({"connect": [{"port": 25}]}, [("25", "connect")]),
        ({"previews": {"logpush": True}}, [("previews", "previews")]),
        ({"exports": {"Room": {"type": "durable-object"}}}, [("Room", "exports")]),
        ({"exports": {"Flow": {"type": "workflow"}}}, [("Flow", "exports")]),
        ({"exports": {"Odd": {"type": "unheard-of"}, "Odder": 1}}, ["Odd", "Odder"]),
        ({"migrations": [{"new_sqlite_classes": ["Room", "Hall"]}]}, ["Room", "Hall"]),
        ({"migrations": [{"new_classes": ["Room"]}]}, [("Room", "migrations")]),
        (
            {
                "migrations": [
                    {"new_classes": ["A", "B"]},
                    {"renamed_classes": [{"from": "A", "to": "C"}], "deleted_classes": ["B"]},
                ]
            },
            [("C", "migrations")],
        ),
        ({"triggers": {"events": [{"type": "pushed"}]}}, [("pushed", "triggers")]),
        ({"unsafe": {"metadata": {"x": 1}}}, [("unsafe.metadata", "unsafe")]),
        ({"unsafe_hello_world": [{"binding": "H"}]}, [("H", "unsafe_hello_world")]),
        ({"tail_consumers": [{"service": "t"}]}, [("t", "tail_consumers")]),
        ({"streaming_tail_consumers": [{"service": "t"}]}, [("t", "streaming_tail_consumers")]),
        ({"logfwdr": {"bindings": [{"name": "L"}]}}, [("L", "logfwdr.bindings")]),
        ({"browser": {"remote": True}}, [("browser", "browser")]),
        ({"key_of_next_year": {"x": 1}}, [("key_of_next_year", "key_of_next_year")]),
    ],
)
def test_what_can_cost_money_is_named(tables: dict[str, Any], expected: list[Any]) -> None:
    found = left_out(**tables)
    assert [item if isinstance(expected[0], tuple) else item[0] for item in found] == expected


@pytest.mark.parametrize(
    "tables",
    [
        {key: {"x": 1} for key in other_keys.FREE - {"observability"}},
        {"logpush": False, "site": {}, "exports": {}, "migrations": [], "unsafe": {}},
        {"exports": {"Entry": {"type": "worker"}}},
        {"exports": {"Old": {"type": "durable-object", "state": "deleted"}}},
        {"migrations": [{"new_classes": ["A"]}, {"deleted_classes": ["A"]}]},
        {"key_of_next_year": None, "triggers": {"events": []}},
    ],
)
def test_what_costs_nothing_is_not_named(tables: dict[str, Any]) -> None:
    assert left_out(**tables) == []


def test_a_bound_class_is_named_once() -> None:
    bound = {"bindings": [{"name": "ROOM", "class_name": "Room"}]}
    found = left_out(durable_objects=bound, migrations=[{"new_sqlite_classes": ["Room"]}])
    assert found == [("ROOM", "durable_objects.bindings")]


@pytest.mark.parametrize(
    ("table", "events"),
    [
        (None, "0"),
        ({}, "0"),
        ({"enabled": False}, "0"),
        ({"enabled": True}, "2"),
        ({"enabled": True, "head_sampling_rate": 0.05}, "0.10"),
        ({"enabled": True, "head_sampling_rate": 0}, "0"),
        ({"logs": {"enabled": True}}, "2"),
        ({"enabled": False, "logs": {"enabled": True}}, "2"),
        ({"enabled": True, "logs": {"enabled": False}}, "0"),
        ({"enabled": True, "logs": {"invocation_logs": False}}, "1"),
        ({"enabled": True, "logs": {"persist": False, "destinations": ["x"]}}, "0"),
        ({"enabled": True, "head_sampling_rate": 1, "logs": {"head_sampling_rate": 0.5}}, "1.0"),
    ],
)
def test_the_events_of_workers_logs_are_counted(table: Any, events: str) -> None:
    assert logs.events_of_a_call({"observability": table}) == Decimal(events)


@pytest.mark.parametrize(
    "table",
    [
        *("on", [1], {"logs": "on"}, {"logs": [1]}),
        *({"enabled": True, "head_sampling_rate": r} for r in (-1, 1.5, "half", True, [], "nan")),
        {"enabled": True, "head_sampling_rate": float("nan")},
    ],
)
def test_other_types_are_refused(table: Any) -> None:
    with pytest.raises(ProjectError, match=r"observability|head_sampling_rate"):
        logs.events_of_a_call({"observability": table})


def test_traces_and_destinations_are_named() -> None:
    inner = {"enabled": True, "destinations": ["elsewhere"]}
    assert left_out(observability={"logs": inner, "traces": inner}) == [
        ("traces", "observability"),
        ("elsewhere", "observability.traces"),
        ("elsewhere", "observability.logs"),
    ]
    assert left_out(observability={"enabled": True}) == []
