"""Edits of JSON with comments: what a person would write, and no other byte changes."""

# ruff: noqa: E101 (a configuration that is indented with tabs)

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfpy.project import jsonc
from cfpy.project.config_text import try_edit
from cfpy.project.edits import Append, Edit, NoPlaceError, Put, Remove, change
from cfpy.project.jsonc_tree import locate

WORKER = """\
// The shop.
{
	// Its name.
	"name": "shop",
	"compatibility_flags": ["python_workers"],
	"d1_databases": [{
		"binding": "DB", // orders
		"database_name": "shop"
	}],
	/**
	 * Caches.
	 */
	"kv_namespaces": [
		{ "binding": "A" }, // first
		{ "binding": "B" }
	],

	"env": {
		// Tests.
		"staging": { "vars": { "A": "1" } },

		"live": {}
	}
	// "vars": {}
}
"""
EDITS: list[tuple[Edit, str, str]] = [
    (
        Append(("kv_namespaces",), {"binding": "C"}),
        '{ "binding": "B" }\n',
        '{ "binding": "B" },\n\t\t{ "binding": "C" }\n',
    ),
    (Append(("d1_databases",), {"binding": "C"}), "\t}],\n", '\t}, {\n\t\t"binding": "C"\n\t}],\n'),
    (Append(("compatibility_flags",), "x"), '"python_workers"', '"python_workers", "x"'),
    (
        Append(("queues", "producers"), {"binding": "Q"}),
        "\t],\n\n",
        '\t],\n\t"queues": {\n\t\t"producers": [\n\t\t\t{\n\t\t\t\t"binding": "Q"\n\t\t\t}\n\t\t]\n'
        "\t},\n\n",
    ),
    (
        Put(("d1_databases", 0, "database_id"), "new", after="binding"),
        "// orders\n",
        '// orders\n\t\t"database_id": "new",\n',
    ),
    (
        Put(("kv_namespaces", 1, "id"), "new", after="binding"),
        '"B" }',
        '"B", "id": "new" }',
    ),
    (Put(("name",), "store"), '"shop",\n\t"comp', '"store",\n\t"comp'),
    (
        Put(("env", "x"), {"vars": {}}, comment="shop-x"),
        '"live": {}\n',
        '"live": {},\n\t\t// shop-x\n\t\t"x": {\n\t\t\t"vars": {}\n\t\t}\n',
    ),
    (
        Remove(("env", "staging")),
        '\t\t// Tests.\n\t\t"staging": { "vars": { "A": "1" } },\n\n',
        "",
    ),
    (Remove(("env", "live")), ' },\n\n\t\t"live": {}\n', " }\n"),
    (Remove(("kv_namespaces", 1)), '}, // first\n\t\t{ "binding": "B" }\n', "} // first\n"),
    (Remove(("kv_namespaces", 0)), '\t\t{ "binding": "A" }, // first\n', ""),
    (Remove(("name",)), '\t// Its name.\n\t"name": "shop",\n', ""),
    (
        Remove(("d1_databases", 0, "database_name")),
        '"DB", // orders\n\t\t"database_name": "shop"\n',
        '"DB" // orders\n',
    ),
    (Remove(("compatibility_flags", 0)), '\t"compatibility_flags": ["python_workers"],\n', ""),
]


@pytest.mark.parametrize(("edit", "old", "new"), EDITS, ids=str)
def test_it_is_written_as_a_person_would(edit: Edit, old: str, new: str) -> None:
    assert WORKER.count(old) == 1
    assert try_edit(".jsonc", WORKER, edit) == WORKER.replace(old, new)


