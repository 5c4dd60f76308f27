"""A pattern's changes in a configuration that is written in another way than the pattern's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cfpy.patterns.config_merge import merge_values

A, B, C = ({"binding": name} for name in "ABC")
Case = tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any] | None]
CASES: dict[str, Case] = {
    # mine, before, theirs, merged
    "a new key": ({"a": 1}, {}, {"b": 2}, {"a": 1, "b": 2}),
    "a new table": ({"a": 1}, {}, {"b": {"c": 2}}, {"a": 1, "b": {"c": 2}}),
    "a changed key": ({"a": 1, "m": 1}, {"a": 1}, {"a": 2}, {"a": 2, "m": 1}),
    "a removed key": ({"a": 1, "m": 1}, {"a": 1}, {}, {"m": 1}),
    "both to the same": ({"a": 2}, {"a": 1}, {"a": 2}, {"a": 2}),
    "both to another": ({"a": 3}, {"a": 1}, {"a": 2}, None),
    "changed here, removed there": ({"a": 3}, {"a": 1}, {}, None),
    "removed here, changed there": ({}, {"a": 1}, {"a": 2}, None),
    "a new entry": ({"x": [C, A]}, {"x": [A]}, {"x": [A, B]}, {"x": [C, A, B]}),
    "the first entry": ({"m": 1}, {}, {"x": [A]}, {"m": 1, "x": [A]}),
    "an entry that is here already": ({"x": [B, A]}, {"x": [A]}, {"x": [A, B]}, {"x": [B, A]}),
    "a removed entry": ({"x": [C, A, B]}, {"x": [A, B]}, {"x": [B]}, {"x": [C, B]}),
    "a changed entry": (
        {"x": [C, {**A, "database_id": "1"}]},
        {"x": [A]},
        {"x": [{**A, "name": "n"}]},
        {"x": [C, {**A, "database_id": "1", "name": "n"}]},
    ),
    "a changed entry that was removed here": ({"x": []}, {"x": [A]}, {"x": [{**A, "n": 1}]}, None),
    "a removed entry that was changed here": ({"x": [{**A, "n": 1}]}, {"x": [A]}, {"x": []}, None),
    "a list": ({"x": [1, 2]}, {"x": [1, 2]}, {"x": [1, 3]}, {"x": [1, 3]}),
    "a list that was changed here": ({"x": [1, 2, 4]}, {"x": [1, 2]}, {"x": [1, 3]}, None),
    "entries of one name": ({"x": [A, A]}, {"x": [A]}, {"x": [A, B]}, None),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_merged(name: str) -> None:
    mine, before, theirs, merged = CASES[name]
    texts = [json.dumps(value, indent=4).encode() for value in (mine, before, theirs)]
    found = merge_values("wrangler.jsonc", *texts)
    assert (None if found is None else json.loads(found)) == merged


def test_the_rest_of_the_text_stays() -> None:
    mine = b'vars = { B = "2", A = "mine" } # mine\nname = "app"\n'
    before = b'name = "app"\n[vars]\nA = "1"\nB = "2"\n'
    theirs = b'name = "app"\n[vars]\nA = "1"\nB = "3"\n'
    merged = b'vars = { B = "3", A = "mine" } # mine\nname = "app"\n'
    assert merge_values("wrangler.toml", mine, before, theirs) == merged


@pytest.mark.parametrize("broken", [b"{", b"\xff", b"[]"])
def test_what_does_not_parse_is_not_merged(broken: bytes) -> None:
    assert merge_values("wrangler.jsonc", broken, b"{}", b'{"a": 1}') is None
    assert merge_values("README.md", b"{}", b"{}", b'{"a": 1}') is None
