"""Pulls of a remote database into the local one: masked, closed, and all or nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from backup_stage import BackupStage

from account_in_process import InProcess, refused
from cfpy.errors import CfpyError, UsageError
from cfpy.local.data_pull import Pulled, PullRequest, pull
from cfpy.local.kept_data import database_file
from cfpy.local.pulled_rows import Wanted

TABLES = """
DROP TABLE children; DROP TABLE parents;
CREATE TABLE people (email TEXT PRIMARY KEY, name TEXT, boss TEXT REFERENCES people) WITHOUT ROWID;
CREATE TABLE letters (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sender TEXT REFERENCES people (email),
  length INTEGER GENERATED ALWAYS AS (length(body)),
  body TEXT CHECK (body <> 'masked'),
  big INTEGER, picture BLOB, weight REAL
);
CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE "odd ""name" (rowid TEXT, "a b" TEXT);
CREATE VIRTUAL TABLE words USING fts5 (body, content = 'letters', content_rowid = 'id');
CREATE VIRTUAL TABLE notes USING fts5 (body);
CREATE VIEW senders AS SELECT sender FROM letters;
CREATE TRIGGER added AFTER INSERT ON letters BEGIN
  INSERT INTO words (rowid, body) VALUES (new.id, new.body);
END;
INSERT INTO d1_migrations VALUES (1, '0001.sql'), (2, '0002.sql');
INSERT INTO people VALUES ('a@x.test', 'Ada', NULL), ('b@x.test', NULL, 'a@x.test');
INSERT INTO people VALUES ('c@x.test', 'Cy', 'b@x.test'), ('d@x.test', '', NULL);
INSERT INTO letters (sender, body, big, picture, weight) VALUES
  ('d@x.test', 'first', 1, x'00', 0.1),
  (NULL, 'no' || char(0) || 'ne', -9223372036854775808, x'', 1e300),
  ('c@x.test', 'newest', 9223372036854775807, x'ff00', -0.5);
