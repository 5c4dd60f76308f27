"""What a restore refuses, and what it says before it changes anything: whose backup it is, which
files it reads, and the ways back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backup_stage import BackupStage

from cfpy.account.backups.folder import MANIFEST
from cfpy.errors import CfpyError, PlanConflictError, ProjectError, UsageError
from cfpy.tools.files import file_sha256
from preview_account import FAULTS

REFUSED, *_, KILLED_AFTER = FAULTS


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Edit the manifest of a backup."""
    path = folder / MANIFEST
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def edit_file(folder: Path, kind: str, change: Callable[[list[Any]], object]) -> None:
    """Edit a JSON file of a backup, as somebody who also edits the manifest."""

    def signed(document: dict[str, Any]) -> None:
        [item] = [item for item in document["items"] if item["kind"] == kind]
        name = [name for name in item["files"] if name.endswith(".json")][-1]
        entries = json.loads((folder / name).read_text())
        change(entries)
        (folder / name).write_text(json.dumps(entries))
        item["files"][name] = file_sha256(folder / name)

    edit(folder, signed)


def refused(here: BackupStage, folder: Path, match: str, **options: Any) -> CfpyError:
    """The error of a restore that has changed nothing."""
    here.tools.mutations.clear()
    with pytest.raises((UsageError, ProjectError), match=match) as caught:
        here.restore(str(folder), **options)
    assert here.tools.mutations == []
    assert "Nothing was changed" in caught.value.hint
    return caught.value


@pytest.mark.parametrize("changed", [{"worker": "blog"}, {"account_id": "f" * 32}], ids=str)
@pytest.mark.parametrize("to", [None, ""])
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_backup_of_another_worker_or_account_is_refused(
    backup_stage: BackupStage, changed: dict[str, str], to: str | None, dry_run: bool
) -> None:
    here = backup_stage
    made = here.create()
    edit(made.folder, lambda document: document.update(changed))
    error = refused(here, made.folder, "this is a backup of", to=to, dry_run=dry_run)
    assert next(iter(changed.values())) in error.message
    assert "--from-another" in error.hint
    restored = here.restore(str(made.folder), to=to, dry_run=dry_run, from_another=True)
    assert restored
    assert restored.plan.as_dict()["backup"].items() >= changed.items()


def rebind(here: BackupStage, name: str, *, keeps_the_first: bool) -> None:
    """Let DB lead to a new database of ``name``, and OTHER to the first one, if it is kept."""
    first, new = here.api.database_id("db"), here.api.add_database(name)
    here.api.databases[name].execute("CREATE TABLE users (id)")
    config = here.root / "wrangler.toml"
    text = config.read_text().replace(first, new).replace('"db"', f'"{name}"')
    other = f'database_name = "db"\ndatabase_id = "{first}"\n'
    if keeps_the_first:
        text += f'\n[[d1_databases]]\nbinding = "OTHER"\n{other}'
    config.write_text(text)


def test_a_resource_does_not_get_what_another_one_had(backup_stage: BackupStage) -> None:
    """The names of two bindings were exchanged since."""
    here = backup_stage
    made = here.create()
    rebind(here, "users", keeps_the_first=True)
    with pytest.raises(PlanConflictError, match="bound as OTHER now: users would") as caught:
        here.restore(str(made.folder))
    assert "--skip d1:DB" in caught.value.hint
    assert "CREATE TABLE users (id);" in here.api.databases["users"].iterdump()
    assert here.restore(str(made.folder), skip=("d1:DB",))
    assert here.restore(str(made.folder), from_another=True)


def test_what_replaces_a_lost_resource_gets_its_backup(backup_stage: BackupStage) -> None:
    here = backup_stage
    made = here.create()
    rebind(here, "db-2", keeps_the_first=False)
    restored = here.restore(str(made.folder))
    assert restored
    assert "db was copied" in restored.plan.notices[0]
    assert "leads to db-2 now" in restored.plan.notices[0]
    assert any("INSERT INTO" in line for line in here.api.databases["db-2"].iterdump())


