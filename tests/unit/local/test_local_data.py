"""Local data is where wrangler has it, and moves when an id changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cfpy.local.kept_data import RECORD, keep_data
from cfpy.local.local_data import LocalData, databases, namespaces

D1 = Path("v3", "d1", "miniflare-D1DatabaseObject")
KV = Path("v3", "kv", "miniflare-KVNamespaceObject")
# The files that wrangler 4.164.0 writes for these ids.
FILES = {
    "local-django-todo-d1": "c6800201085fbb2753bb08909658c06c95357669fd7597856cf8ee8d395a0070",
    "local-FOO": "b7e354b470430ddddddf330f85558c44cab679ef9c6e9c99b3723d4fd76983a8",
}
TODO = {"binding": "DB", "database_name": "django-todo-d1"}


def write(state: Path, folder: Path, id_: str, text: str = "data") -> Path:
    file = state / folder / f"{FILES[id_]}.sqlite"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    file.with_suffix(".sqlite-wal").write_text("wal")
    return file


def moved(state: Path, found: list[LocalData], owner: str = "app:") -> list[str]:
    said: list[str] = []
    keep_data(state, owner, found, said.append)
    return said


def test_data_of_earlier_versions_moves_to_the_id_of_wrangler(tmp_path: Path) -> None:
    old = write(tmp_path, D1, "local-django-todo-d1")
    [said] = moved(tmp_path, databases([{**TODO, "database_id": "u"}], ""))
    assert said == "The local data of DB is now kept under the id u"
    assert not old.exists()
    assert sorted(file.suffix for file in old.parent.iterdir()) == [".sqlite", ".sqlite-wal"]
    assert moved(tmp_path, databases([{**TODO, "database_id": "u"}], "")) == []


def test_a_namespace_moves_with_its_large_values(tmp_path: Path) -> None:
    write(tmp_path, KV, "local-FOO")
    blobs = tmp_path / "v3" / "kv" / "local-FOO" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "1").write_text("large")
    assert moved(tmp_path, namespaces([{"binding": "FOO", "id": "<YOUR_ID>"}]))
    assert (tmp_path / "v3" / "kv" / "<YOUR_ID>" / "blobs" / "1").read_text() == "large"


def test_it_survives_provisioning_and_the_way_back(tmp_path: Path) -> None:
    """`cfpy provision` writes ids."""
    write(tmp_path, D1, "local-django-todo-d1")
    for id_ in ("", "00000000-0000-0000-0000-000000000000", "u", ""):
        assert moved(tmp_path, databases([{**TODO, "database_id": id_}], ""))


def test_data_with_the_new_id_stays(tmp_path: Path) -> None:
    old = write(tmp_path, D1, "local-django-todo-d1", "old")
    moved(tmp_path, databases([{**TODO, "database_id": "u"}], ""))
    [new] = old.parent.glob("*.sqlite")
    old.write_text("older")
    assert moved(tmp_path, databases([{**TODO, "database_id": "u"}], ""), "other:") == []
    assert (new.read_text(), old.read_text()) == ("old", "older")


def test_data_that_another_environment_uses_stays(tmp_path: Path) -> None:
    write(tmp_path, D1, "local-django-todo-d1")
    assert moved(tmp_path, databases([{**TODO, "database_id": "u"}], ""))
    assert (
        moved(tmp_path, databases([{**TODO, "database_id": "u"}], "staging"), "app:staging") == []
    )
    assert moved(tmp_path, databases([{**TODO, "database_id": "v"}], "")) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"d1": 1}'])
def test_a_record_that_is_broken_is_written_again(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_text(text)
    moved(tmp_path, databases([{**TODO, "database_id": "u"}], ""))
    assert json.loads((tmp_path / RECORD).read_text())["d1"] == {"app:/DB": "u"}


def test_bindings_that_share_a_database_or_a_namespace_still_share_one() -> None:
    both = [TODO, {**TODO, "binding": "SAME"}]
    assert [data.id for data in databases(both, "")] == ["DB", "DB"]
    assert [data.id for data in databases(both, "staging")] == ["local-django-todo-d1"] * 2
    spaces = namespaces([{"binding": "A", "id": "one"}, {"binding": "B", "id": "one"}])
    assert [data.id for data in spaces] == ["one", "one"]