INSERT INTO "odd ""name" VALUES ('r', 's');
INSERT INTO notes (rowid, body) VALUES (4, 'about Ada');
"""


@pytest.fixture
def here(backup_stage: BackupStage) -> BackupStage:
    backup_stage.api.databases["db"].executescript(TABLES)
    return backup_stage


def take(here: BackupStage, *, yes: bool = True, **options: Any) -> Pulled | None:
    return pull(here.context(), PullRequest(here.root, "", **options), lambda _: yes)


def local(here: BackupStage) -> Path:
    id_ = here.api.database_id("db")
    return database_file(here.root / ".wrangler" / "state", "d1", id_)


def rows(here: BackupStage, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(local(here)) as database:
        return database.execute(sql).fetchall()


def test_without_masks_it_is_the_remote_database(here: BackupStage) -> None:
    take(here)
    with sqlite3.connect(local(here)) as database:
        assert sorted(database.iterdump()) == here.rows()
    assert rows(here, "SELECT rowid FROM words WHERE words MATCH 'newest'") == [(3,)]
    assert rows(here, "SELECT rowid FROM notes WHERE notes MATCH 'Ada'") == [(4,)]
    assert local(here).stat().st_mode & 0o777 == 0o600
    assert (here.root / ".wrangler" / ".gitignore").read_text() == "*\n"


def test_masks_follow_foreign_keys_and_reach_every_file(here: BackupStage) -> None:
    done = take(here, masks=("People.Email", "people.name", "letters.body"))
    assert done is not None
    masked = ("people.email", "people.name", "people.boss", "letters.sender", "letters.body")
    assert done.plan.masked == masked
    assert done.plan.empty == ("notes",)
    assert done.orphans == 0
    joined = "SELECT count(*) FROM letters JOIN people ON email = sender"
    assert rows(here, joined) == [(2,)]
    assert rows(here, "SELECT count(*) FROM people WHERE name IS NULL OR name = ''") == [(2,)]
    for path in (here.root / ".wrangler").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(word in content for word in (b"x.test", b"Ada", b"newest")), path


def test_a_sample_has_what_it_refers_to(here: BackupStage) -> None:
    done = take(here, wanted=Wanted(("letters",), 1))
    assert done is not None
    assert rows(here, "SELECT body FROM letters") == [("newest",)]
    # Cy's boss, and the boss of that one.
    found = [("a@x.test",), ("b@x.test",), ("c@x.test",)]
    assert rows(here, "SELECT email FROM people ORDER BY email") == found
    assert (done.rows["d1_migrations"], done.rows['odd "name'], done.orphans) == (2, 0, 0)


def test_a_table_brings_those_that_it_refers_to(here: BackupStage) -> None:
    done = take(here, wanted=Wanted(("letters",)))
    assert done is not None
    assert dict(done.rows) == {"people": 4, "letters": 3, "d1_migrations": 2, 'odd "name': 0}


@pytest.mark.parametrize(
    "options",
    [
        {"masks": ("people.phone",)},
        {"masks": ("nobody.email",)},
        {"wanted": Wanted(("nobody",))},
        {"binding": "OTHER"},
        {"into": "nowhere"},
    ],
    ids=str,
)
def test_what_is_not_there_is_refused(here: BackupStage, options: dict[str, Any]) -> None:
    with pytest.raises(CfpyError):
        take(here, **options)
    assert not local(here).exists()


def masks(here: BackupStage, **mask: Any) -> None:
    keys = "\n".join(f"{key} = {value!r}" for key, value in mask.items())
    (here.root / "cfpy.toml").write_text(f"[[masks]]\n{keys}\n")


@pytest.mark.parametrize("binding", ["DATABASE", "db", "CACHE"])
def test_a_mask_of_no_database_is_refused(here: BackupStage, binding: str) -> None:
    masks(here, binding=binding, columns=["people.email"])
    with pytest.raises(UsageError, match=f"the binding {binding}, which no database has") as caught:
        take(here)
    assert "Use one of DB" in caught.value.hint
    assert not local(here).exists()


def test_a_mask_of_another_environment_is_not_refused(here: BackupStage) -> None:
    config = here.root / "wrangler.toml"
    table = '[[env.a.d1_databases]]\nbinding = "OTHER"\ndatabase_name = "x"\n'
    config.write_text(f"{config.read_text()}\n{table}")
    masks(here, binding="OTHER", columns=["people.email"])
    done = take(here)
    assert done
    assert done.plan.masked == ()


@pytest.mark.parametrize("pulled", ["", "DB", "AGAIN"])
def test_a_mask_may_name_any_binding_of_the_database(here: BackupStage, pulled: str) -> None:
    config = here.root / "wrangler.toml"
    id_ = here.api.database_id("db")
    table = f'[[d1_databases]]\nbinding = "AGAIN"\ndatabase_name = "db"\ndatabase_id = "{id_}"\n'
    config.write_text(f"{config.read_text()}\n{table}")
    masks(here, binding="AGAIN", columns=["people.name"])
    done = take(here, binding=pulled)
    assert done
    assert done.plan.masked == ("people.name",)


OTHER_ENV = '[env.a]\n[[env.a.d1_databases]]\nbinding = "READ"\n{same}'


@pytest.mark.parametrize(("environment", "binding"), [("a", "DB"), ("", "READ")])
@pytest.mark.parametrize("same", ['database_id = "{id}"', 'database_name = "db"'])
def test_a_mask_may_name_the_binding_in_another_environment(
    here: BackupStage, environment: str, binding: str, same: str
) -> None:
    config = here.root / "wrangler.toml"
    table = OTHER_ENV.format(same=same.format(id=here.api.database_id("db")))
    config.write_text(f"{config.read_text()}\n{table}\n")
    masks(here, binding=binding, columns=["people.name"])
    request = PullRequest(here.root, environment, into=environment)
    done = pull(here.context(), request, lambda _: True)
    assert done
    assert done.plan.masked == ("people.name",)
    assert not any(b"Ada" in path.read_bytes() for path in here.root.rglob("*.sqlite"))


def test_a_computed_column_is_masked_by_masking_what_it_is_computed_from(
    here: BackupStage,
) -> None:
    with pytest.raises(UsageError, match="it is computed from other columns") as caught:
        take(here, masks=("Letters.Length",))
    assert caught.value.hint.startswith("Mask those")
    with pytest.raises(UsageError, match="does not have the column"):
        take(here, masks=("letters.width",))


def test_a_mask_that_breaks_a_rule_changes_nothing(here: BackupStage) -> None:
    here.api.databases["db"].executescript(
        "CREATE TABLE codes (code TEXT CHECK (length(code) = 2)); INSERT INTO codes VALUES ('ab')"
    )
    take(here)
    before = local(here).read_bytes()
    with pytest.raises(UsageError, match="breaks a rule"):
        take(here, masks=("codes.code",))
    assert local(here).read_bytes() == before
    assert [path.name for path in local(here).parent.iterdir()] == [local(here).name]


def test_a_failure_and_a_no_change_nothing(here: BackupStage, cloudflare: InProcess) -> None:
    take(here)
    before = local(here).read_bytes()
    assert take(here, yes=False) is None
    path = f"d1/database/{here.api.database_id('db')}/query"

    def stopped(_plan: object) -> bool:
        cloudflare.instead[path] = [refused(403, 10000)]
        return True

    with pytest.raises(CfpyError):
        pull(here.context(), PullRequest(here.root, ""), stopped)
    assert local(here).read_bytes() == before
    assert [path.name for path in local(here).parent.iterdir()] == [local(here).name]


def test_the_log_of_the_old_database_is_not_applied_to_the_new_one(here: BackupStage) -> None:
    take(here)
    # As a runtime that was killed leaves it.
    old = sqlite3.connect(local(here))
    old.execute("PRAGMA journal_mode = WAL")
    old.execute("INSERT INTO d1_migrations VALUES (9, 'local')")
    old.commit()
    log = local(here).with_name(f"{local(here).name}-wal")
    kept = local(here).read_bytes(), log.read_bytes()
    old.close()
    local(here).write_bytes(kept[0])
    log.write_bytes(kept[1])
    take(here)
    assert rows(here, "SELECT count(*) FROM d1_migrations") == [(2,)]


def test_the_names_of_migrations_are_not_personal(here: BackupStage) -> None:
    columns = here.api.databases["db"].execute("PRAGMA table_info(d1_migrations)")
    assert "name" in [row[1] for row in columns]
    pulled = take(here)
    assert pulled
    assert "d1_migrations.name" not in pulled.plan.unmasked
    assert pulled.plan.unmasked
