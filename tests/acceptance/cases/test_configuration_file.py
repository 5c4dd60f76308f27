"""One configuration file: the one that cfpy reads is the one that wrangler is given."""

from __future__ import annotations

import inspect
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

import cfpy
from cfpy.cli.app import app
from cfpy.tools.context import build_context
from cloudflare_api import TOKEN, CloudflareApi
from dev_process import STOP_SECONDS, interruptible

# Every command that reads the configuration, with what it needs besides.
READERS = (
    ("plan",),
    ("provision", "--yes"),
    ("provision", "--dry-run"),
    ("up", "--yes"),
    ("deploy", "--yes"),
    ("deploy", "--dry-run"),
    ("promote", "staging"),
    ("rollback",),
    ("status",),
    ("permissions",),
    ("preview", "list"),
    ("ci", "init", "github"),
    ("backup", "create"),
    ("data", "pull"),
    ("logs",),
    ("destroy", "--yes", "--confirm", "shop"),
    ("dev", "--port", "0"),
    ("test",),
    ("cost",),
    ("add", "kv", "sessions"),
    ("adopt",),
    ("env", "list"),
    ("env", "add", "staging"),
)
# They read no configuration, or pass all options on.
OTHERS = {"new", "update", "diff", "wrangler", "patterns", "doctor"}