def test_a_backup_goes_into_another_environment_of_its_project(backup_stage: BackupStage) -> None:
    here = backup_stage
    made = here.create()
    config = here.root / "wrangler.toml"
    tables = config.read_text().partition("[[")
    staging = "".join(tables[1:]).replace("[[", "[[env.staging.")
    config.write_text(f"{config.read_text()}\n[env.staging]\n{staging}")
    restored = here.restore(str(made.folder), to="staging", dry_run=True, shared=True)
    assert restored
    assert (restored.plan.worker, restored.plan.backup.worker) == ("shop-staging", "shop")
    assert not any("is live" in item for item in restored.plan.notices)
    # The code of staging works on it.
    here.api.scripts["shop-staging"] = []
    here.api.live["shop-staging"] = f"{'0' * 8}-0000-0000-0000-{'1' * 12}"
    live = here.restore(str(made.folder), to="staging", dry_run=True, shared=True)
    assert live
    said = "shop-staging is live: its code works on this data"
    assert any(notice.startswith(said) for notice in live.plan.notices)
    # The environment that it is of is not in the configuration any more.
    edit(made.folder, lambda document: document.update(environment="old", worker="shop-old"))
    refused(here, made.folder, "the same environment here is missing", to="staging", dry_run=True)


@pytest.mark.parametrize("only_files", [False, True])
def test_migrations_that_came_after_the_backup_are_named(
    backup_stage: BackupStage, only_files: bool
) -> None:
    """The live code may need them."""
    here = backup_stage
    (here.root / "migrations").mkdir()
    (here.root / "migrations" / "0001_it's.sql").write_text("SELECT 1")
    database = here.api.databases["db"]
    database.executescript(
        "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT, applied_at TEXT);"
        "INSERT INTO d1_migrations VALUES (1, '0001_it''s.sql', '2026-11-26 12:00:00');"
    )
    made = here.create()

    def said() -> list[str]:
        found = here.restore(str(made.folder), dry_run=True, only_files=only_files)
        assert found
        return [text for text in found.plan.notices if "is from before" in text]

    assert said() == []
    (here.root / "migrations" / "0002_x.sql").write_text("CREATE TABLE x (a)")
    database.execute("INSERT INTO d1_migrations VALUES (2, '0002_x.sql', '2026-11-27 12:00:00')")
    [notice] = said()
    assert notice.startswith("d1:DB: the backup is from before 0002_x.sql. ")
    assert "cfpy provision" in notice


@pytest.mark.parametrize("name", ["../key", "/etc/passwd", "r2/FILES.json", "kv/CACHE-0001.json"])
def test_an_object_is_one_of_the_verified_files(backup_stage: BackupStage, name: str) -> None:
    here = backup_stage
    made = here.create()
    (made.folder.parent / "key").write_text("private")
    edit_file(made.folder, "r2", lambda entries: entries[0].update(file=name))
    refused(here, made.folder, "is not a file of the backup")


@pytest.mark.parametrize("kind", ["d1", "kv", "r2", "vectorize"])
@pytest.mark.parametrize("link", ["file", "folder", MANIFEST])
def test_a_backup_has_no_links(backup_stage: BackupStage, kind: str, link: str) -> None:
    here = backup_stage
    made = here.create()
    [item] = [item for item in made.manifest.items if item.kind == kind]
    path = made.folder / list(item.files)[-1]
    path = {"file": path, "folder": path.parent, MANIFEST: made.folder / MANIFEST}[link]
    outside = here.root / "outside"
    path.rename(outside)
    path.symlink_to(outside)
    refused(here, made.folder, "is a link")


@pytest.mark.parametrize(
    "name", ["/x", "../x", "a/../x", "./x", "a//x", "a/", "", "..\\x", "a\x1b", "a\0"], ids=ascii
)
@pytest.mark.parametrize("kind", ["d1", "kv", "r2", "vectorize"])
def test_a_manifest_names_no_file_outside(backup_stage: BackupStage, name: str, kind: str) -> None:
    here = backup_stage
    made = here.create()

    def outside(document: dict[str, Any]) -> None:
        [item] = [item for item in document["items"] if item["kind"] == kind]
        item["files"] = {name: "0" * 64}

    edit(made.folder, outside)
    refused(here, made.folder, "outside of the backup")


@pytest.mark.parametrize(
    ("kind", "files"),
    [("d1", {}), ("d1", {"a": "", "b": ""}), ("vectorize", {}), ("r2", {}), ("kv", [])],
)
def test_a_manifest_has_the_files_of_each_kind(
    backup_stage: BackupStage, kind: str, files: object
) -> None:
    here = backup_stage
    made = here.create()
    edit(made.folder, lambda document: document["items"][0].update(kind=kind, files=files))
    refused(here, made.folder, "damaged")


