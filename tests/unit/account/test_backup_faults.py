"""Backups and restores with every request of wrangler broken once: nothing half stays, and the same
command finishes what a fault ended.

The requests are those of wrangler, the answers those of the stand-in for Cloudflare's API.
"""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest
from backup_stage import BackupStage

from cfpy.account.backups.folder import FOLDER
from cfpy.account.backups.listing import list_backups
from cfpy.errors import CfpyError, ProjectError, UsageError
from preview_account import FAULTS, Killed

BY_NAME = {fault.name: fault for fault in FAULTS}


def kept(here: BackupStage) -> Path:
    """The bookmarks of a run that did not finish."""
    return here.root / ".wrangler" / "cfpy" / "restore-top-level.json"


@pytest.mark.parametrize("fault", BY_NAME)
@pytest.mark.parametrize("only_files", [False, True], ids=["time travel", "import"])
def test_a_broken_restore_is_finished_by_the_same_command(
    backup_stage: BackupStage, fault: str, only_files: bool
) -> None:
    here = backup_stage
    wanted = copy.deepcopy(here.outcome())
    made = str(here.create().folder)
    here.damage()
    broken = here.rows()
    before = here.api.state(), copy.deepcopy(here.api.data)
    here.restore(made, only_files=only_files)
    requests = len(here.tools.mutations) - 2  # Those of the export.
    # A restore by bookmark asks once, an import twice; then 1 for KV, 2 for R2, 1 for Vectorize.
    assert requests == (6 if only_files else 5)
    for number in range(1, requests + 1):
        here.api.take(before[0])
        here.api.data.__dict__.update(copy.deepcopy(before[1]).__dict__)
        here.undo.clear()
        here.broken(made, number, BY_NAME[fault], only_files=only_files)
        unfinished = kept(here).exists()
        here.restore(made, only_files=only_files)
        assert here.outcome() == wanted, number
        assert not kept(here).exists()
        # The last way back leads to what there was before the first run, also in the second one,
        # which shows its own before that.
        first, *second = here.undo
        assert [item.earlier for item in second] == ([False, True] if unfinished else [False])
        assert not unfinished or second[-1].bookmark == first.bookmark
        here.api.databases["db"].deserialize(here.api.data.bookmarks[first.bookmark][1])
        assert here.rows() == broken, number


@pytest.mark.parametrize("fault", BY_NAME)
def test_a_broken_backup_leaves_no_folder(backup_stage: BackupStage, fault: str) -> None:
    here = backup_stage
    for number in (1, 2):
        here.tools.mutations.clear()
        here.tools.fault = number, BY_NAME[fault]
        try:
            here.create()
        except (CfpyError, Killed):
            assert list((here.root / FOLDER).glob("*/[!.]*")) == []
        here.tools.fault, here.tools.dead = None, False
        made = here.create()
        assert [path.name for path in made.folder.parent.iterdir()] == [made.folder.name]
        shutil.rmtree(made.folder)


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_backup_is_refused_before_anything_changes(
    backup_stage: BackupStage, damage: str
) -> None:
    here = backup_stage
    made = here.create()
    for item in made.manifest.items:
        for name in item.files:
            path = made.folder / name
            content = path.read_bytes()
            path.unlink()
            if damage == "changed":
                path.write_bytes(content[:-1])
            here.tools.mutations.clear()
            with pytest.raises(ProjectError, match="SHA-256" if damage == "changed" else "missing"):
                here.restore(str(made.folder))
            assert here.tools.mutations == []
            path.write_bytes(content)


