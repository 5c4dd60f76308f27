"""An estimate names each binding that it does not count."""

from __future__ import annotations

from typing import Any

import pytest

from cfpy.bindings.kind import BindingKind, Shape
from cfpy.bindings.registry import KINDS, VALUES, bindings
from cfpy.bindings.stances import BINDINGS
from cfpy.cost.coverage import omissions
from cfpy.cost.price_files import read_book

NAMED = [kind for kind in KINDS if kind.binding_key and kind not in VALUES]
UNNAMED = [kind for kind in KINDS if kind.entry_key]


def configured(kind: BindingKind) -> dict[str, Any]:
    outer, _, inner = kind.table.partition(".")
    item = {kind.binding_key or kind.entry_key: "THING"}
    value: Any = [item] if kind.shape is Shape.ARRAY else item
    return {outer: {inner: value}} if inner else {outer: value}


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.table)
def test_every_kind_of_binding_is_counted_free_or_named(kind: BindingKind) -> None:
    scope = configured(kind)
    assert [name for name, _, _ in bindings(scope)] == ["THING"]
    found = [(item.name, item.table) for item in omissions(scope, (), runs_cron=False)]
    assert found == ([] if kind.free else [("THING", kind.table)])
    if kind.meter:
        assert omissions(scope, [kind.meter], runs_cron=False) == ()


@pytest.mark.parametrize("kind", UNNAMED, ids=lambda kind: kind.table)
def test_what_binds_no_name_is_named_too(kind: BindingKind) -> None:
    [found] = omissions(configured(kind), (), runs_cron=False)
    assert (found.name, found.table) == ("THING", kind.table)


def test_every_table_of_wrangler_s_bindings_is_looked_at() -> None:
    seen = {kind.table for kind in (*NAMED, *UNNAMED)}
    assert set(BINDINGS) - seen == {"secrets"}


def test_a_schedule_without_measured_runs_is_named() -> None:
    scope = {"triggers": {"crons": ["0 * * * *"]}}
    [found] = omissions(scope, (), runs_cron=False)
    assert (found.name, found.table) == ("0 * * * *", "triggers")
    assert omissions(scope, (), runs_cron=True) == ()


def test_a_worker_without_bindings_leaves_nothing_out() -> None:
    assert omissions({"name": "x", "vars": {"A": "1"}}, (), runs_cron=False) == ()


def test_each_meter_is_one_of_the_price_book() -> None:
    assert {kind.meter for kind in KINDS if kind.meter} <= set(read_book().meters)