def run(directory: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """A command in this process: its exit code, and all that it prints."""
    options = [*arguments, "--cwd", str(directory)]
    result = CliRunner().invoke(app, options, env={"CLOUDFLARE_API_TOKEN": TOKEN, **variables})
    return result.exit_code, result.stdout + result.stderr


# By case: where the project is, what wrangler would use there, and what sends it there.
ELSEWHERE = {
    "two-configs": (".", "wrangler.jsonc", "wrangler.jsonc"),
    "ancestor-json": ("app", "wrangler.json", "wrangler.json"),
    "redirect": (".", "dist/wrangler.json", ".wrangler/deploy/config.json"),
}


@pytest.mark.case("two-configs", "ancestor-json", "redirect")
def test_a_project_where_wrangler_would_use_another_file_is_refused(case: Path) -> None:
    directory, used, cause = ELSEWHERE[case.name]
    project = case / directory
    before = {path: path.read_bytes() for path in case.rglob("*") if path.is_file()}
    for command in READERS:
        code, said = run(project, *command)
        assert code == 8, (command, said)
        assert str(case / used) in said, command
        assert str(case / cause) in said, command
        assert str(project / "wrangler.toml") in said, command
        assert "--config wrangler.toml" in said, command
    assert before == {path: path.read_bytes() for path in case.rglob("*") if path.is_file()}


@pytest.mark.case("two-configs", "ancestor-json", "redirect")
def test_the_file_that_is_named_is_the_one_that_is_deployed(
    case: Path, cfpy: Any, api: CloudflareApi
) -> None:
    project = case / ELSEWHERE[case.name][0]
    options = ("--config", "wrangler.toml")
    worker = {"two-configs": "shop", "ancestor-json": "inner", "redirect": "front"}[case.name]
    # Its own SDK is not what this is about.
    (project / "wrangler.toml").write_text(
        (project / "wrangler.toml").read_text().replace("src/entry.py", "entry.js")
    )
    (project / "entry.js").write_text("export default {fetch() {return new Response('ok')}}\n")
    code, document = cfpy("up", project, *options, "--yes", "--health", "")
    assert code == 0, document
    assert document["data"]["config"] == str(project / "wrangler.toml")
    assert set(api.live) == {worker}
    code, document = cfpy("plan", project, *options)
    assert (code, document["data"]["config"]) == (0, str(project / "wrangler.toml"))


@pytest.mark.case("cf-project")
def test_a_project_of_cf_is_refused_and_doctor_names_its_commands(case: Path) -> None:
    before = {path: path.read_bytes() for path in case.rglob("*") if path.is_file()}
    for command in READERS:
        code, said = run(case, *command)
        assert code == 8, (command, said)
        assert f"{case / 'cloudflare.config.ts'}: this is a project of `cf`" in said, command
        assert "cfpy doctor" in said, command
    code, said = run(case, "doctor", CLOUDFLARE_API_TOKEN="")
    assert code == 0, said
    assert "deploy, up: cf deploy" in said
    assert "logs: npx wrangler tail" in said
    assert before == {path: path.read_bytes() for path in case.rglob("*") if path.is_file()}
    (case / "wrangler.toml").write_text('name = "a"\nmain = "a.js"\n')
    assert f"Using {case / 'wrangler.toml'}" in run(case, "cost")[1]


def test_every_command_is_among_those_that_are_refused() -> None:
    names = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert names == {command[0] for command in READERS} | OTHERS


def test_every_command_of_a_project_takes_a_configuration() -> None:
    def options(group: Any, above: str = "") -> Iterator[tuple[str, set[str]]]:
        for name, command in getattr(group, "commands", {}).items():
            yield from options(command, f"{above}{name} ")
            yield above + name, {option for item in command.params for option in item.opts}

    found = {name: taken for name, taken in options(typer.main.get_command(app)) if taken}
    of_a_project = {name for name, taken in found.items() if "--cwd" in taken}
    # wrangler's own --config is passed on.
    assert {name for name in of_a_project if "--config" not in found[name]} == {"wrangler"}


PROJECT = {
    "wrangler.toml": """\
name = "shop"
main = "index.js"
compatibility_date = "2026-11-17"

[env.staging]
kv_namespaces = [{binding = "CACHE"}]
r2_buckets = [{binding = "FILES", bucket_name = "shop-files"}]
d1_databases = [{binding = "DB", database_name = "shop-db"}]
vectorize = [{binding = "INDEX", index_name = "shop-index"}]
queues.producers = [{binding = "JOBS", queue = "shop-jobs"}]
queues.consumers = [{queue = "shop-jobs"}]

[env.live]
""",
    "cfpy.toml": """\
[[vectorize]]
index_name = "shop-index"
dimensions = 3
metadata_indexes = [{property = "kind"}]

[[r2]]
bucket_name = "shop-files"
cors = [{origins = ["https://example.com"], methods = ["GET"]}]
lifecycle = [{id = "old", delete_after_days = 3}]

[[secrets]]
name = "KEY"
""",
    "index.js": "export default {fetch() {return new Response('ok')}, queue() {}}\n",
    "migrations/0001.sql": "CREATE TABLE a (b);\n",
    # What wrangler itself would take, from three places.
    "../wrangler.json": '{"name": "outer", "main": "x.js"}',
    ".wrangler/deploy/config.json": '{"configPath": "../../../wrangler.json"}',
    ".env": "CLOUDFLARE_ENV=live\nWRANGLER_CI_OVERRIDE_NAME=other\n",
    # The project's own wrangler wins: this one keeps what it is asked, and is the real one.
    "node_modules/wrangler/bin/wrangler.js": """\
const { appendFileSync } = require('node:fs');
appendFileSync(process.env.CALLS, JSON.stringify(process.argv.slice(2)) + '\\n');
require(process.env.EARLY);
process.argv[1] = process.env.REAL;
require('node:module').runMain();
""",
}
# What wrangler is started for, and the environment that it is told. Those with "" are given a name,
# and would append the environment to it.
EXPECTED = {
    "kv namespace create": "",
    "r2 bucket create": "staging",
    "d1 create": "staging",
    "queues create": "staging",
    "vectorize create": "staging",
    "vectorize create-metadata-index": "staging",
    "r2 bucket cors set": "staging",
    "r2 bucket lifecycle set": "staging",
    "d1 migrations apply": "staging",
    "secret bulk": "staging",
    "deploy --dry-run": "staging",
    "deploy": "staging",
    "rollback": "",
    "tail": "",
    "queues consumer remove": "staging",
    "delete": "",
    "d1 delete": "staging",
    "kv namespace delete": "staging",
    "r2 bucket delete": "staging",
    "queues delete": "staging",
    "vectorize delete": "staging",
}
LOCAL = {"d1 migrations apply": "", "dev": ""}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    for name, text in PROJECT.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def recording(tmp_path: Path, cfpy: Any) -> dict[str, str]:
    *_, early, real = build_context(print).toolchain.wrangler(tmp_path)
    scripts = {"EARLY": early.removeprefix("--require="), "REAL": real}
    # A hint of an environment that nobody asked for on the command line.
    return {"CALLS": str(tmp_path / "calls"), "CLOUDFLARE_ENV": "live", **scripts}


def subcommand(arguments: list[str]) -> str:
    """``kv namespace create``: the longest that is expected, so that a new one shows as it is."""
    words = [*(item for item in arguments if not item.startswith("-")), ""]
    if "--dry-run" in arguments:
        words.insert(1, "--dry-run")
    names = [" ".join(words[:count]) for count in range(len(words), 0, -1)]
    return next((name for name in names if name in EXPECTED | LOCAL), names[0])


def calls(recording: dict[str, str]) -> list[list[str]]:
    lines = Path(recording["CALLS"]).read_text().splitlines()
    return [json.loads(line) for line in lines]


def option(arguments: list[str], name: str) -> str:
    [index] = [number for number, item in enumerate(arguments) if item == name]
    return arguments[index + 1]


@pytest.mark.slow
def test_each_call_of_wrangler_names_the_file_and_the_environment(
    project: Path,
    cfpy: Any,
    api: CloudflareApi,
    recording: dict[str, str],
    worker: Any,
) -> None:
    def go(command: str, *options: str, expect: int = 0) -> None:
        given = ("--config", "wrangler.toml", "--env", "staging", *options)
        code, document = cfpy(command, project, *given, KEY="x" * 32, **recording)
        assert code == expect, document

    go("up", "--yes", "--health", "")
    (project / "migrations" / "0002.sql").write_text("CREATE TABLE c (d);\n")
    sick = ("--url", worker(500), "--wait", "0", "--rollback-on-failure")
    go("deploy", "--yes", *sick, expect=11)
    go("plan")
    go("status")
    # There is no tail to connect to: wrangler ends at once.
    logs = [sys.executable, "-m", "cfpy", "logs", "--config", "wrangler.toml", "--env", "staging"]
    environment = cfpy.environment(**recording)
    subprocess.run(logs, cwd=project, env=environment, capture_output=True, check=False)
    go("destroy", "--yes", "--confirm", "shop-staging", "--delete-data")
    # Neither the environment of .env nor the name there was taken, nor the file above.
    assert {path for path in api.mutations if "outer" in path or "other" in path} == set()
    seen = {}
    for arguments in calls(recording):
        name = subcommand(arguments)
        assert option(arguments, "--config") == str(project / "wrangler.toml"), arguments
        assert option(arguments, "--env") == EXPECTED[name], arguments
        seen[name] = EXPECTED[name]
    assert seen == EXPECTED


def test_local_calls_name_the_derived_file(
    project: Path, cfpy: Any, recording: dict[str, str]
) -> None:
    argv = [sys.executable, "-m", "cfpy", "dev", "--port", "0", "--json", "--no-watch"]
    with interruptible():
        process = subprocess.Popen(
            [*argv, "--config", "wrangler.toml", "--env", "staging"],
            cwd=project,
            env=cfpy.environment(**recording),
            stdout=subprocess.PIPE,
            text=True,
        )
    assert process.stdout is not None
    document = json.loads(process.stdout.readline())
    assert document["ok"], document
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_SECONDS) == 130
    assert document["data"]["config"] == str(project / "wrangler.toml")
    derived = project / ".wrangler" / "cfpy"
    # The first Worker of a run is the one that shows the page.
    files = {str(derived / "worker.json"), str(derived / "front" / "front.json")}
    assert {subcommand(item): option(item, "--env") for item in calls(recording)} == LOCAL
    for arguments in calls(recording):
        assert arguments[arguments.index("--config") + 1] in files


