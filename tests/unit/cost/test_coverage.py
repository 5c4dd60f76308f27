"""An estimate names each binding that it does not count."""

from __future__ import annotations

from typing import Any

import pytest

from cfpy.bindings.stances import BINDINGS
from cfpy.cost.coverage import FREE, METERS, omissions
from cfpy.cost.price_files import read_book
from cfpy.local.local_bindings import KINDS, bindings, tables

ONE = {"ai", "analytics", "assets", "browser", "images", "media", "stream", "version_metadata"}
NAMED = [kind for kind in KINDS if kind.key]


def configured(table: str, key: str) -> dict[str, Any]:
    outer, _, inner = table.partition(".")
    item = {key: "THING"}
    value: Any = item if table in ONE else [item]
    return {outer: {inner: value}} if inner else {outer: value}


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.table)
def test_every_kind_of_binding_is_counted_free_or_named(kind: Any) -> None:
    scope = configured(kind.table, kind.key)
    assert [name for name, _, _ in bindings(scope)] == ["THING"]
    found = [(item.name, item.table) for item in omissions(scope, (), runs_cron=False)]
    assert found == ([] if kind.table in FREE else [("THING", kind.table)])
    if kind.table in METERS:
        assert omissions(scope, [METERS[kind.table]], runs_cron=False) == ()


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("queues.consumers", "queue"),
        ("tail_consumers", "service"),
        ("streaming_tail_consumers", "service"),
        ("containers", "class_name"),
    ],
)
def test_what_binds_no_name_is_named_too(table: str, key: str) -> None:
    [found] = omissions(configured(table, key), (), runs_cron=False)
    assert (found.name, found.table) == ("THING", table)


def test_every_table_of_wrangler_s_bindings_is_looked_at() -> None:
    seen = {kind.table for kind in NAMED} | {"queues.consumers", "tail_consumers"}
    assert set(BINDINGS) - seen == {"secrets", "streaming_tail_consumers"}


def test_a_schedule_without_measured_runs_is_named() -> None:
    scope = {"triggers": {"crons": ["0 * * * *"]}}
    [found] = omissions(scope, (), runs_cron=False)
    assert (found.name, found.table) == ("0 * * * *", "triggers")
    assert omissions(scope, (), runs_cron=True) == ()


def test_a_worker_without_bindings_leaves_nothing_out() -> None:
    assert omissions({"name": "x", "vars": {"A": "1"}}, (), runs_cron=False) == ()
    assert tables({}, "containers") == []


def test_each_meter_is_one_of_the_price_book() -> None:
    assert set(METERS.values()) <= set(read_book().meters)
