"""Keys and objects that can't be copied, or perhaps not: a backup names them and has the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx
import pytest
from backup_stage import BackupStage
from cloudflare_data import Stored

from account_in_process import InProcess, refused
from cfpy.account.backups.keys import some
from cfpy.errors import NotAuthenticatedError

DOTTED = ("a/../c", "./x", "x/.", "../../buckets")
OBJECTS = "r2/buckets/files/objects"


def test_keys_with_segments_of_dots_are_copied(backup_stage: BackupStage) -> None:
    here = backup_stage
    here.api.data.objects["files"] |= {key: Stored(key.encode()) for key in DOTTED}
    here.api.data.objects["files"] |= {key: Stored(b"plain") for key in ("...", "a/..b", "%2E")}
    made = here.create(only=("r2",))
    [item] = made.manifest.items
    assert (item.missed, item.count, made.manifest.is_whole) == ((), 9, True)
    index = {entry["key"]: entry["file"] for entry in json.loads(read(made.folder, item.index))}
    assert all(read(made.folder, index[key]) == key.encode() for key in DOTTED)
    # No request may write them: a server that resolves the address would write over another object.
    before = dict(here.api.data.objects["files"])
    here.overwrite()
    restored = here.restore(str(made.folder))
    assert restored
    assert all(key in " ".join(restored.plan.notices) for key in DOTTED)
    for key, stored in here.api.data.objects["files"].items():
        assert stored == (Stored(b"another") if key in DOTTED else before[key]), key


def test_a_key_that_can_not_be_named_is_left_out_by_name(backup_stage: BackupStage) -> None:
    here = backup_stage
    here.api.data.objects["files"] |= {"..": Stored(b"other"), ".": Stored(b"other")}
    here.api.data.values["c" * 32] |= {"..": Stored(b"1"), "../a": Stored(b"2")}
    manifest = here.create(only=("kv", "r2")).manifest
    kv, r2 = manifest.items
    assert not manifest.is_whole
    assert (r2.missed, r2.count) == ((".", ".."), 2)
    assert "a part of the key is . or .." in r2.notes[0]
    assert (kv.missed, kv.count) == (("..",), 3)


@pytest.mark.parametrize("etag", ["9" * 32, "9" * 32 + "-2"], ids=["one part", "several parts"])
def test_a_server_that_resolves_the_address_gives_no_wrong_object(
    backup_stage: BackupStage, cloudflare: InProcess, etag: str
) -> None:
    cloudflare.instead[OBJECTS] = [listing("a/../c", etag) for _ in range(2)]
    answer = httpx.Response(200, content=b"2")
    cloudflare.instead[f"{OBJECTS}/a/../c"] = [answer, answer]
    manifest = backup_stage.create(only=("r2",)).manifest
    assert not manifest.is_whole
    assert manifest.items[0].missed == ("a/../c",)


def test_an_object_that_is_not_what_the_bucket_lists_is_not_copied(
    backup_stage: BackupStage, cloudflare: InProcess
) -> None:
    here, path = backup_stage, f"{OBJECTS}/c"
    wrong = httpx.Response(200, content=b"another object")
    cloudflare.instead[path] = [wrong]
    made = here.create(only=("r2",))
    # Perhaps it was just written: it is read again.
    assert (made.manifest.is_whole, made.manifest.items[0].count) == (True, 2)
    shutil.rmtree(made.folder)
    same_size = httpx.Response(200, content=b"X")
    cloudflare.instead[path] = [wrong, same_size]
    made = here.create(only=("r2",))
    [item] = made.manifest.items
    assert (item.missed, item.count, made.manifest.is_whole) == (("c",), 1, False)
    assert "not what the bucket lists: c" in item.notes[0]
    shutil.rmtree(made.folder)
    gone = httpx.Response(404, json={"success": False, "errors": []})
    cloudflare.instead[path] = [gone, gone]
    assert here.create(only=("r2",)).manifest.items[0].missed == ("c",)


@pytest.mark.parametrize(
    ("answered", "copied"),
    [("", True), ("1" * 32 + "-2", True), ("2" * 32 + "-2", False), ("3" * 32, True)],
)
def test_an_object_of_several_parts_is_compared_by_the_etag_of_the_answer(
    backup_stage: BackupStage, cloudflare: InProcess, answered: str, copied: bool
) -> None:
    cloudflare.instead[OBJECTS] = [listing("c", "1" * 32 + "-2") for _ in range(2)]
    headers = {"etag": f'"{answered}"'} if answered else {}
    answer = httpx.Response(200, content=b"X", headers=headers)
    cloudflare.instead[f"{OBJECTS}/c"] = [answer, answer]
    [item] = backup_stage.create(only=("r2",)).manifest.items
    assert item.missed == (() if copied else ("c",))


@pytest.mark.parametrize("kind", ["r2", "kv"])
@pytest.mark.parametrize(
    "answer",
    [refused(400, 10099, "encrypted with a key of its owner"), httpx.Response(403, text="<html>")],
    ids=["api", "firewall"],
)
def test_a_value_that_is_not_given_does_not_end_the_backup(
    backup_stage: BackupStage, cloudflare: InProcess, kind: str, answer: httpx.Response
) -> None:
    path, key = {
        "r2": (f"{OBJECTS}/c", "c"),
        "kv": (f"storage/kv/namespaces/{'c' * 32}/values/raw", "raw"),
    }[kind]
    cloudflare.instead[path] = [answer, answer]
    made = backup_stage.create()
    [item] = [item for item in made.manifest.items if item.kind == kind]
    assert (item.missed, item.count, made.manifest.is_whole) == ((key,), 1, False)
    assert f"refuses to give them: {key}" in " ".join(item.notes)


def test_a_token_without_the_permission_ends_the_backup(
    backup_stage: BackupStage, cloudflare: InProcess
) -> None:
    cloudflare.instead[f"{OBJECTS}/c"] = [refused(403, 10000, "Authentication error")]
    with pytest.raises(NotAuthenticatedError):
        backup_stage.create(only=("r2",))


def test_a_key_does_not_control_the_terminal() -> None:
    assert some(["a\x1b[2Jb", "ü"]) == "'a\\x1b[2Jb', ü"


def read(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()


def listing(key: str, etag: str) -> httpx.Response:
    """A bucket with one object, of one byte."""
    entry = {"key": key, "size": 1, "etag": etag, "storage_class": "Standard"}
    return httpx.Response(200, json={"success": True, "errors": [], "result": [entry]})
