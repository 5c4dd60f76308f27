"""Every command line that a command shows means the project and the environment of that run.

Each command runs in an environment, in a directory that is not the current one and has a space in
its name, in the ways that it can end. What it names is read by the real application's parser.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from fake_wrangler import FakeWrangler
from typer.testing import CliRunner

from cfpy.cli.app import app
from cfpy.tools.invocation import WITH_CWD, WITH_ENVIRONMENT, Invocation
from cloudflare_api import ACCOUNT, TOKEN, CloudflareApi, serve

DIRECTORY = "my shop"
CONFIG = """\
name = "shop"
main = "index.js"
compatibility_date = "2026-11-01"

[[d1_databases]]
binding = "DB"
database_name = "shop-db"

[env.staging]

[[env.staging.d1_databases]]
binding = "DB"
database_name = "shop-staging-db"

[[env.staging.r2_buckets]]
binding = "FILES"
bucket_name = "shop-staging-files"
"""
SETTINGS = """\
[[secrets]]
name = "KEY"
pattern = "k_[a-z]+"
example = "k_abc"
"""
NAMED = re.compile(rf"\bcfpy (?:{'|'.join(sorted(WITH_CWD, key=len, reverse=True))})\b")


class Shop:
    """A project with an environment, and the runs of cfpy in it."""

    def __init__(self, directory: Path, wrangler: FakeWrangler, built: list[str]) -> None:
        self.directory = directory
        self.wrangler = wrangler
        self.api = wrangler.api
        self._built = built

    def hints(self, *arguments: str, code: int, other: str | None = None) -> list[str]:
        """Run a command with ``--env staging --cwd 'my shop'``: the command lines that it shows.

        All of them are about that environment, or about ``other``.
        """
        options = ["--cwd", DIRECTORY]
        if arguments[0] in WITH_ENVIRONMENT:
            options += ["--env", "staging"]
        self._built.clear()
        result = CliRunner().invoke(app, [*arguments, *options])
        assert result.exit_code == code, result.output
        output = result.output
        assert not re.search("[⟦⟧]", output)
        if "--json" in arguments:
            texts = list(strings(json.loads(result.stdout)))
            output = "\n".join(texts)
        lines = [line for line in dict.fromkeys(self._built) if line in output]
        for found in NAMED.finditer(output):
            rest = output[found.start() :]
            assert any(rest.startswith(line) for line in lines), f"bare: {rest}"
        for line in lines:
            about = parse(line)
            assert about["cwd"] == DIRECTORY, line
            assert about["env"] in (None, "staging" if other is None else other), line
        return [line.removeprefix("cfpy ") for line in lines]

    def both(self, *arguments: str, code: int, other: str | None = None) -> list[str]:
        """The same as text and as JSON, of a command that changes nothing."""
        shown = self.hints(*arguments, code=code, other=other)
        in_json = self.hints(*arguments, "--json", code=code, other=other)
        assert code in (0, 1) or in_json == shown
        return shown


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else ():
        yield from strings(item)
    for item in value if isinstance(value, list) else ():
        yield from strings(item)


def parse(line: str) -> dict[str, Any]:
    """What a shown command line is about, by the application's own parser; ``None`` where the
    command takes no such option."""
    program, *arguments = shlex.split(line)
    assert program == "cfpy"
    group: Any = typer.main.get_command(app)
    context = group.make_context("cfpy", arguments)
    while hasattr(context.command, "commands"):
        rest = [*context._protected_args, *context.args]
        name, found, arguments = context.command.resolve_command(context, rest)
        context = found.make_context(name, arguments, parent=context)
    about = {"cwd": str(context.params["cwd"]), "env": context.params.get("env")}
    if context.command.name == "wrangler" and "--env" in context.args:
        about["env"] = context.args[context.args.index("--env") + 1]
    return about


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    directory = tmp_path / DIRECTORY
    directory.mkdir()
    (directory / "wrangler.toml").write_text(CONFIG)
    (directory / "cfpy.toml").write_text(SETTINGS)
    (directory / "index.js").write_text("export default { fetch() {} }\n")
    launcher = directory / "node_modules" / "wrangler" / "bin" / "wrangler.js"
    launcher.parent.mkdir(parents=True)
    launcher.touch()
    api = CloudflareApi()
    server = serve(api)
    wrangler = FakeWrangler(api, "shop-staging")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(
        "CLOUDFLARE_API_BASE_URL", f"http://127.0.0.1:{server.server_port}/client/v4"
    )
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    monkeypatch.delenv("CLOUDFLARE_ACCOUNT_ID", raising=False)
    monkeypatch.delenv("KEY", raising=False)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("cfpy.tools.context.SubprocessRunner", lambda _on_start: wrangler)
    built: list[str] = []
    for name in ("command", "wrangler"):
        monkeypatch.setattr(Invocation, name, recorded(getattr(Invocation, name), built))
    yield Shop(directory, wrangler, built)
    server.shutdown()
    server.server_close()


def recorded(build: Callable[..., str], built: list[str]) -> Callable[..., str]:
    def record(*arguments: Any) -> str:
        built.append(build(*arguments))
        return built[-1]

    return record


E_S = "--env staging --cwd 'my shop'"
WRANGLER = "wrangler --cwd 'my shop'"


@pytest.fixture
def provisioned(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("KEY", "k_good")
    assert shop.hints("provision", "--yes", code=0) == [f"deploy {E_S}"]
    return shop


@pytest.mark.slow
def test_what_an_empty_account_is_told(shop: Shop) -> None:
    assert shop.both("plan", code=1) == [f"provision {E_S}"]
    assert shop.both("provision", "--dry-run", code=1) == [f"provision {E_S}"]
    assert shop.both("deploy", code=2) == [f"provision {E_S}", f"deploy --provision {E_S}"]
    assert shop.both("up", "--dry-run", code=0) == [f"up {E_S}"]
    assert shop.both("status", code=0) == [f"provision {E_S}", f"up {E_S}"]
    assert shop.both("logs", code=2) == [f"up {E_S}"]
    assert shop.both("destroy", "--dry-run", code=0) == []
    assert shop.both("doctor", code=0) == [f"permissions {E_S}"]
    assert shop.api.mutations == []


@pytest.mark.slow
def test_what_a_full_account_is_told(provisioned: Shop, worker: Callable[[int], str]) -> None:
    shop = provisioned
    assert shop.both("plan", code=0) == []
    assert shop.both("provision", "--yes", code=0) == []
    assert shop.both("status", code=0) == [f"up {E_S}", f"deploy {E_S}"]
    assert shop.both("deploy", "--dry-run", code=0) == [f"deploy {E_S}"]
    assert shop.hints("deploy", "--yes", "--url", worker(200), code=0) == [f"logs {E_S}"]
    assert shop.both("status", code=0) == [f"deploy {E_S}"]  # Nothing is bound yet: drift.
    again = f"destroy --delete-data --include d1:shop-staging-db {E_S}"
    options = ("--delete-data", "--include", "d1:shop-staging-db")
    assert shop.both("destroy", *options, "--dry-run", code=0) == [again]
    assert shop.both("destroy", "--dry-run", code=0) == [f"destroy {E_S}"]


def test_a_conflict_leads_to_the_plan_of_its_environment(provisioned: Shop) -> None:
    config = provisioned.directory / "wrangler.toml"
    identifier = provisioned.api.database_id("shop-staging-db")
    assert identifier in config.read_text()
    config.write_text(config.read_text().replace(identifier, provisioned.api.database_id("other")))
    ways_out = [f"{words} {E_S}" for words in ("adopt --remove-ids", "provision", "plan")]
    provisioned.hints("plan", code=7)
    assert provisioned.hints("deploy", "--yes", code=7) == ways_out


@pytest.mark.slow
def test_a_teardown_leads_to_what_is_left(provisioned: Shop, worker: Callable[[int], str]) -> None:
    shop = provisioned
    assert shop.hints("deploy", "--yes", "--url", worker(200), code=0)
    assert shop.both("destroy", code=2) == []
    shop.api.full = {"shop-staging-files"}
    confirmed = ("destroy", "--yes", "--confirm", "shop-staging", "--delete-data")
    assert shop.hints(*confirmed, code=7) == []
    shop.api.full = set()
    assert shop.hints(*confirmed, code=0) == [f"status {E_S}"]
    assert (shop.api.scripts, shop.api.databases, shop.api.buckets) == ({}, {}, [])


@pytest.mark.slow
def test_a_first_deployment_that_is_ill_is_not_taken_back(
    provisioned: Shop, worker: Callable[[int], str]
) -> None:
    """The secrets have made a Worker, and with it a version that is nothing to go back to."""
    shop = provisioned
    ill = ("deploy", "--yes", "--url", worker(500), "--wait", "0", "--rollback-on-failure")
    assert shop.hints(*ill, code=11) == [f"logs {E_S}"]
    first = shop.api.live["shop-staging"]
    assert not [call for call in shop.wrangler.calls if call[0] == "rollback"]
    # The second has one before it.
    assert shop.hints(*ill, code=11) == [f"logs {E_S}"]
    assert shop.api.live["shop-staging"] == first
    back = f"{WRANGLER} rollback {first} --env staging"
    assert shop.hints(*ill[:-1], code=11) == [back]
    shop.api.live["shop-staging"] = first
    shop.wrangler.rolls_back = False
    assert shop.hints(*ill, code=11) == [back]


def test_a_first_deployment_whose_name_is_not_known(provisioned: Shop) -> None:
    shop = provisioned
    url = "http://shop.invalid"
    run = [*("deploy", "--yes", "--url", url, "--wait", "0", "--rollback-on-failure")]
    result = CliRunner().invoke(app, [*run, "--env", "staging", "--cwd", DIRECTORY, "--json"])
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["code"]) == (11, "deployment")
    assert "is live" in error["message"]
    assert "shop.invalid is not in DNS" in error["message"]
    assert error["hint"].endswith(f"curl {url}/health")
    assert not [call for call in shop.wrangler.calls if call[0] == "rollback"]


class QuickClock:
    """Time passes only while somebody sleeps."""

    time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_waiting_is_not_silent(
    provisioned: Shop, worker: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert provisioned.api.scripts
    monkeypatch.setattr("cfpy.account.deploy.SystemClock", QuickClock)
    run = ["deploy", "--yes", "--url", worker(503), "--wait", "60", "--env", "staging"]
    result = CliRunner().invoke(app, [*run, "--cwd", DIRECTORY])
    assert result.exit_code == 11
    said = re.findall(r"503 Service Unavailable; trying again for (\d+) s", result.stderr)
    assert said[:4] == ["60", "59", "57", "53"]


@pytest.mark.parametrize("command", ["provision", "up"])
def test_without_a_terminal_it_says_what_to_pass(command: str, shop: Shop) -> None:
    for options in ((), ("--json",)):
        result = CliRunner().invoke(
            app, [command, "--env", "staging", "--cwd", DIRECTORY, *options]
        )
        assert result.exit_code == 2
        assert re.search(r"Apply \d+ changes", result.output)
        assert re.search(r"Pass --yes to apply \d+ changes .*without a prompt", result.output)
        assert "--dry-run" in result.output
    assert shop.api.mutations == []


def test_a_deployment_and_a_teardown_say_it_too(provisioned: Shop) -> None:
    before = list(provisioned.api.mutations)
    for command, said in (
        ("deploy", "Pass --yes to deploy without a prompt"),
        ("destroy", "Pass --yes --confirm shop-staging to delete 1 without a prompt"),
    ):
        result = CliRunner().invoke(app, [command, "--env", "staging", "--cwd", DIRECTORY])
        assert result.exit_code == 2
        assert said in result.output
    assert provisioned.api.mutations == before


@pytest.mark.parametrize("way", ["environment", "file"])
@pytest.mark.parametrize("command", ["provision", "up"])
def test_a_secret_of_another_form_is_refused_before_anything_is_changed(
    command: str, way: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = "canary-7f3a9c21"
    if way == "environment":
        monkeypatch.setenv("KEY", value)
    (shop.directory / "secrets").write_text(f"KEY={value}\n" if way == "file" else "OTHER=x\n")
    run = [command, "--yes", "--secrets-file", f"{DIRECTORY}/secrets", "--env", "staging"]
    result = CliRunner().invoke(app, [*run, "--cwd", DIRECTORY])
    assert result.exit_code == 2
    for part in ("KEY", "k_[a-z]+", "k_abc"):
        assert part in result.output
    assert value not in result.output
    assert (shop.api.scripts, shop.api.databases) == ({}, {})


def test_a_login_is_one_for_all_environments(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    login = f"{WRANGLER} login"
    shop.api.forbidden = {"d1"}
    assert shop.both("plan", code=5) == [login]
    shop.api.forbidden = {"workers"}
    assert shop.both("doctor", code=1) == [login]
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "wrong")
    assert shop.both("plan", code=5) == [login]
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    assert shop.both("plan", code=5) == [login]


def test_another_account_than_the_one_it_lives_in(
    provisioned: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "f" * 32)
    assert ACCOUNT != "f" * 32
    assert provisioned.both("plan", code=5) == [f"destroy {E_S}"]


@pytest.mark.parametrize("command", ["plan", "status", "provision", "deploy", "destroy", "dev"])
def test_an_environment_that_is_not_there(command: str, shop: Shop) -> None:
    config = shop.directory / "wrangler.toml"
    config.write_text(config.read_text().partition("[env.staging]")[0])
    assert shop.both(command, code=2) == ["env add staging --cwd 'my shop'"]


def test_a_file_that_is_broken(shop: Shop) -> None:
    config = shop.directory / "wrangler.toml"
    name = 'database_name = "shop-staging-db"\n'
    config.write_text(config.read_text().replace(name, f'{name}database_id = "none"\n'))
    assert shop.both("plan", code=8) == [f"provision {E_S}"]
    assert shop.both("doctor", code=1) == [f"provision {E_S}", f"permissions {E_S}"]


def test_adding_leads_to_the_environment_that_it_was_for(shop: Shop) -> None:
    steps = [f"dev {E_S}", f"provision {E_S}"]
    assert shop.both("add", "kv", "sessions", "--dry-run", code=0) == steps
    assert shop.both("add", "kv", "1x", code=2) == [f"add kv SESSIONS {E_S}"]
    create = "hyperdrive create shop-staging-legacy --connection-string=..."
    assert shop.both("add", "hyperdrive", "legacy", code=2) == [
        f"{WRANGLER} {create} --env staging",
        f"{WRANGLER} hyperdrive list --env staging",
    ]
    # An environment inherits them.
    config = shop.directory / "wrangler.toml"
    config.write_text(config.read_text().replace("\n\n", '\n\n[assets]\ndirectory = "a"\n\n', 1))
    assert shop.both("add", "assets", "site", code=2, other="") == [
        "add assets site --cwd 'my shop'"
    ]


def test_adding_to_the_top_level_leads_to_the_environments_with_the_same_options(
    shop: Shop,
) -> None:
    run = ["add", "queue", "jobs", "--consumer", "--cwd", DIRECTORY, "--dry-run", "--json"]
    result = CliRunner().invoke(app, run)
    assert json.loads(result.stdout)["data"]["next_steps"] == [
        "cfpy dev --cwd 'my shop'",
        "cfpy provision --cwd 'my shop'",
        "cfpy add queue jobs --consumer --env staging --cwd 'my shop'",
    ]
    assert shop.api.mutations == []


def test_a_new_environment_leads_into_itself(shop: Shop) -> None:
    run = ["env", "add", "live", "--cwd", DIRECTORY]
    output = CliRunner().invoke(app, run).output
    assert output.endswith("cfpy up --env live --cwd 'my shop'\n")


def test_what_a_pattern_costs_is_that_pattern() -> None:
    output = CliRunner().invoke(app, ["cost", "rag", "--scenario", "hobby"]).output
    assert "cfpy cost rag --scenario hobby --details" in output