@pytest.mark.parametrize(
    "changed", [{"worker": "a\x1b[2J"}, {"created": "yesterday"}, {"items": [1]}], ids=str
)
def test_a_manifest_is_what_cfpy_writes(backup_stage: BackupStage, changed: Any) -> None:
    here = backup_stage
    made = here.create()
    edit(made.folder, lambda document: document.update(changed))
    refused(here, made.folder, "damaged")


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("r2", {"key": 1}),
        ("r2", {"etag": None}),
        ("r2", {"http_metadata": {"contentType": ["a"]}}),
        ("r2", {"http_metadata": []}),
        ("kv", {"value": {}}),
        ("kv", {"expiration": "soon"}),
    ],
)
def test_the_contents_of_a_backup_are_what_cfpy_writes(
    backup_stage: BackupStage, kind: str, changed: dict[str, Any]
) -> None:
    here = backup_stage
    made = here.create()
    edit_file(made.folder, kind, lambda entries: entries[0].update(changed))
    refused(here, made.folder, "not as a backup has it")
    edit_file(made.folder, kind, lambda entries: entries.append("another"))
    refused(here, made.folder, "not as a backup has it")


def test_a_key_of_a_namespace_that_no_request_can_name_is_refused(
    backup_stage: BackupStage,
) -> None:
    here = backup_stage
    made = here.create()
    edit_file(made.folder, "kv", lambda entries: entries[0].update(key=".."))
    error = refused(here, made.folder, r"no key of a namespace may be \.\.")
    assert "--skip kv:CACHE" in error.hint
    here.restore(str(made.folder), skip=("kv",))


def write_a_row(here: BackupStage) -> list[str]:
    """What the database has after production has written a row."""
    here.api.databases["db"].execute("INSERT INTO parents (id) VALUES (99)")
    return here.rows()


def at(here: BackupStage, bookmark: str) -> list[str]:
    """What the database had at a bookmark."""
    here.api.databases["db"].deserialize(here.api.data.bookmarks[bookmark][1])
    return here.rows()


def test_a_run_that_was_refused_leaves_no_way_back(backup_stage: BackupStage) -> None:
    """It would undo everything that was written since then."""
    here = backup_stage
    made = here.create(only=("d1",))
    here.broken(str(made.folder), 1, REFUSED, only_files=True)
    now = write_a_row(here)
    here.undo.clear()
    here.restore(str(made.folder), only_files=True)
    [undo] = here.undo
    assert not undo.earlier
    assert at(here, undo.bookmark) == now


def test_a_run_that_may_have_changed_something_leaves_its_way_back(
    backup_stage: BackupStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = backup_stage
    made = here.create(only=("d1",))
    monkeypatch.setattr("cfpy.account.backups.kept_bookmarks.timestamp", lambda _: times.pop(0))
    times = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]
    here.damage()
    first = here.rows()
    here.broken(str(made.folder), 2, KILLED_AFTER, only_files=True)
    second = write_a_row(here)
    here.broken(str(made.folder), 2, KILLED_AFTER, only_files=True)
    here.undo.clear()
    here.restore(str(made.folder), only_files=True)
    found = [(undo.time[:10], undo.earlier) for undo in here.undo]
    assert found == [("2026-01-03", False), ("2026-01-01", True), ("2026-01-02", True)]
    assert at(here, here.undo[1].bookmark) == first
    assert at(here, here.undo[2].bookmark) == second
    # It was complete: the next one starts anew.
    times = ["2026-01-04T00:00:00Z"]
    here.undo.clear()
    here.restore(str(made.folder), only_files=True)
    assert [undo.earlier for undo in here.undo] == [False]


def test_a_restore_of_something_else_keeps_the_ways_back(backup_stage: BackupStage) -> None:
    here = backup_stage
    made = str(here.create().folder)
    other = str(here.create(output=here.root / "other").folder)
    here.damage()
    before = here.rows()
    here.broken(made, 2, KILLED_AFTER, only_files=True)
    here.restore(made, only=("kv",))
    here.undo.clear()
    here.restore(other, only_files=True)
    *_, earliest = here.undo
    assert earliest.earlier
    assert at(here, earliest.bookmark) == before