def test_the_login_is_asked_for_by_the_same_file(
    project: Path, tmp_path: Path, cfpy: Any, recording: dict[str, str]
) -> None:
    # Nobody is logged in there.
    nobody = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "home")}
    variables = recording | nobody | {"CLOUDFLARE_API_TOKEN": ""}
    code, _ = cfpy("plan", project, "--config", "wrangler.toml", "--env", "staging", **variables)
    assert code == 5
    [arguments] = calls(recording)
    assert arguments[:2] == ["auth", "token"]
    assert option(arguments, "--config") == str(project / "wrangler.toml")


def test_wrangler_is_started_in_one_place() -> None:
    """Or a new call could leave out what that place adds."""
    package = Path(inspect.getfile(cfpy)).parent
    folders = ("account", "bindings", "cli", "cost", "local", "patterns", "project", "tools")
    sources = [path for folder in folders for path in (package / folder).rglob("*.py")]

    def users(pattern: str) -> set[str]:
        return {path.name for path in sources if re.search(pattern, path.read_text("utf-8"))}

    assert users(r"toolchain\.wrangler\(") == {"wrangler.py"}
    # account/passthrough.py passes on what the user types.
    assert users(r"\.bare_argv\(") == {"passthrough.py", "wrangler.py"}
    assert users(r"node_modules\W+wrangler\W+(bin|wrangler-dist)") == {"toolchain.py"}