def test_too_large_a_bucket_does_not_end_the_backups_of_everything_else(
    backup_stage: BackupStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cfpy.account.backups.copying.MOST_OBJECTS", 1)
    made = backup_stage.create()
    assert [item.kind for item in made.manifest.items] == ["d1", "kv", "vectorize"]
    assert not made.manifest.is_whole
    [reason] = made.manifest.too_large
    assert reason.startswith("r2:FILES has more than 1 objects")
    restored = backup_stage.restore(str(made.folder))
    assert restored
    assert f"not in the backup: {reason}" in restored.plan.notices
    made = backup_stage.create(skip=("r2:FILES",), output=backup_stage.root / "skipped")
    assert (made.manifest.skipped, made.manifest.is_whole) == (("r2:FILES",), True)
    with pytest.raises(UsageError, match="more than 1 objects") as refused:
        backup_stage.create(only=("r2",), output=backup_stage.root / "one")
    assert "rclone" in refused.value.hint
    assert "--skip r2:FILES" in refused.value.hint
    assert not (backup_stage.root / "one").exists()


def test_what_is_not_known_is_refused(backup_stage: BackupStage) -> None:
    with pytest.raises(UsageError, match="kv:OTHER"):
        backup_stage.create(only=("kv:OTHER",))
    with pytest.raises(UsageError, match="is not a backup"):
        backup_stage.restore("nowhere")


def test_a_database_read_by_queries_keeps_its_counters(backup_stage: BackupStage) -> None:
    here = backup_stage
    database = here.api.databases["db"]
    database.executescript(
        """
        CREATE TABLE "it's" (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
        CREATE TABLE emptied (id INTEGER PRIMARY KEY AUTOINCREMENT);
        CREATE TABLE unused (id INTEGER PRIMARY KEY AUTOINCREMENT);
        INSERT INTO "it's" (name) VALUES ('a'), ('b'), ('c');
        INSERT INTO emptied VALUES (9007199254740993);
        DELETE FROM "it's" WHERE id > 1;
        DELETE FROM emptied;
        CREATE VIRTUAL TABLE words USING fts5 (text);
        INSERT INTO words VALUES ('hello');
        """
    )
    before = sorted(database.execute("SELECT * FROM sqlite_sequence"))
    made = here.create(only=("d1",))
    assert made.manifest.items[0].how == "queries"
    # Time Travel does not use the file.
    for only_files in (False, True):
        restored = here.restore(str(made.folder), only_files=only_files, dry_run=True)
        assert restored
        assert ("read by queries" in " ".join(restored.plan.notices)) is only_files
    for _ in range(2):
        here.restore(str(made.folder), only_files=True)
        assert sorted(database.execute("SELECT * FROM sqlite_sequence")) == before
    database.execute("INSERT INTO \"it's\" (name) VALUES ('d')")
    assert database.execute('SELECT max(id) FROM "it\'s"').fetchone() == (4,)


def test_a_backup_is_not_part_of_git_wherever_it_is(backup_stage: BackupStage) -> None:
    """The project ignores a part of one folder, and another folder with the name of the other."""
    here = backup_stage
    (here.root / ".gitignore").write_text("backups/old/\n/one/\n")
    assert here.create(only=("kv",)).folder.is_relative_to(here.root / FOLDER)
    made = here.create(output=here.root / "dumps" / "one", only=("kv",))
    for folder in (here.root / FOLDER, made.folder):
        assert (folder / ".gitignore").read_text() == "*\n"
    here.restore(str(made.folder), dry_run=True)


def test_backups_with_a_name_of_their_own_are_listed(backup_stage: BackupStage) -> None:
    here = backup_stage
    home = here.root / FOLDER
    for name in ("one", "mine/two"):
        here.create(output=home / name, only=("kv",))
    here.create(only=("kv",))
    (home / "notes").mkdir()
    (home / ".partial-three").mkdir()
    (home / "top-level" / ".partial-four").mkdir()
    found = list_backups(here.context(), here.root, "", None).backups
    names = sorted(name for name, _ in found)
    assert names[:2] == ["mine/two", "one"]
    assert names[2].startswith("top-level/")
    assert len(names) == 3
    here.restore("one", dry_run=True)
    # What killed runs have left is removed by the next one, whatever its place.
    here.create(output=home / "mine" / "five", only=("kv",))
    assert list(home.rglob(".partial-*")) == []
    assert (home / "notes").is_dir()
