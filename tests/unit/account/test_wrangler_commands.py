"""Each command that is given to wrangler: its words, its environment, its input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfpy.account.desired import DesiredState
from cfpy.account.observed import ObservedState
from cfpy.account.owned.d1 import D1Database
from cfpy.account.owned.outside import Changing
from cfpy.account.owned.r2 import R2Bucket
from cfpy.account.owned.registry import BY_STEP
from cfpy.account.plan import Action, Do
from cfpy.account.wrangler import Wrangler
from cfpy.project.project import MetadataIndex, VectorizeIndex
from wrangler_in_process import CONFIG, StrictWrangler, wrangler

SECRET = "canary-51c7"
EVENT = '{"type": "deploy", "version_id": "1"}'
Command = Callable[[Wrangler], object]
INDEX = VectorizeIndex("docs", 768, "cosine", (MetadataIndex("lang", "string"),))
DATABASE = D1Database("shop-db", "DB", "0-1", ("1.sql",))


def step(do: Do, kind: str, name: str, *wanted: object, **details: Any) -> Command:
    """Carries out a step for a project that wants something."""

    def run(it: Wrangler) -> None:
        desired = DesiredState("shop-staging", "staging", wanted)
        changing = Changing(it, Path("/app"), desired, lambda: ObservedState("account"))
        action = Action(do, kind, name, "", **details)
        owned = BY_STEP[kind]
        {Do.CREATE: owned.create, Do.UPDATE: owned.update, Do.DELETE: owned.delete}[do](
            changing, action
        )

    return run


def create(kind: str, name: str, *wanted: object, **details: Any) -> Command:
    return step(Do.CREATE, kind, name, *wanted, **details)


def delete(kind: str, id_: str, **details: Any) -> Command:
    return step(Do.DELETE, kind, "the name", id=id_, **details)


# What is asked for: the words, and the options that decide.
COMMANDS: dict[str, tuple[Command, list[str], dict[str, str]]] = {
    "d1 create": (
        create("d1", "shop-db", jurisdiction="eu", location="weur"),
        ["shop-db"],
        {"--jurisdiction": "eu", "--env": "staging"},
    ),
    "kv namespace create": (
        # wrangler would put the environment before the name.
        create("kv", "shop-kv"),
        ["shop-kv"],
        {"--env": ""},
    ),
    "queues create": (create("queue", "jobs"), ["jobs"], {}),
    "r2 bucket create": (
        create("r2", "files", location="weur"),
        ["files"],
        {"--location": "weur"},
    ),
    "vectorize create": (
        create("vectorize", "docs", INDEX),
        ["docs"],
        {"--dimensions": "768", "--metric": "cosine"},
    ),
    "vectorize create-metadata-index": (
        create("vectorize_metadata_index", "docs/lang", INDEX),
        ["docs"],
        {"--property-name": "lang", "--type": "string"},
    ),
    # A question that nobody answers would keep it.
    "d1 delete": (
        delete("d1", "0-1"),
        ["0-1"],
        {"--skip-confirmation": ""},
    ),
    "vectorize delete": (
        delete("vectorize", "docs"),
        ["docs"],
        {"--force": ""},
    ),
    "queues delete": (delete("queue", "jobs"), ["jobs"], {}),
    "r2 bucket delete": (
        delete("r2", "files", jurisdiction="eu"),
        ["files"],
        {"--jurisdiction": "eu"},
    ),
    "kv namespace delete": (
        delete("kv", "ab12"),
        [],
        {"--namespace-id": "ab12", "--skip-confirmation": ""},
    ),
    "queues consumer remove": (
        delete("queue_consumer", "jobs"),
        ["jobs", "shop-staging"],
        {},
    ),
    "delete": (
        delete("worker", "shop-staging"),
        [],
        {"--name": "shop-staging", "--env": ""},
    ),
    "secret bulk": (lambda it: it.put_secrets({"A": SECRET}), [], {"--env": "staging"}),
    "d1 migrations apply": (
        step(Do.UPDATE, "d1_migrations", "shop-db", DATABASE, bindings=("DB",)),
        ["DB"],
        {"--remote": "", "--env": "staging"},
    ),
    "deploy": (
        # It would create what it misses, under names of its own.
        lambda it: it.deploy("cfpy-1", "commit a"),
        [],
        {"--no-x-provision": "", "--env": "staging", "--tag": "cfpy-1", "--message": "commit a"},
    ),
    "versions upload": (
        lambda it: it.upload_version("cfpy-1", ""),
        [],
        {"--no-x-provision": "", "--env": "staging", "--tag": "cfpy-1"},
    ),
    "versions deploy": (
        lambda it: it.share_traffic({"v2": 12.5, "v1": 87.5}, "why"),
        ["v2@12.5%", "v1@87.5%"],
        {"-y": "", "--message": "why", "--env": "staging"},
    ),
    "rollback": (
        lambda it: it.rollback("shop-staging", "v1", "Back."),
        ["v1"],
        {"--name": "shop-staging", "-y": "", "--env": ""},
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_changes_the_account(command: str) -> None:
    runner = StrictWrangler(events=EVENT)
    act, words, options = COMMANDS[command]
    credentials = {"CLOUDFLARE_API_TOKEN": SECRET, "CLOUDFLARE_ACCOUNT_ID": "a"}
    act(wrangler(runner, credentials=credentials))
    [call] = runner.calls
    assert (call.command, call.words) == (command, words)
    assert call.options.items() >= {"--config": str(CONFIG), **options}.items()
    # Who asks: the token that cfpy reads the account with, and no other.
    assert call.env.items() >= credentials.items()
    assert "CLOUDFLARE_API_KEY" not in call.env
    assert call.env["HOME"] == "/home"
    assert SECRET not in f"{call.words}{call.options}"
    assert (SECRET in call.stdin) == (command == "secret bulk")
    # wrangler's account of it is read, and gone.
    assert not Path(call.env["WRANGLER_OUTPUT_FILE_PATH"]).parent.exists()


def test_without_credentials_of_cfpy_those_of_the_machine_count() -> None:
    runner = StrictWrangler()
    wrangler(runner).create("d1 create", "shop-db")
    assert runner.calls[0].env["CLOUDFLARE_API_KEY"] == "a global key"


def test_values_of_secrets_go_by_standard_input_as_they_are() -> None:
    values = {"B": 'quote" and \n line', "A": "ünïcode ∀", "EMPTY": ""}
    runner = StrictWrangler()
    wrangler(runner).put_secrets(values)
    assert json.loads(runner.calls[0].stdin) == values


@pytest.mark.parametrize(("jurisdiction", "option"), [("", {}), ("eu", {"--jurisdiction": "eu"})])
@pytest.mark.parametrize("kind", ["cors", "lifecycle"])
def test_rules_of_a_bucket_go_by_a_file(
    kind: str, jurisdiction: str, option: dict[str, str]
) -> None:
    rules = [{"id": "ä", "allowed": {"origins": ["https://a.test"]}}]
    runner = StrictWrangler()
    bucket = R2Bucket("files", cors=rules, lifecycle=rules)
    act = step(Do.UPDATE, f"r2_{kind}", "files", bucket, jurisdiction=jurisdiction)
    act(wrangler(runner))
    [call] = runner.calls
    assert (call.command, call.words) == (f"r2 bucket {kind} set", ["files"])
    assert "--force" in call.options
    assert {k: v for k, v in call.options.items() if k == "--jurisdiction"} == option
    [(path, written)] = call.files.items()
    assert written == {"rules": rules}
    assert not Path(path).exists()


def test_what_is_local_touches_no_account() -> None:
    runner = StrictWrangler()
    it = wrangler(runner, credentials={"CLOUDFLARE_API_TOKEN": SECRET})
    it.apply_local_migrations("DB", persist_to=Path("/state"))
    it.deploy_dry_run()
    it.deploy_dry_run(out_dir=Path("/out"))
    migrations, check, build = runner.calls
    assert migrations.words == ["DB"]
    assert migrations.options.items() >= {"--local": "", "--persist-to": "/state"}.items()
    assert "--remote" not in migrations.options
    assert all("--dry-run" in call.options for call in (check, build))
    assert build.options["--outdir"] == "/out"
    assert not [call for call in runner.calls if SECRET in call.env.values()]


def test_the_token_of_a_login_is_asked_for_as_json() -> None:
    runner = StrictWrangler(stdout=json.dumps({"type": "oauth", "token": SECRET}))
    assert wrangler(runner).auth_token() == SECRET
    assert "--json" in runner.calls[0].options