@pytest.mark.case("two-configs")
def test_wrangler_itself_is_not_stopped_but_warned_of(case: Path, cfpy: Any) -> None:
    def wrangler(*options: str) -> str:
        argv = [sys.executable, "-m", "cfpy", "wrangler", "deploy", "--dry-run", *options]
        done = subprocess.run(argv, cwd=case, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    said = wrangler()
    assert "from jsonc" in said
    assert f"warning: wrangler uses {case / 'wrangler.jsonc'}" in said
    said = wrangler("--config", "wrangler.toml")
    assert "env.CARTS" in said
    assert "warning" not in said


@pytest.mark.case("ancestor-json")
def test_which_file_is_used_is_said(case: Path) -> None:
    project = case / "app"
    options = ("cost", "--config", str(project / "wrangler.toml"))
    runner = CliRunner()
    assert "Using" not in runner.invoke(app, options).stderr
    assert (
        f"Using {project / 'wrangler.toml'}" in runner.invoke(app, ["--verbose", *options]).stderr
    )
    (case / "wrangler.json").unlink()
    # Nothing hides that it is the project above.
    code, said = run(project / "src", "env", "list")
    assert (code, f"Using {project / 'wrangler.toml'}" in said) == (0, True)
    document, _ = run(project / "src", "env", "list", "--json")[1].splitlines()
    assert json.loads(document)["data"]["config"] == str(project / "wrangler.toml")


@pytest.mark.case("two-configs", "redirect")
def test_doctor_names_the_file_or_what_is_wrong_with_it(case: Path, cfpy: Any) -> None:
    code, document = cfpy("doctor", case)
    [check] = [item for item in document["data"]["checks"] if item["name"] == "project"]
    assert (code, check["state"]) == (1, "error")
    assert str(case / "wrangler.toml") in check["message"]
    assert "--config wrangler.toml" in check["fix"]
    _, document = cfpy("doctor", case, "--config", "wrangler.toml")
    [check] = [item for item in document["data"]["checks"] if item["name"] == "config"]
    assert (check["state"], check["message"]) == ("ok", str(case / "wrangler.toml"))


def test_a_variable_that_was_left_over_names_no_environment(project: Path, cfpy: Any) -> None:
    options = ("--config", "wrangler.toml")
    code, document = cfpy("plan", project, *options, CLOUDFLARE_ENV="staging")
    assert document["data"]["worker"] == "shop"
    code, document = cfpy("plan", project, *options, "--env", "staging", CLOUDFLARE_ENV="live")
    assert document["data"]["worker"] == "shop-staging"
    code, document = cfpy("plan", project, *options, WRANGLER_CI_OVERRIDE_NAME="other")
    assert (code, "'other'" in document["error"]["message"]) == (2, True)
