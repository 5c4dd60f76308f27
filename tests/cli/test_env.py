"""`cfpy env`: lists, adds, and removes what it added."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

CONFIG = """\
name = "shop"
main = "src/entry.py"
compatibility_date = "2026-09-01"

[[d1_databases]]
binding = "DB"
database_name = "shop-db"

[[kv_namespaces]]
binding = "CACHE"

[[queues.producers]]
binding = "JOBS"
queue = "shop-jobs"

[[queues.consumers]]
queue = "shop-jobs"
dead_letter_queue = "shop-dead"
"""
SETTINGS = '[[d1]]\ndatabase_name = "shop-db"\nlocation = "weur"\n'


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "wrangler.toml").write_text(CONFIG)
    (tmp_path / "cfpy.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def texts(shop: Path) -> tuple[str, str]:
    return (shop / "wrangler.toml").read_text(), (shop / "cfpy.toml").read_text()


def files_in(shop: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}


def test_bare_env_lists(cli, shop: Path) -> None:
    assert cli("env").stdout == cli("env", "list").stdout
    assert cli.json("env") == cli.json("env", "list")
    assert cli("env", "--help").exit_code == 0


def test_an_option_in_the_wrong_place_is_not_ignored(cli, shop: Path, tmp_path: Path) -> None:
    for option in (("--cwd", str(tmp_path / "x")), ("--config", "other.toml")):
        assert cli("env", *option, "add", "staging").exit_code == 2
    assert texts(shop) == (CONFIG, SETTINGS)


def test_add_says_what_it_changed_and_what_the_environment_has(cli, shop: Path) -> None:
    output = cli("env", "add", "staging").stdout
    for line in ("  changed wrangler.toml", "  changed cfpy.toml"):
        assert line in output.splitlines()
    names = (
        "shop-staging",
        "shop-staging-db",
        "shop-staging-cache",
        "shop-staging-jobs",
        "shop-staging-dead",
    )
    assert [line.split()[-1] for line in output.splitlines() if "  " in line.strip()] == [*names]


@pytest.mark.parametrize("text", ["", "# later\n", 'main = "a.py"\n', 'name = ""\n'])
def test_add_needs_the_name_of_the_worker(text: str, cli, shop: Path) -> None:
    (shop / "wrangler.toml").write_text(text)
    result = cli("env", "add", "staging")
    assert result.exit_code == 8
    assert "wrangler.toml: `name` is missing" in result.stderr
    assert texts(shop) == (text, SETTINGS)


def test_add_twice_says_how_to_go_on(cli, shop: Path) -> None:
    cli("env", "add", "staging")
    before = texts(shop)
    error = cli.json("env", "add", "staging")["error"]
    assert error["exit_code"] == 2
    assert "cfpy env list" in error["hint"]
    assert "cfpy env remove staging" in error["hint"]
    assert texts(shop) == before


def test_remove_undoes_add(cli, shop: Path) -> None:
    cli("env", "add", "staging")
    with_staging = texts(shop)
    dry = cli("env", "remove", "staging", "--dry-run")
    assert (dry.exit_code, texts(shop)) == (0, with_staging)
    assert '-database_name = "shop-staging-db"' in dry.stdout
    (shop / ".dev.vars.staging").write_text("A=1\n")
    done = cli.json("env", "remove", "staging", "--yes")
    assert done["data"]["files"] == ["wrangler.toml", "cfpy.toml"]
    assert done["data"]["kept_files"] == [".dev.vars.staging"]
    assert texts(shop) == (CONFIG, SETTINGS)
    assert (shop / ".dev.vars.staging").read_text() == "A=1\n"


def test_remove_says_that_local_secrets_stay(cli, shop: Path) -> None:
    cli("env", "add", "staging")
    (shop / ".dev.vars.staging").write_text("A=1\n")
    assert "kept    .dev.vars.staging" in cli("env", "remove", "staging", "--yes").stdout


def test_remove_asks_nobody_without_a_terminal(cli, shop: Path) -> None:
    cli("env", "add", "staging")
    before = texts(shop)
    assert cli("env", "remove", "staging").exit_code == 2
    assert texts(shop) == before


@pytest.mark.parametrize("known", ["record", "id"])
def test_remove_refuses_while_the_account_has_its_resources(known: str, cli, shop: Path) -> None:
    cli("env", "add", "staging")
    record = shop / "cfpy.state.json"
    if known == "record":
        placement = {"account_id": "a" * 32, "created": {"worker:shop-staging": "shop-staging"}}
        environments = {"staging": placement}
        record.write_text(json.dumps({"record_version": 2, "environments": environments}))
    else:
        config = shop / "wrangler.toml"
        name = 'database_name = "shop-staging-db"\n'
        config.write_text(config.read_text().replace(name, f'{name}database_id = "a1b2"\n'))
    before = texts(shop)
    for option in ("--yes", "--dry-run"):
        error = cli.json("env", "remove", "staging", option)["error"]
        assert (error["code"], error["exit_code"]) == ("plan_conflict", 7)
        assert "cfpy destroy --env staging --delete-data" in error["hint"]
    assert texts(shop) == before
    data = cli.json("env", "remove", "staging", "--yes", "--keep-resources")["data"]
    key = "worker:shop-staging" if known == "record" else "d1:shop-staging-db"
    assert data["kept_resources"] == [key]
    assert texts(shop) == (CONFIG, SETTINGS)
    assert record.exists() == (known == "record")


def test_an_unknown_environment(cli, shop: Path) -> None:
    cli("env", "add", "staging")
    error = cli.json("env", "remove", "stagin", "--yes")["error"]
    assert (error["exit_code"], error["hint"]) == (2, "Its environments: staging.")


@pytest.mark.parametrize("broken", ["wrangler.toml", "cfpy.toml"])
@pytest.mark.parametrize("how", ["read-only", "not TOML", "a directory", "not UTF-8"])
def test_it_changes_both_files_or_none(broken: str, how: str, cli, shop: Path) -> None:
    cli("env", "add", "staging")
    before = texts(shop)
    file = shop / broken
    if how == "a directory":
        file.unlink()
        (file / "x").mkdir(parents=True)
    elif how == "read-only":
        file.chmod(0o444)
    else:
        file.write_bytes(b"x = [\n" if how == "not TOML" else b"x = '\xff'\n")
    other = shop / ("cfpy.toml" if broken == "wrangler.toml" else "wrangler.toml")
    kept = other.read_text()
    for words in (("env", "remove", "staging", "--yes"), ("env", "add", "live")):
        error = cli.json(*words)["error"]
        assert error["exit_code"] == (10 if how == "read-only" else 8)
        assert broken in error["message"]
        assert other.read_text() == kept
    # Once it is as it was, the same command does it.
    if how == "a directory":
        (file / "x").rmdir()
        file.rmdir()
    else:
        file.chmod(0o644)
    file.write_text(before[broken == "cfpy.toml"])
    assert cli("env", "remove", "staging", "--yes").exit_code == 0
    assert texts(shop) == (CONFIG, SETTINGS)


@pytest.mark.parametrize("done", ["wrangler.toml", "cfpy.toml"])
def test_half_a_removal_can_be_finished(done: str, cli, shop: Path) -> None:
    cli("env", "add", "staging")
    (shop / done).write_text(CONFIG if done == "wrangler.toml" else SETTINGS)
    assert cli("env", "remove", "staging", "--yes").exit_code == 0
    assert texts(shop) == (CONFIG, SETTINGS)
    assert cli("env", "remove", "staging", "--yes").exit_code == 2


def test_half_an_addition_can_be_finished(cli, shop: Path) -> None:
    cli("env", "add", "staging")
    whole = texts(shop)
    (shop / "wrangler.toml").write_text(CONFIG)
    assert cli("env", "add", "staging").exit_code == 0
    assert texts(shop) == whole


@pytest.mark.parametrize(
    "words", [("env", "remove", "staging"), ("env", "add", "live"), ("add", "kv", "MORE")]
)
def test_a_dry_run_writes_nothing(words: tuple[str, ...], cli, shop: Path) -> None:
    cli("env", "add", "staging")
    shutil.rmtree(shop / ".wrangler")
    (shop / "src").mkdir()
    (shop / "src" / "entry.py").write_text("")
    before = files_in(shop)
    assert cli(*words, "--dry-run").exit_code == 0
    assert files_in(shop) == before


def test_it_asks_with_a_summary(cli, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("env", "add", "staging")
    asked: list[str] = []
    monkeypatch.setattr("cfpy.cli.plan_view.has_terminal", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "y")
    output = cli("env", "remove", "staging").stdout
    assert "Remove the environment staging from wrangler.toml and cfpy.toml?" in asked[0]
    for part in ("shop-staging", "shop-staging-db", "shop-staging-cache", "cfpy.toml", "--dry-run"):
        assert part in output
    assert "@@" not in output
    assert texts(shop) == (CONFIG, SETTINGS)


def test_what_is_added_to_an_environment_has_its_usual_name(cli, shop: Path) -> None:
    (shop / "src").mkdir()
    (shop / "src" / "entry.py").write_text("")
    cli("env", "add", "staging")
    output = cli("add", "kv", "MORE", "--env", "staging").stdout
    assert output.splitlines()[0] == "Added KV namespace MORE to the environment staging"
