"""Edits of files with any mix of line ends: every byte outside of the edit stays."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cfpy.bindings.id_edits import set_id, unset_id
from cfpy.project import edits
from cfpy.project.config_text import try_edit
from cfpy.project.edits import Append, Put
from cfpy.project.line_ends import edited, lines_of, plain, with_ends_of

PARTS = [
    'name = "x"\nmain = "src/entry.py"\n',
    "compatibility_flags = [\n  # why\n  'python_workers',\n]\n",
    "# a comment with \u2028[[kv_namespaces]] and \u0085 in it\n",
]
TABLES = [
    '[vars]\nTEXT = """\none\n\n[[d1_databases]]\nbinding = "DB"\n"""\nA = 1\n',
    "[vars]\nRAW = '''\n[ai]\n\n\nbinding = 1'''\n",
    '[[d1_databases]]\nbinding = "OTHER"\ndatabase_name = "o"\n',
    '[[r2_buckets]]\nbinding = "FILES"\nbucket_name = "f"\n',
    "# about it\n[triggers]\ncrons = [\n  '* * * * *', # each\n  '0 0 * * *'\n]\n",
    "[env.staging]\nvars = { A = 1 }\n",
    "\n\n# the end\n",
    "[observability]\nenabled = true\n   \n",
]
OWN = '[[d1_databases]]\nbinding = "DB"\ndatabase_name = "x"\n'
ADDITIONS: dict[str, edits.Edit] = {
    "entry": Append(("kv_namespaces",), {"binding": "CACHE"}),
    "another entry": Append(("d1_databases",), {"binding": "NEW"}),
    "entry of an environment": Append(("env", "staging", "kv_namespaces"), {"binding": "CACHE"}),
    "table": Put(("ai",), {"binding": "AI"}, comment="models"),
    "value": Append(("triggers", "crons"), "1 * * * *"),
    "key": Put(("account_id",), "abc"),
    "key of a table": Put(("limits", "cpu_ms"), 50),
}


@st.composite
def documents(draw: st.DrawFn, own: str = OWN) -> str:
    """A wrangler.toml with any end of each line, maybe with a mark before and none at the end."""
    vars_ = draw(st.sampled_from(TABLES[:2]))
    tables = draw(st.lists(st.sampled_from(TABLES[2:]), unique=True))
    parts = draw(st.permutations([vars_, own, *tables]))
    text = "".join([*PARTS, *parts])
    if draw(st.booleans()):
        text = text.rstrip("\n")
    ends = draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"]]))
    lines = text.split("\n")
    mixed = "".join(line + draw(st.sampled_from(ends)) for line in lines[:-1]) + lines[-1]
    return draw(st.sampled_from(["", "\ufeff"])) + mixed


def inserted(before: str, after: str) -> str:
    """What was put into ``before`` at one place so that it became ``after``."""
    start = 0
    while start < len(before) and before[start] == after[start]:
        start += 1
    left = len(before) - start
    assert after[len(after) - left :] == before[start:] or not left, "something else changed"
    return after[start : len(after) - left]


def only_the_ends_of(before: str, new: str) -> None:
    """Each end of a new line is one that the text has."""
    if "\r\n" not in before:
        assert "\r" not in new
    elif "\n" not in before.replace("\r\n", ""):
        assert "\n" not in new.replace("\r\n", "")


@settings(max_examples=60, deadline=None)
@given(text=documents(), name=st.sampled_from(sorted(ADDITIONS)))
@example('name = "x"\r\nmain = "m"\r\n[vars]\r\nA = "1"\n', "entry")
@example('name = "x"\nmain = "m"\r\n', "key")
@example("a = 1\r\nb = '''\r\nx\ny\r\n'''", "table")
def test_an_addition_changes_no_other_byte(text: str, name: str) -> None:
    after = try_edit(".toml", text, ADDITIONS[name])
    new = inserted(text, after)
    assert new.strip()
    only_the_ends_of(text, new)
    tomllib.loads(plain(after))


def in_file(text: str, edit: Callable[[Path], None]) -> str:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "wrangler.toml"
        path.write_bytes(text.encode())
        edit(path)
        return path.read_bytes().decode()


@settings(max_examples=60, deadline=None)
@given(text=documents())
@example('[[d1_databases]]\r\nbinding = "X"\n[[d1_databases]]\nbinding = "DB"')
def test_an_id_comes_and_goes(text: str) -> None:
    where = ("", "d1_databases", "DB", "database_id")
    after = in_file(text, lambda path: set_id(path, *where, "new"))
    new = inserted(text, after)
    assert 'database_id = "new"' in after
    only_the_ends_of(text, new)
    assert in_file(after, lambda path: unset_id(path, *where)) == text


@settings(max_examples=30, deadline=None)
@given(text=documents(OWN.replace('"x"\n', '"x"\ndatabase_id = "" # mine\n')))
def test_an_empty_id_is_replaced(text: str) -> None:
    after = in_file(text, lambda path: set_id(path, "", "d1_databases", "DB", "database_id", "new"))
    assert after == text.replace('database_id = ""', 'database_id = "new"')


@settings(max_examples=30, deadline=None)
@given(text=documents())
def test_an_environment_goes_below(text: str) -> None:
    after = try_edit(".toml", text, Put(("env", "live"), {"name": "x-live"}, comment="it"))
    only_the_ends_of(text, inserted(text, after))
    block = '# it\n[env.live]\nname = "x-live"\n'
    whole = plain(text).endswith("\n")
    assert plain(after).rstrip().endswith(block.rstrip())
    assert plain(after).endswith("\n") == whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\nc\r\n", "a\r\nb\nnew\nc\r\n"),
        ("a\nb\r\nc\n", "a\nb\r\nnew\r\nc\n"),
        ("\ufeffa\r\nb\r\nc", "\ufeffa\r\nb\r\nnew\r\nc"),
        ("a\nb\nc", "a\nb\nnew\nc"),
    ],
)
def test_a_new_line_ends_as_the_one_above_it(text: str, expected: str) -> None:
    assert edited(text, lambda body: body.replace("b\n", "b\nnew\n")) == expected


@given(st.text(alphabet="ab\n\r\u2028\x0c\x85"))
def test_nothing_changes_where_nothing_is_edited(text: str) -> None:
    assert with_ends_of(text, plain(text)) == text
    assert "".join(lines_of(text)) == text