@pytest.mark.parametrize(
    ("text", "edit", "after"),
    [
        ("{}", Put(("a",), 1), '{\n  "a": 1\n}'),
        ("{\n}\n", Put(("a",), [1]), '{\n  "a": [1]\n}\n'),
        ("{ // none yet\n}\n", Put(("a",), 1), '{ // none yet\n  "a": 1\n}\n'),
        ('{"a":[]}', Append(("a",), "b"), '{"a":["b"]}'),
        ('{"a": 1,}', Put(("b",), 2), '{"a": 1, "b": 2,}'),
        ('{"a": 1}', Put(("b", "c"), {"d": 2}), '{"a": 1, "b": { "c": { "d": 2 } }}'),
        ('{ "a": 1, "b": 2 }', Remove(("b",)), '{ "a": 1 }'),
        ('{ "a": 1, "b": 2, }', Remove(("b",)), '{ "a": 1, }'),
        ('{ "a": 1, "b": 2 }', Remove(("a",)), '{ "b": 2 }'),
        ('{\n  "env": {\n    "x": {} // it\n  }\n}\n', Remove(("env", "x")), "{\n}\n"),
        # What is commented out stays.
        (
            '{\n  "a": 1,\n  "env": {\n    // "y": {}\n\n    "x": {}\n  }\n}\n',
            Remove(("env", "x")),
            '{\n  "a": 1,\n  "env": {\n    // "y": {}\n  }\n}\n',
        ),
        ('{ "a": 1, "a": 2 }', Put(("a",), 3), '{ "a": 1, "a": 3 }'),
        # The end of a comment about something else is not the comment of what is below.
        (
            '{\n  "a": 1, /* a\n     and more */\n  "b": 2,\n  /* c\n  */\n  "c": 3\n}\n',
            Remove(("b",)),
            '{\n  "a": 1, /* a\n     and more */\n  /* c\n  */\n  "c": 3\n}\n',
        ),
        # What is said about all environments outlives the last one.
        (
            '{\n  // Ask Ann.\n  "env": { "x": {} },\n  "a": 1\n}\n',
            Remove(("env", "x")),
            '{\n  // Ask Ann.\n  "a": 1\n}\n',
        ),
        (
            '{ "a": 1, "env": /* Ask Ann. */ { "x": {} } }',
            Remove(("env", "x")),
            '{ "a": 1, "env": /* Ask Ann. */ { } }',
        ),
        # An empty array keeps its lines.
        (
            '{\n  "a": [ /* b */ \n\n  ]\n}',
            Append(("a",), 1),
            '{\n  "a": [ /* b */\n    1 \n\n  ]\n}',
        ),
        # Commas may begin the lines.
        (
            '{ "a": 1 // one\n, "b": [\n    2\n  ]\n}\n',
            Put(("c",), [{"d": 3}]),
            '{ "a": 1 // one\n, "b": [\n    2\n  ]\n, "c": [\n    {\n      "d": 3\n    }\n  ]\n}\n',
        ),
        (
            '{ "a": 1\n, "b":\n  [ { "c": 1 }\n  ]\n}\n',
            Append(("b",), {"c": 2}),
            '{ "a": 1\n, "b":\n  [ { "c": 1 }\n  , { "c": 2 }\n  ]\n}\n',
        ),
        (
            '{ "a": 1\n, "b": 2\n}\n',
            Put(("a2",), 3, after="a"),
            '{ "a": 1\n, "a2": 3\n, "b": 2\n}\n',
        ),
        (
            '{\n    "a": 1\n  , "b": []\n}\n',
            Append(("b",), {"c": 1}),
            '{\n    "a": 1\n  , "b": [\n        {\n            "c": 1\n        }\n    ]\n}\n',
        ),
        ('{ "a": 1\n, "b": 2\n, "c": 3\n}\n', Remove(("b",)), '{ "a": 1\n, "c": 3\n}\n'),
        ('{ "a": 1\n, "b": 2\n, "c": 3 // c\n}\n', Remove(("c",)), '{ "a": 1\n, "b": 2\n}\n'),
        ('{ "a": 1\n, "b": 2,\n"c": 3\n}\n', Remove(("b",)), '{ "a": 1\n, \n"c": 3\n}\n'),
        (
            '{\n\t"a": 1\n\t, "b": {\n\t}\n}\n',
            Append(("c",), {"d": 2}),
            '{\n\t"a": 1\n\t, "b": {\n\t}\n\t, "c": [\n\t\t{\n\t\t\t"d": 2\n\t\t}\n\t]\n}\n',
        ),
        # A comment may be in front of the comma.
        ('{\n  "a": {} /* a */, // one\n  "b": 2\n}\n', Remove(("a",)), '{\n  "b": 2\n}\n'),
        (
            '{\n  "a": 1 /* a */,\n  "b": 2\n}\n',
            Put(("c",), 3, after="a"),
            '{\n  "a": 1 /* a */,\n  "c": 3,\n  "b": 2\n}\n',
        ),
    ],
)
def test_in_odd_places(text: str, edit: Edit, after: str) -> None:
    assert try_edit(".jsonc", text, edit) == after


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ('{ "a": 1 }', Append(("a",), 1)),
        ('{ "a": 1 }', Put(("a", "b"), 1)),
        ('{ "a": [] }', Put(("a", 3, "b"), 1)),
        ('{ "a": 1 }', Remove(("b",))),
        # Without the second one, the first one counts.
        ('{ "a": 1, "a": 2 }', Remove(("a",))),
    ],
)
def test_what_is_not_possible_changes_nothing(text: str, edit: Edit) -> None:
    with pytest.raises(NoPlaceError):
        try_edit(".jsonc", text, edit)


