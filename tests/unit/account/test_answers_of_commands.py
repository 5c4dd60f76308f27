"""What commands answer during a rollout and after a backup: cfpy in this process, and no other.

`pytest tests/unit/account/test_answers_of_commands.py --update-golden` rewrites
tests/golden/cli/data.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from backup_stage import BackupStage
from cloudflare_data import Stored
from contract import check, shape
from typer.testing import CliRunner

from cfpy.cli.app import app
from rollout_stage import RolloutStage

SCHEMA = json.loads(files("cfpy").joinpath("cli/output.schema.json").read_text("utf-8"))
Start = Callable[[], RolloutStage]
NAMES = {
    *("backup", "create", "list", "restore", "data", "pull"),
    *("deploy", "--percent", "rollback", "promote"),
}


@pytest.fixture
def cfpy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command on the project of a stage, and gives what it prints."""

    def run(stage: RolloutStage | BackupStage, *words: str, code: int = 0) -> str:
        context = stage.context()
        monkeypatch.setattr("cfpy.tools.context.build_context", lambda *_given: context)
        done = CliRunner().invoke(app, [*words, "--cwd", str(stage.root)])
        assert done.exit_code == code, done.output
        return done.stdout if code == 0 else done.output

    return run


@pytest.fixture
def answer(cfpy: Callable[..., str]) -> Callable[..., Any]:
    """As ``cfpy``, but gives the document of ``--json``."""

    def run(stage: RolloutStage | BackupStage, *words: str) -> Any:
        document = json.loads(cfpy(stage, *words, "--json"))
        jsonschema.validate(document, SCHEMA)
        assert document["command"].split() == list(words[: len(document["command"].split())])
        return document["data"]

    return run


def test_status_shows_how_versions_share_the_traffic(
    rollout: Start, cfpy: Callable[..., str], answer: Callable[..., Any]
) -> None:
    here = rollout()
    one = here.first
    assert answer(here, "status")["versions"] == [{"version_id": one, "percent": 100}]
    assert f"Live version: {one}\n" in cfpy(here, "status")
    here.code("two")
    here.share(10)
    [two] = {item["id"] for item in here.api.rollouts.uploads["shop"]} - {one}
    for percent in (10, 60):
        here.share(percent)
        found = answer(here, "status")
        most = two if percent > 50 else one
        assert (found["live_version"], found["drift"]) == (most, [])
        assert found["versions"] == [
            {"version_id": two, "percent": percent},
            {"version_id": one, "percent": 100 - percent},
        ]
        said = cfpy(here, "status")
        assert f"  {two}, with {percent} %\n  {one}, with {100 - percent} %\n" in said
        assert said.splitlines()[-1].startswith("  cfpy deploy ")
        assert "--percent 100" in said
    here.rollback()
    assert answer(here, "status")["versions"] == [{"version_id": one, "percent": 100}]


def test_status_in_a_rollout_is_about_what_no_live_version_has(
    rollout: Start, answer: Callable[..., Any]
) -> None:
    """A rollout is from a branch: neither its files nor those of main differ from all versions."""
    here = rollout()
    config = here.root / "wrangler.toml"
    main = config.read_text()
    prices = '[[d1_databases]]\nbinding = "PRICES"\ndatabase_name = "shop-prices"\n\n'
    branch = main.replace("[triggers]", f'[vars]\nSHOWS = "prices"\n\n{prices}[triggers]')
    config.write_text(branch.replace("2026-09-01", "2026-10-01"))
    here.code("two")
    for percent in (10, 60):
        here.share(percent)
        branch = config.read_text()
        for text in (branch, main):
            config.write_text(text)
            assert answer(here, "status")["drift"] == []
        by_hand = main.replace("2026-09-01", "2026-08-01")
        config.write_text(by_hand.replace("[triggers]", '[vars]\nSHOWS = "all"\n\n[triggers]'))
        assert [item.split(",")[0] for item in answer(here, "status")["drift"]] == [
            "the live version has the compatibility_date 2026-10-01",
            "the variable SHOWS has another value in the live version",
        ]
        config.write_text(branch)


def test_migrations_that_the_checkout_does_not_have_are_a_difference(
    rollout: Start, answer: Callable[..., Any]
) -> None:
    """Once for a database, whatever its bindings are. In a rollout, they are its branch's."""
    here = rollout()
    config = here.root / "wrangler.toml"
    [table] = re.findall(r"\[\[d1_databases\]\]\n(?:.+\n)+", config.read_text())
    other = table.replace('"DB"', '"SAME"')
    assert answer(here, "status")["drift"] == []
    config.write_text(config.read_text().replace(table, f"{table}\n{other}"))
    prices = here.root / "migrations" / "0002_prices.sql"
    prices.write_text("CREATE TABLE prices (id INTEGER PRIMARY KEY);")
    here.code("two")
    here.share(10)
    prices.unlink()
    assert answer(here, "status")["drift"] == []
    here.share(100)
    said = "shop-db has had 0002_prices.sql, which this checkout does not have"
    assert answer(here, "status")["drift"] == [said]
    notices = answer(here, "plan")["notices"]
    assert [item for item in notices if "shop-db" in item] == [
        f"{said}: it may be older than what is live"
    ]


