"""Writing ids into wrangler.toml changes no other byte."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfpy.bindings.id_edits import set_id
from cfpy.errors import ProjectError

DB = '[[d1_databases]]\nbinding = "DB"\n'
PLAIN = """\
# head
name = "x" # a name

[[d1_databases]]
binding = "DB"
database_name = "x-db"   # odd   spacing
migrations_dir = "m"

# about the next one
[[kv_namespaces]]
  binding = 'CACHE'

[vars]
TEXT = \'\'\'
[[d1_databases]]
binding = "DB"
\'\'\'
"""


def edit(text: str, environment: str = "", table: str = "d1_databases", binding: str = "DB") -> str:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "wrangler.toml"
        path.write_bytes(text.encode())
        key = "database_id" if table == "d1_databases" else "id"
        set_id(path, environment, table, binding, key, "new")
        assert [item.name for item in Path(directory).iterdir()] == ["wrangler.toml"]
        return path.read_bytes().decode()


def test_a_line_is_added_where_a_person_would() -> None:
    text = 'binding = "DB"\n'
    assert edit(PLAIN) == PLAIN.replace(text, f'{text}database_id = "new"\n', 1)


def test_indentation_is_kept() -> None:
    text = "  binding = 'CACHE'\n"
    edited = edit(PLAIN, table="kv_namespaces", binding="CACHE")
    assert edited == PLAIN.replace(text, f'{text}  id = "new"\n')


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        (
            '[[d1_databases]]\r\nbinding = "DB"\r\n',
            '[[d1_databases]]\r\nbinding = "DB"\r\ndatabase_id = "new"\r\n',
        ),
        (
            '[[d1_databases]]\nbinding = "DB"',
            '[[d1_databases]]\nbinding = "DB"\ndatabase_id = "new"',
        ),
        (
            '[[ d1_databases ]] # here\ndatabase_id = "" # soon\nbinding="DB"\n',
            '[[ d1_databases ]] # here\ndatabase_id = "new" # soon\nbinding="DB"\n',
        ),
        (
            f'[[d1_databases]]\nbinding = "A"\n{DB}',
            f'[[d1_databases]]\nbinding = "A"\n{DB}database_id = "new"\n',
        ),
    ],
)
def test_other_ways_to_write_it(text: str, edited: str) -> None:
    assert edit(text) == edited


@pytest.mark.parametrize(
    "text",
    [
        'd1_databases = [{ binding = "DB", database_name = "x" }] # all in one\nname = "x"\n',
        'd1_databases = [\n  { binding = "A" },\n  { binding = "DB" }, # this\n]\n',
    ],
)
def test_tables_in_one_line_keep_their_neighbours(text: str) -> None:
    edited = edit(text)
    databases = {item["binding"]: item for item in tomllib.loads(edited)["d1_databases"]}
    assert databases["DB"]["database_id"] == "new"
    assert "#" in edited


def test_an_environment_has_tables_of_its_own() -> None:
    tables = '[[d1_databases]]\nbinding = "DB"\n\n[[env.staging.d1_databases]]\nbinding = "DB"\n'
    assert edit(tables, environment="staging") == f'{tables}database_id = "new"\n'


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(ProjectError, match="binds OTHER"):
        edit(PLAIN, binding="OTHER")


COMMENTS = st.sampled_from(["", "# note\n", "\n", "\n\n", "# [[d1_databases]]\n", "  \n"])
TABLES = st.sampled_from(
    [
        '[vars]\nA = "binding = 1"\n',
        '[[r2_buckets]]\nbinding = "DB2"\nbucket_name = "b"\n',
        '[[services]]\nbinding = "S"\nservice = "s"\n',
        "[observability]\nenabled = true\n",
    ]
)


@given(st.lists(st.tuples(COMMENTS, TABLES), unique_by=lambda pair: pair[1]), COMMENTS, st.data())
def test_nothing_else_changes_in_any_file(
    around: list[tuple[str, str]], comment: str, data: st.DataObject
) -> None:
    own = f'[[d1_databases]]\n{comment}binding = "DB"\ndatabase_name = "x"\n'
    parts = [f"{note}{table}" for note, table in around]
    parts.insert(data.draw(st.integers(0, len(parts))), own)
    text = 'name = "x"\n' + "".join(parts)
    line = 'binding = "DB"\n'
    assert edit(text) == text.replace(line, f'{line}database_id = "new"\n')


@pytest.mark.parametrize(
    "placeholder",
    [
        *("<YOUR_DATABASE_ID>", "your-database-id", "TODO", "replace me", "{{ id }}"),
        *("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_a_placeholder_is_no_id(placeholder: str) -> None:
    text = f'[[d1_databases]]\nbinding = "DB"\ndatabase_id = "{placeholder}" # mine\n'
    assert edit(text) == text.replace(placeholder, "new")


@pytest.mark.parametrize(
    "id_", ["0123456789abcdef0123456789abcdef", "11111111-2222-3333-4444-555555555555", "abc"]
)
def test_another_id_is_not_replaced(id_: str) -> None:
    text = f'[[d1_databases]]\nbinding = "DB"\ndatabase_id = "{id_}"\n'
    with pytest.raises(ProjectError, match=f"is now {id_}"):
        edit(text)
