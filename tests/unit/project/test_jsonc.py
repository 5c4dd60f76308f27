"""JSON as wrangler reads it. What it takes and refuses was observed with jsonc-parser 3.3.1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfpy.errors import ProjectError
from cfpy.project.config_text import read, repeated
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


@pytest.mark.parametrize("name", ["wrangler.json", "wrangler.jsonc", "wrangler.toml"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("\ufeff{}".encode("utf-16-le"), "it is UTF-16, not UTF-8"),
        ("\ufeff{}".encode("utf-16-be"), "it is UTF-16, not UTF-8"),
        ("a\n{}".encode("utf-16-le"), "line 1 has a NUL character, as in a file in UTF-16"),
        (b'\n{"a": "\xff"}', "line 2 is not UTF-8"),
    ],
)
def test_another_encoding_is_refused(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ProjectError, match="can't be read") as caught:
        read(path)
    assert said in caught.value.message
    assert caught.value.hint == "Save it as UTF-8 with your editor."


FAULTS = [
    ("", "1:1: is empty: a configuration is an object", "For example: {"),
    (" \n\n", "1:1: is empty", "For example: {"),
    ("// one\n/* two */", "1:1: has only comments", "For example: {"),
    ("// c\n[1]", "2:1: is not a JSON object", "Write an object"),
    ("null", "1:1: is not a JSON object", "Write an object"),
    ('{"a": 1},', "1:9: a comma after the end", "Remove"),
    ('{"a": 1}\n{', "2:1: `{` after the end", "Remove"),
    ('{"a": 1,,}', "1:9: a comma too many", "Remove"),
    ("{,}", "1:2: a comma too many", "Remove"),
    ('{"a": 1,\n "b": NaN}', "2:7: NaN is not JSON", "Use a number"),
    ('{"NaN": -Infinity}', "1:9: -Infinity is not JSON", "Use a number"),
    ('{"a": 1', "1:8: the file ends too early", "Close each"),
    ("{'a': 1}", "1:2: single quotes", "double quotes"),
    ("{a: 1}", "1:2: the key `a` has no quotes", 'Write "a"'),
    ('{\n\u00a0"a": 1}', "2:1: a no-break space (U+00A0)", "plain space"),
    ('{"a"\u00a0: 1}', "1:5: a no-break space (U+00A0)", "plain space"),
    ('{"a":\u00a01}', "1:6: a no-break space (U+00A0)", "plain space"),
    ('{"a":  \u3000[1]}', "1:8: an ideographic space (U+3000)", "plain space"),
    ('{"a": [1,\u200b2]}', "1:10: a zero width space (U+200B)", "plain space"),
    ('{"a": 1\u2028, "b": 2}', "1:8: a line separator (U+2028)", "plain space"),
    ('{"a": 1,\u00a0}', "1:9: a no-break space", "plain space"),
    ('{"a": true\ufeff}', "1:11: a byte order mark (U+FEFF)", "plain space"),
    ('{"a": 1}\n\u00a0\n', "2:1: a no-break space", "plain space"),
    ('{"a": 1}\u200d', "1:9: a zero width joiner (U+200D)", "plain space"),
    ('{"a": 1}\x0c', "1:9: a control character (U+000C)", "plain space"),
    ('\u200b{"a": 1}', "1:1: a zero width space", "plain space"),
    ('\u2060"a": 1', "1:1: a word joiner (U+2060)", "plain space"),
    ('{\u00ad"a": 1}', "1:2: a soft hyphen (U+00AD)", "plain space"),
    ('{// \u00a0\n"a": "\u00a0",\n\u00a0"b": 1}', "3:1: a no-break space", "plain space"),
    ("{[}", "1:2: `[` where a key belongs", '"key": value'),
    ('{"a": 1 "b": 2}', "1:9: a comma is missing", "commas"),
    ('{"a" 1}', "1:6: a colon is missing", '"key": value'),
    ('{"a":}', "1:6: a value is missing before `}`", ""),
    ('{"a": "x}', "1:7: the string that begins here has no end", '"'),
    ('{"a": "x\ny"}', "1:9: a line break, a tab", "\\n"),
    ('{"a": "\\x"}', "1:8: a backslash", "\\\\"),
    ('{"a": 1 /* no end }', "1:9: a comment has no end", "*/"),
    ('{"a": True}', "1:7: `True` is not JSON", "true"),
    ('{"a": yes}', "1:7: `yes` is not a value", "double quotes"),
    ('{"a": .5}', "1:7: `.5` is not a number", "0.5"),
    ('{"a": 0x10}', "1:8: a number that JSON does not know", "decimal"),
    ('{"a": [1, 2}', "1:12: `}` closes something that was opened", ""),
    ("# c\n{}", "1:1: a `#`, which begins no comment", "//"),
    ('# c\nname = "a"\n', "1:1: this looks like TOML", "wrangler.toml"),
    ("[vars]\na = 1", "1:2: this looks like TOML", "wrangler.toml"),
    ('{"a": ' + "9" * 5000 + "}", "a number has too many digits", ""),
    ("[" * 100_000, "nested too deeply", ""),
]


@pytest.mark.parametrize(("text", "said", "hint"), FAULTS, ids=lambda item: item[:20])
def test_a_mistake_is_described_with_its_place(
    text: str, said: str, hint: str, tmp_path: Path
) -> None:
    path = tmp_path / "wrangler.jsonc"
    path.write_text(text, "utf-8")
    with pytest.raises(ProjectError) as caught:
        read(path)
    assert (f":{said}" if said[0].isdigit() else said) in caught.value.message
    assert hint in caught.value.hint


END = 58


@pytest.mark.parametrize("cut", range(1, END))
def test_a_document_that_was_cut_off_never_gets_words_of_a_parser(cut: int, tmp_path: Path) -> None:
    text = '{"a": [true, -1.5e3, "x\\u00e9"], /* c */ "b": {"c": null}}'
    assert len(text) == END
    path = tmp_path / "wrangler.jsonc"
    path.write_text(text[:cut], "utf-8")
    with pytest.raises(ProjectError) as caught:
        read(path)
    assert "Expecting" not in caught.value.message
    assert caught.value.line == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "1:1: this looks like JSON"),
        ("// c\nname = 'a'", "1:1: this looks like JSON"),
        ("x", "1:1: the file ends too early"),
        ("\n= 1", "a line that is neither `key = value` nor `[table]`"),
        ("[a", "1:1: the file ends too early"),
        ("a = { b = 1, }", "1:14: "),
    ],
)
def test_a_mistake_in_toml_is_described_with_its_place(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "wrangler.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ProjectError) as caught:
        read(path)
    assert said in caught.value.message
    assert caught.value.line


def test_a_key_that_is_there_twice_is_found() -> None:
    text = '{\n"a": 1,\n"a": {"b": [{"c": 1,\n"c": 2}]},\n"d": 1}'
    assert repeated(Path("wrangler.jsonc"), text) == [("a", 3), ("a.b.0.c", 4)]
    assert repeated(Path("wrangler.toml"), "a = 1") == []


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
