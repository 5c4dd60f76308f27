"""An edit keeps every other byte, however the names in the headers are written."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfpy.project.config_text import try_edit
from cfpy.project.edits import Append, Edit, NoPlaceError, Put, Remove, change
from cfpy.project.toml_position import locate

MOVED = """\
name = "w"
[["kv_namespaces"]]
binding = "A"
[ env . "a.b" ]
name = "q"
# About the second.
[[kv_namespaces]] # here
binding = "B"
"""
JOB = {"binding": "JOBS", "queue": "jobs"}


def test_a_table_behind_an_environment_stays_there() -> None:
    new = '\n[[env."a.b".queues.producers]]\nbinding = "JOBS"\nqueue = "jobs"\n\n'
    edited = try_edit(".toml", MOVED, Append(("env", "a.b", "queues", "producers"), JOB))
    before, _, after = MOVED.partition("# About")
    assert edited == f"{before}{new}# About{after}"


@pytest.mark.parametrize(
    ("text", "edit", "edited"),
    [
        ('[env."a.b"]\n', Put(("env", "a.b", "name"), "q"), '[env."a.b"]\nname = "q"\n'),
        ("[env.'a[b']\n", Put(("env", "a[b", "name"), "q"), "[env.'a[b']\nname = \"q\"\n"),
        ('[env."a\\"b"]\n', Put(("env", 'a"b', "name"), "q"), '[env."a\\"b"]\nname = "q"\n'),
        ('[env."a.b"]\nx = 1\n[env.c]\ny = 1\n', Remove(("env", "a.b")), "[env.c]\ny = 1\n"),
        ('[vars]\nA = "1"\n', Put(("vars", "x y"), "2"), '[vars]\nA = "1"\n"x y" = "2"\n'),
        ("", Put(("env", "a.b"), {"x": 1}), '[env."a.b"]\nx = 1\n'),
    ],
)
def test_a_name_with_quotes_is_a_name(text: str, edit: Edit, edited: str) -> None:
    assert try_edit(".toml", text, edit) == edited


@pytest.mark.parametrize("gap", ["", "\n", "# Not yet:\n", "\n# Not yet:\n"])
@pytest.mark.parametrize("values", ["", 'directory = "./pub"\n', 'directory = "./pub" # all\n'])
@pytest.mark.parametrize("header", ["[assets]\n", "[[assets]]\n"])
def test_a_key_does_not_go_into_a_table_that_is_commented_out(
    header: str, values: str, gap: str
) -> None:
    out = f'{gap}# [[kv_namespaces]]\n# binding = "OLD"\n\n[vars]\n'
    path = ("assets", "binding") if header == "[assets]\n" else ("assets", 0, "binding")
    edited = try_edit(".toml", header + values + out, Put(path, "WEB"))
    assert edited == f'{header}{values}binding = "WEB"\n{out}'


def test_nor_does_a_key_of_the_top_level() -> None:
    out = "# [vars]\n# A = 1\n\n[assets]\n"
    for above in ('name = "w"\n', ""):
        edited = try_edit(".toml", above + out, Put(("main",), "a.js"))
        assert edited == f'{above}main = "a.js"\n{out}'


def test_an_array_of_numbers_is_no_header() -> None:
    text = "[x]\nsizes = [\n  [1, 2],\n  [3],\n]\n"
    assert try_edit(".toml", text, Put(("x", "y"), 1)) == f"{text}y = 1\n"


def test_a_place_is_found_below_a_quoted_name() -> None:
    assert locate('a = 1\n[ env . "a.b" ]\nname = "q"\n', ("env", "a.b", "name")) == (3, 1)


def test_an_edit_that_would_move_another_table_is_refused() -> None:
    text = 'env = { "a.b" = { name = "q" } } # one\n[[kv]]\nx = 1\n[vars]\n[[kv]]\nx = 2\n'
    with pytest.raises(NoPlaceError):
        try_edit(".toml", text, Append(("env", "a.b", "queues", "producers"), JOB))


NAMES = st.sampled_from(["a", "a.b", "a b", "a[b]", "a'b", 'a"b', "a#b", "a=b", "é", "1"])
TABLES = st.sampled_from(["kv_namespaces", "queues.producers", "vars"])
NOTES = st.sampled_from(["", "# note [x]\n", "\n", "\n# [[kv_namespaces]]\n", "# one\n# two\n"])


@st.composite
def header(draw: st.DrawFn, parts: tuple[str, ...], *, array: bool) -> str:
    """A header with these names, in any of the ways that TOML has."""

    def written(part: str) -> str:
        plain = part.replace("_", "").isalnum() and part.isascii()
        double = '"' + part.replace('"', '\\"') + '"'
        ways = [double, *([part] if plain else []), *([] if "'" in part else [f"'{part}'"])]
        return draw(st.sampled_from(ways))

    space = st.sampled_from(["", " ", "\t"])
    name = ".".join(f"{draw(space)}{written(part)}{draw(space)}" for part in parts)
    comment = draw(st.sampled_from(["", " # here", "#[env.a]"]))
    opened, closed = ("[[", "]]") if array else ("[", "]")
    return f"{draw(space)}{opened}{name}{closed}{comment}\n"


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A configuration whose environments are headers, and their names."""
    environments = draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))
    blocks = []
    for number in range(draw(st.integers(0, 2))):
        blocks.append(f'{draw(header(("kv_namespaces",), array=True))}binding = "T{number}"\n')
    for name in environments:
        blocks.append(f'{draw(header(("env", name), array=False))}name = "q" # its name\n')
        if draw(st.booleans()):
            blocks.append(
                f'{draw(header(("env", name, "kv_namespaces"), array=True))}binding = "K"\n'
            )
    if draw(st.booleans()):
        blocks = draw(st.permutations(blocks))
    text = 'name = "w"\n' + "".join(draw(NOTES) + block for block in blocks) + draw(NOTES)
    return text, environments


@given(documents(), TABLES, st.data())
def test_nothing_else_changes_in_a_file_with_any_headers(
    document: tuple[str, list[str]], table: str, data: st.DataObject
) -> None:
    text, environments = document
    try:
        before: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # An order of tables that TOML does not allow.
    path = ("env", data.draw(st.sampled_from(environments)), *table.split("."))
    edit: Edit = Put((*path, "NEW"), "x") if table == "vars" else Append(path, {"binding": "NEW"})
    edited = try_edit(".toml", text, edit)
    wanted = copy.deepcopy(before)
    change(wanted, edit)
    assert tomllib.loads(edited) == wanted
    lines = iter(edited.splitlines())
    # Each line of the file is still there, in the same order.
    assert all(line in lines for line in text.splitlines())