def test_positions_are_those_of_the_key() -> None:
    assert locate(WORKER, ("name",)) == (4, 2)
    assert locate(WORKER, ("kv_namespaces", 1, "binding")) == (15, 5)
    assert locate(WORKER, ("env", "live", "vars", "A")) == (22, 3)
    assert locate(WORKER, ("nothing",)) == (2, 1)


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=6)
ENTRIES = st.lists(
    st.dictionaries(st.sampled_from("abc"), SCALARS, min_size=1), min_size=1, max_size=3
)
VALUES = SCALARS | st.dictionaries(st.sampled_from("xyz"), SCALARS, min_size=1) | ENTRIES
COMMENTS = ["", "", " // one", " /* two, } */"]
BEFORE_COMMA = ["", "", " /* three, ] **/"]


@st.composite
def documents(draw: st.DrawFn) -> str:
    """An object in any layout: one line or many, with comments, commas at the end, empty lines and
    either line end."""
    value = draw(st.dictionaries(st.sampled_from("pqrs"), VALUES, min_size=1))
    unit = draw(st.sampled_from(["  ", "\t", "    "]))
    comma = draw(st.sampled_from(["", ","]))

    def written(value: Any, indent: str) -> str:
        if not isinstance(value, dict | list) or draw(st.booleans()):
            return json.dumps(value, ensure_ascii=draw(st.booleans()))
        opens, closes = ("[", "]") if isinstance(value, list) else ("{", "}")
        inner = indent + unit
        items = value if isinstance(value, list) else value.items()
        lines = []
        for number, item in enumerate(items):
            named = item if isinstance(value, list) else item[1]
            key = "" if isinstance(value, list) else f"{json.dumps(item[0])}: "
            last = number == len(value) - 1
            above = draw(st.sampled_from(["", "", f"{inner}// above\n", "\n"]))
            lines.append(
                f"{above}{inner}{key}{written(named, inner)}{draw(st.sampled_from(BEFORE_COMMA))}"
                f"{comma if last else ','}{draw(st.sampled_from(COMMENTS))}\n"
            )
        return f"{opens}\n{''.join(lines)}{indent}{closes}"

    text = draw(st.sampled_from(["", "// head\n"])) + written(value, "") + "\n"
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@settings(max_examples=150, deadline=None)
@given(text=documents(), value=VALUES, data=st.data())
def test_what_goes_in_comes_out_again_and_nothing_else_changes(
    text: str, value: Any, data: st.DataObject
) -> None:
    before = jsonc.loads(text)
    arrays = [key for key, item in before.items() if isinstance(item, list)]
    tables = [key for key, item in before.items() if isinstance(item, dict)]
    edits: list[Edit] = [Put(("new",), value), Put(("new", "inner"), value, comment="It.")]
    edits += [Append((key,), value) for key in arrays]
    edits += [Put((key, "new"), value) for key in tables]
    edits += [
        Put((key, number, "new"), value, after=name)
        for key in arrays
        for number, item in enumerate(before[key])
        for name in item
    ]
    edit = data.draw(st.sampled_from(edits))
    after = try_edit(".jsonc", text, edit)
    wanted = copy.deepcopy(before)
    change(wanted, edit)
    assert jsonc.loads(after) == wanted
    assert ("\r\n" in text) == ("\r\n" in after)
    at = len(before[edit.path[0]]) if isinstance(edit, Append) else edit.path[-1]
    path = (*edit.path, at) if isinstance(edit, Append) else edit.path
    assert try_edit(".jsonc", after, Remove(path)) == text


@settings(max_examples=150, deadline=None)
@given(text=documents(), data=st.data())
def test_a_removal_keeps_every_other_line(text: str, data: st.DataObject) -> None:
    before = jsonc.loads(text)
    key = data.draw(st.sampled_from(sorted(before)))
    after = try_edit(".jsonc", text, Remove((key,)))
    del before[key]
    assert jsonc.loads(after) == before
    rest = iter(text)
    assert all(character in rest for character in after)


def test_a_new_value_is_indented_as_its_neighbour() -> None:
    text = """\
{
\t"name": "w",
\t"vars": { "A": "1" },
    "migrations": [
      {
        "tag": "v1",
        "new_sqlite_classes": ["A"]
      }
    ]
}
"""
    new = {"tag": "v2", "new_sqlite_classes": ["B"]}
    edited = try_edit(".jsonc", text, Append(("migrations",), new))
    below = """      },
      {
        "tag": "v2",
        "new_sqlite_classes": ["B"]
      }
    ]
"""
    assert edited == text.replace("      }\n    ]\n", below)