def test_status_of_what_is_not_live_has_no_versions(
    backup_stage: BackupStage, answer: Callable[..., Any]
) -> None:
    found = answer(backup_stage, "status")
    assert (found["live_version"], found["versions"]) == ("", [])


def test_a_restore_shows_whose_backup_it_is(
    backup_stage: BackupStage, cfpy: Callable[..., str], answer: Callable[..., Any]
) -> None:
    made = answer(backup_stage, "backup", "create")
    source = f"shop (the top level) in the account {made['account_id']}, of {made['created']}"
    folder = made["folder"]
    planned = cfpy(backup_stage, "backup", "restore", folder, "--dry-run")
    assert f"From the backup of {source}\n" in planned
    done = cfpy(backup_stage, "backup", "restore", folder, "--yes", "--confirm", "shop")
    assert f"From the backup of {source}\n" in done
    assert done.splitlines()[-1] == f"Restored the backup of {source}."


def test_a_restore_asks_with_the_source_of_the_backup(
    backup_stage: BackupStage, cfpy: Callable[..., str], answer: Callable[..., Any]
) -> None:
    made = answer(backup_stage, "backup", "create")
    said = cfpy(backup_stage, "backup", "restore", made["folder"], code=2)
    source = f"shop (the top level) in the account {made['account_id']}, of {made['created']}"
    assert f"into shop from the backup of {source}" in " ".join(said.split())


def test_a_backup_that_is_not_whole_names_what_is_missing(
    backup_stage: BackupStage,
    cfpy: Callable[..., str],
    answer: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backup_stage.api.data.objects["files"][".."] = Stored(b"1")
    monkeypatch.setattr("cfpy.account.backups.copying.MOST_KEYS", 1)
    said = cfpy(backup_stage, "backup", "create", code=1)
    assert "r2:FILES: not copied, because a part of the key is . or .." in said
    assert "Not copied: kv:CACHE has more than 1 keys" in said
    assert "The backup is not whole: 1 of r2:FILES, kv:CACHE could not be copied." in said
    assert "; without 1 of r2:FILES, kv:CACHE" in " ".join(
        cfpy(backup_stage, "backup", "list").split()
    )
    [path] = backup_stage.root.glob("backups/*/*/manifest.json")
    manifest = json.loads(path.read_text())
    assert [item["missed"] for item in manifest["items"]] == [[], [".."], []]
    assert len(manifest["too_large"]) == 1
    [listed] = answer(backup_stage, "backup", "list")["backups"]
    assert (listed["whole"], listed["missed"]) == (False, {"r2:FILES": 1})
    assert (listed["skipped"], listed["too_large"]) == ([], manifest["too_large"])
    words = ("backup", "restore", str(path.parent), "--dry-run")
    for option in ("--only=kv", "--only=kv:CACHE"):
        said = " ".join(cfpy(backup_stage, *words, option, code=2).split())
        assert "It has d1:DB, r2:FILES, vectorize:INDEX, without 1 of r2:FILES, kv:CACHE." in said


def test_a_backup_of_a_part_is_listed_as_one(
    backup_stage: BackupStage, cfpy: Callable[..., str], answer: Callable[..., Any]
) -> None:
    cfpy(backup_stage, "backup", "create", "--skip", "d1")
    assert "; without d1:DB" in " ".join(cfpy(backup_stage, "backup", "list").split())
    [listed] = answer(backup_stage, "backup", "list")["backups"]
    assert (listed["whole"], listed["skipped"]) == (True, ["d1:DB"])


def test_the_shape_of_json_is_pinned(
    rollout: Start,
    backup_stage: BackupStage,
    answer: Callable[..., Any],
    request: pytest.FixtureRequest,
) -> None:
    shapes = {}

    def run(stage: RolloutStage | BackupStage, *words: str) -> Any:
        found = answer(stage, *words)
        name = " ".join(word for word in words[:2] if word in NAMES)
        shapes[name] = shape(found)
        return found

    made = run(backup_stage, "backup", "create")
    run(backup_stage, "backup", "list")
    run(backup_stage, "backup", "restore", made["folder"], "--yes", "--confirm", "shop")
    run(backup_stage, "data", "pull", "--mask", "parents.name", "--yes")
    here = rollout()
    here.code("two")
    run(here, "deploy", "--percent", "10", "--yes", "--health", "")
    run(here, "rollback", "--dry-run")
    here.deploy("staging")
    run(here, "promote", "staging", "--yes", "--health", "")
    check("data.json", json.dumps(shapes, indent=2, sort_keys=True) + "\n", request)
