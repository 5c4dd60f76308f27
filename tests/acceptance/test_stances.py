"""cfpy has a stance on every key of the pinned wrangler's configuration, and keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cfpy.account.live import wanted_bindings
from cfpy.account.resources import desired_state
from cfpy.bindings.checks import check
from cfpy.bindings.kind import Stance
from cfpy.bindings.registry import KINDS
from cfpy.bindings.stances import BINDINGS, OTHERS, REFUSED
from cfpy.bindings.unknown_keys import TABLES as TABLES_WITHOUT_BINDINGS
from cfpy.bindings.unknown_keys import TOP, TOP_ONLY
from cfpy.cost import other_keys
from cfpy.errors import ProjectError
from cfpy.local import configuration
from cfpy.project.project import Project
from cfpy.tools.context import build_context

TABLES = {name.partition(".")[0] for name in BINDINGS}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    toolchain = build_context(print).toolchain
    launcher = Path(toolchain.wrangler(Path("/"))[-1])
    [found] = [
        parent / "config-schema.json"
        for parent in launcher.resolve().parents
        if (parent / "config-schema.json").is_file()
    ]
    document: dict[str, Any] = json.loads(found.read_text("utf-8"))
    return document


def resolved(schema: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in value:
        value = schema["definitions"][value["$ref"].rpartition("/")[2]]
    return value


def keys(schema: Mapping[str, Any], value: Mapping[str, Any]) -> Iterator[str]:
    """The keys of a table, or of the tables in a list, in any of its forms."""
    value = resolved(schema, value)
    for other in (value.get("items"), *value.get("anyOf", ()), *value.get("allOf", ())):
        if isinstance(other, Mapping):
            yield from keys(schema, other)
    yield from value.get("properties", {})


def test_every_key_of_the_pinned_wrangler_has_a_stance(schema: dict[str, Any]) -> None:
    known = {
        key for name in ("RawConfig", "RawEnvironment") for key in keys(schema, {"$ref": name})
    }
    assert known - TABLES - {"queues", "durable_objects"} == set(OTHERS)
    assert known >= TABLES
    top = schema["definitions"]["RawConfig"]["properties"]
    for name, stances in BINDINGS.items():
        table, _, inner = name.partition(".")
        value = resolved(schema, top[table])
        value = value["properties"][inner] if inner else value
        assert set(keys(schema, value)) == set(stances), name
    assert set(keys(schema, top["queues"])) == {"producers", "consumers"}


def test_the_keys_that_are_not_unknown_are_those_of_the_pinned_wrangler(
    schema: dict[str, Any],
) -> None:
    top, environment = (
        set(keys(schema, {"$ref": name})) for name in ("RawConfig", "RawEnvironment")
    )
    assert (top, environment) == (TOP, TOP - TOP_ONLY)
    properties = schema["definitions"]["RawConfig"]["properties"]
    for name, known in TABLES_WITHOUT_BINDINGS.items():
        assert set(keys(schema, properties[name])) == known, name


def test_an_estimate_counts_or_names_every_key_of_the_pinned_wrangler(
    schema: dict[str, Any],
) -> None:
    top = set(keys(schema, {"$ref": "RawConfig"}))
    assert top - {kind.outer for kind in KINDS} <= other_keys.FREE | other_keys.NAMED.keys()


def project(**tables: Any) -> Project:
    config = {
        "name": "shop",
        "main": "src/entry.py",
        "compatibility_date": "2026-11-17",
        "compatibility_flags": ["python_workers"],
        **tables,
    }
    return Project(Path("/nowhere"), config, ())


def seen(given: Project) -> tuple[Any, ...]:
    """All that cfpy makes of a configuration."""
    try:
        desired = desired_state(given)
    except ProjectError as error:
        return (error.message,)
    scope = given.wrangler
    return (
        desired,
        wanted_bindings(scope),
        configuration.worker_config(given, Path("x.js"), python=True),
        configuration.binding_kinds(given),
        configuration.left_out(given, {}, on_node=True),
        check(scope, "shop", date(2026, 11, 25)),
    )


USED = [
    (table, key)
    for table, stances in BINDINGS.items()
    for key, stance in stances.items()
    if stance is Stance.USED
]
# A table that has all that it must, by the name of its list.
LEAST = {
    "vectorize": {"binding": "B", "index_name": "i"},
    "queues.producers": {"binding": "B", "queue": "q"},
    "queues.consumers": {"queue": "q", "dead_letter_queue": "d"},
    "durable_objects.bindings": {"name": "B", "class_name": "C"},
    "ratelimits": {"name": "B", "namespace_id": "1"},
    "services": {"binding": "B", "service": "s"},
    "workflows": {"binding": "B", "name": "w", "class_name": "C"},
    "d1_databases": {"binding": "B", "migrations_dir": "m"},
}
OTHER = {"required": ["A_SECRET"], "migrations_pattern": "elsewhere/*.sql"}
NUMBERS = ("max_batch_size", "max_batch_timeout", "max_retries", "max_concurrency", "retry_delay")


@pytest.mark.parametrize(("table", "key"), USED)
def test_a_key_that_is_used_makes_a_difference(table: str, key: str) -> None:
    name, _, inner = table.partition(".")
    least = LEAST.get(table, {} if table == "secrets" else {"binding": "B"})
    changed = {**least, key: OTHER.get(key, 10**6 if key in NUMBERS else "OTHER")}

    def given(value: Mapping[str, Any]) -> Project:
        held: Any = value if name in ("ai", "secrets") else [value]
        return project(**{name: {inner: held} if inner else held})

    assert seen(given(least)) != seen(given(changed))


@pytest.mark.parametrize("key", sorted(REFUSED))
def test_what_can_not_be_honoured_is_refused(key: str) -> None:
    findings = seen(project(**{key: "x"}))[-1]
    assert [item.broken for item in findings if key in item.message] == [True]
