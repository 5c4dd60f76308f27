"""JSON as wrangler reads it. What it takes and refuses was observed with jsonc-parser 3.3.1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfpy.errors import ProjectError
from cfpy.project.jsonc import parse_jsonc

TAKEN: list[tuple[str, Any]] = [
    ('{"a": 1}', {"a": 1}),
    ('\ufeff{"a": 1}', {"a": 1}),
    ('// one\n{"a": 1} // two', {"a": 1}),
    ('/* a,] \n " */ [1 /* , */ , /* } */ ] /**/', [1]),
    ('{"a": 1,}', {"a": 1}),
    ('{"a": [1, 2,], }', {"a": [1, 2]}),
    ('[{}, [], "",]', [{}, [], ""]),
    ('{"url": "https://a/b", "b": "/* no */ , ]"}', {"url": "https://a/b", "b": "/* no */ , ]"}),
    (r'{"a": "\" // \\"} // "', {"a": '" // \\'}),
    ('{"a": 1, "a": 2}', {"a": 2}),
    ("// one\r[1]", [1]),
]
REFUSED = [
    "",
    "// nothing",
    "[,]",
    "{,}",
    "[1,,]",
    '{"a": 1,,}',
    '{"a":,}',
    ",",
    "[1],",
    '{"a": 1} {',
    "{a: 1}",
    "{'a': 1}",
    "[1 /* open ]",
    "[1] /",
    '["open]',
    '["a\nb"]',
    "[NaN]",
    "[01]",
    "[+1]",
    "[1 2]",
    "[" * 100_000,
]


@pytest.mark.parametrize(("text", "value"), TAKEN)
def test_what_wrangler_takes_is_read(text: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.jsonc"
    path.write_bytes(text.encode())
    assert parse_jsonc(path, ProjectError)[1] == value


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_what_wrangler_refuses_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.jsonc"
    path.write_text(text, "utf-8")
    with pytest.raises(ProjectError, match=r"wrangler\.jsonc"):
        parse_jsonc(path, ProjectError)


def test_a_mistake_has_its_line_behind_comments(tmp_path: Path) -> None:
    path = tmp_path / "wrangler.jsonc"
    path.write_text('{\n  // one\n  /* two\n  */ "a": oops\n}\n')
    with pytest.raises(ProjectError) as caught:
        parse_jsonc(path, ProjectError)
    assert (caught.value.line, caught.value.column) == (4, 11)


@pytest.mark.parametrize("content", ["\ufeff{}".encode("utf-16"), b'{"a": "\xff"}'])
def test_another_encoding_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.json"
    path.write_bytes(content)
    with pytest.raises(ProjectError, match="can't be read"):
        parse_jsonc(path, ProjectError)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(value=VALUES, comment=st.sampled_from(["", " ", '//,]}"\n', '/*,]}"\n*/']))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_comments_and_trailing_commas_change_no_value(
    value: Any, comment: str, tmp_path: Path
) -> None:
    path = tmp_path / "wrangler.jsonc"
    path.write_text(_written(value, comment), "utf-8")
    assert parse_jsonc(path, ProjectError)[1] == value


def _written(value: Any, aside: str) -> str:
    """JSON with something aside of every token, and a comma behind every item."""
    if isinstance(value, list):
        return aside + "[" + "".join(_written(item, aside) + "," for item in value) + aside + "]"
    if isinstance(value, dict):
        items = (f"{_written(k, aside)}{aside}:{_written(v, aside)}," for k, v in value.items())
        return aside + "{" + "".join(items) + aside + "}"
    return aside + json.dumps(value) + aside
