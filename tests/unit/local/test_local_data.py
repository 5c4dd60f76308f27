"""Local data is where wrangler has it, and moves when an id changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cfpy.local.kept_data import RECORD, database_file, keep_data
from cfpy.local.local_data import LocalData, buckets, databases, namespaces

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


def test_data_that_another_environment_uses_stays_and_is_copied(tmp_path: Path) -> None:
    write(tmp_path, D1, "local-django-todo-d1")
    assert moved(tmp_path, databases([{**TODO, "database_id": "u"}], ""))
    assert (
        moved(tmp_path, databases([{**TODO, "database_id": "u"}], "staging"), "app:staging") == []
    )
    [said] = moved(tmp_path, databases([{**TODO, "database_id": "v"}], ""))
    assert said == (
        "The local data of DB is copied to its new id v: other bindings still use what is kept "
        "under u"
    )
    for id_ in "uv":
        file = database_file(tmp_path, "d1", id_)
        assert (file.read_text(), file.with_suffix(".sqlite-wal").read_text()) == ("data", "wal")


KINDS = {"kv": (namespaces, "id"), "r2": (buckets, "bucket_name")}


def put(state: Path, kind: str, id_: str) -> None:
    """Write data that names its id, with a large value."""
    file = database_file(state, kind, id_)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"of {id_}")
    blobs = state / "v3" / kind / id_ / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "1").write_text(f"large of {id_}")


def held(state: Path, kind: str) -> dict[str, str]:
    """The data by id; each large value has that of its database."""
    found = {}
    for id_ in ("one", "two", "three", "A", "B", "C"):
        file = database_file(state, kind, id_)
        if file.exists():
            found[id_] = file.read_text().removeprefix("of ")
            large = state / "v3" / kind / id_ / "blobs" / "1"
            assert large.read_text() == f"large of {found[id_]}"
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_data_of_an_environment_follows_when_an_id_is_written(tmp_path: Path, kind: str) -> None:
    """Without an id, an environment uses the data of the top level, as with wrangler."""
    read, key = KINDS[kind]
    put(tmp_path, kind, "A")
    for owner in ("app:", "app:staging"):
        assert moved(tmp_path, read([{"binding": "A"}]), owner) == []
    [copied] = moved(tmp_path, read([{"binding": "A", key: "one"}]), "app:staging")
    assert "of A is copied to its new" in copied
    assert held(tmp_path, kind) == {"A": "A", "one": "A"}
    [said] = moved(tmp_path, read([{"binding": "A", key: "two"}]), "app:")
    assert "of A is now kept under" in said
    assert held(tmp_path, kind) == {"one": "A", "two": "A"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("before", "after", "kept", "says"),
    [
        # Swapped, and rotated: each binding has what its id has.
        ("one two", "two one", {"one": "one", "two": "two"}, 2),
        ("one two three", "two three one", {"one": "one", "two": "two", "three": "three"}, 3),
        # Rotated to one that is new: no binding loses its data, whatever the order.
        ("one two", "two three", {"one": "one", "two": "two", "three": "two"}, 2),
        ("two one", "three two", {"one": "one", "two": "two", "three": "two"}, 2),
        # Two bindings that share one from now on, and that did so.
        ("one two", "two two", {"one": "one", "two": "two"}, 1),
        ("one one", "one two", {"one": "one", "two": "one"}, 1),
        ("one one", "two two", {"two": "one"}, 1),
    ],
)
def test_ids_that_change_places(
    tmp_path: Path, kind: str, before: str, after: str, kept: dict[str, str], says: int
) -> None:
    read, key = KINDS[kind]

    def bindings(ids: str) -> list[LocalData]:
        return read([{"binding": b, key: id_} for b, id_ in zip("ABC", ids.split(), strict=False)])

    for id_ in set(before.split()):
        put(tmp_path, kind, id_)
    assert moved(tmp_path, bindings(before)) == []
    said = moved(tmp_path, bindings(after))
    assert held(tmp_path, kind) == kept
    assert len(said) == says
    assert moved(tmp_path, bindings(after)) == []


def test_other_data_under_a_new_id_is_reported(tmp_path: Path) -> None:
    put(tmp_path, "kv", "one")
    put(tmp_path, "kv", "two")
    moved(tmp_path, namespaces([{"binding": "A", "id": "one"}]))
    assert moved(tmp_path, namespaces([{"binding": "A", "id": "two"}])) == [
        "The id of A changed from one to two, so it now has the local data that is kept under two; "
        "what it had so far stays under one"
    ]
    moved(tmp_path, namespaces([{"binding": "A", "id": "empty"}]))
    [said] = moved(tmp_path, namespaces([{"binding": "A", "id": "one"}]))
    assert "stays under empty" in said


def test_a_copy_that_was_interrupted_is_done_again(tmp_path: Path) -> None:
    put(tmp_path, "kv", "one")
    for owner in ("app:", "app:staging"):
        moved(tmp_path, namespaces([{"binding": "A", "id": "one"}]), owner)
    half = tmp_path / "v3" / "kv" / "two.cfpy-partial" / "blobs"
    half.mkdir(parents=True)
    (half / "1").write_text("lar")
    moved(tmp_path, namespaces([{"binding": "A", "id": "two"}]))
    assert held(tmp_path, "kv") == {"one": "one", "two": "one"}
    assert not half.exists()


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
