"""Each command that is given to wrangler: its words, its environment, its input, its answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cfpy.adapters.process import Completed
from cfpy.adapters.toolchain import Node
from cfpy.adapters.wrangler import Wrangler, in_jurisdiction
from cfpy.domain.project import MetadataIndex, VectorizeIndex
from cfpy.errors import WranglerError

CONFIG = Path("/app/wrangler.toml")
SECRET = "canary-51c7"
# What `wrangler COMMAND --help` of 4.164.0 has of options, but for --config and --env, which each
# has, and how many words come before them.
GRAMMAR: dict[str, tuple[int, set[str]]] = {
    "d1 create": (1, {"location", "jurisdiction"}),
    "d1 delete": (1, {"skip-confirmation"}),
    "d1 migrations apply": (1, {"local", "remote", "persist-to"}),
    "kv namespace create": (1, {"jurisdiction"}),
    "kv namespace delete": (0, {"namespace-id", "skip-confirmation"}),
    "r2 bucket create": (1, {"location", "jurisdiction"}),
    "r2 bucket delete": (1, {"jurisdiction"}),
    "r2 bucket cors set": (1, {"file", "force", "jurisdiction"}),
    "r2 bucket lifecycle set": (1, {"file", "force", "jurisdiction"}),
    "queues create": (1, {"jurisdiction"}),
    "queues delete": (1, set()),
    "queues consumer remove": (2, set()),
    "vectorize create": (1, {"dimensions", "metric"}),
    "vectorize create-metadata-index": (1, {"property-name", "type"}),
    "vectorize delete": (1, {"force"}),
    "secret bulk": (0, set()),
    "deploy": (0, {"x-provision", "dry-run", "outdir"}),
    "rollback": (1, {"name", "message", "y"}),
    "delete": (0, {"name"}),
    "auth token": (0, {"json"}),
}
_TAKE_A_VALUE = {"--config", "--env", "--persist-to", "--outdir", "--name", "--message"}


@dataclass
class Call:
    """One run of wrangler: the command, its words, its options, and what else it was given."""

    command: str
    words: list[str]
    options: dict[str, str]
    env: Mapping[str, str]
    stdin: str
    files: dict[str, Any] = field(default_factory=dict)


@dataclass
class StrictWrangler:
    """A runner of a wrangler that takes what the real one takes, and nothing else."""

    status: int = 0
    stdout: str = ""
    stderr: str = ""
    events: str = ""
    calls: list[Call] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        assert list(argv[:2]) == ["/node", "/wrangler.js"]
        assert cwd == Path("/app")
        assert env is not None
        assert timeout, "a wrangler that hangs would be waited for without end"
        self.calls.append(self._read(list(argv[2:]), env, stdin or ""))
        if self.events:
            Path(env["WRANGLER_OUTPUT_FILE_PATH"]).write_text(self.events, "utf-8")
        return Completed(tuple(argv), self.status, self.stdout, self.stderr)

    @staticmethod
    def _read(arguments: list[str], env: Mapping[str, str], stdin: str) -> Call:
        words = [command.split() for command in GRAMMAR]
        [command] = [item for item in words if arguments[: len(item)] == item]
        count, known = GRAMMAR[" ".join(command)]
        rest = arguments[len(command) :]
        plain: list[str] = []
        options: dict[str, str] = {}
        while rest:
            word = rest.pop(0)
            if not word.startswith("-"):
                plain.append(word)
                continue
            name, _, value = word.partition("=")
            options[name] = rest.pop(0) if name in _TAKE_A_VALUE and not value else value
        assert len(plain) == count, arguments
        given = {name.lstrip("-").removeprefix("no-") for name in options}
        assert given <= known | {"config", "env"}, arguments
        files = {}
        if "--file" in options:
            files[options["--file"]] = json.loads(Path(options["--file"]).read_text("utf-8"))
        return Call(" ".join(command), plain, options, env, stdin, files)


class Tools:
    """A toolchain that is there."""

    node = Node(Path("/node"), ("/npm",))

    def wrangler(self, _project: Path) -> Path:
        return Path("/wrangler.js")

    def environment(self) -> dict[str, str]:
        return {"HOME": "/home", "CLOUDFLARE_API_KEY": "a global key", "CI": "1"}


def wrangler(runner: StrictWrangler, **options: Any) -> Wrangler:
    tools: Any = Tools()
    given = {"config": CONFIG, "environment": "staging", **options}
    return Wrangler(runner, tools, Path("/app"), **given)


EVENT = '{"type": "deploy", "version_id": "1"}'
Command = Callable[[Wrangler], object]
INDEX = VectorizeIndex("docs", 768, "cosine")
# What is asked for: the words, and the options that decide.
COMMANDS: dict[str, tuple[Command, list[str], dict[str, str]]] = {
    "d1 create": (
        lambda it: it.create("d1 create", "shop-db", "--jurisdiction=eu"),
        ["shop-db"],
        {"--jurisdiction": "eu", "--env": "staging"},
    ),
    "kv namespace create": (
        # wrangler would put the environment before the name.
        lambda it: it.create("kv namespace create", "shop-kv"),
        ["shop-kv"],
        {"--env": ""},
    ),
    "queues create": (lambda it: it.create("queues create", "jobs"), ["jobs"], {}),
    "r2 bucket create": (
        lambda it: it.create("r2 bucket create", "files", "--location=weur"),
        ["files"],
        {"--location": "weur"},
    ),
    "vectorize create": (
        lambda it: it.create_index(INDEX),
        ["docs"],
        {"--dimensions": "768", "--metric": "cosine"},
    ),
    "vectorize create-metadata-index": (
        lambda it: it.create_metadata_index("docs", MetadataIndex("lang", "string")),
        ["docs"],
        {"--property-name": "lang", "--type": "string"},
    ),
    # A question that nobody answers would keep it.
    "d1 delete": (
        lambda it: it.delete("d1 delete", "0-1"),
        ["0-1"],
        {"--skip-confirmation": ""},
    ),
    "vectorize delete": (
        lambda it: it.delete("vectorize delete", "docs"),
        ["docs"],
        {"--force": ""},
    ),
    "queues delete": (lambda it: it.delete("queues delete", "jobs"), ["jobs"], {}),
    "r2 bucket delete": (
        lambda it: it.delete("r2 bucket delete", "files", *in_jurisdiction("eu")),
        ["files"],
        {"--jurisdiction": "eu"},
    ),
    "kv namespace delete": (
        lambda it: it.delete_namespace("ab12"),
        [],
        {"--namespace-id": "ab12", "--skip-confirmation": ""},
    ),
    "queues consumer remove": (
        lambda it: it.remove_consumer("jobs", "shop-staging"),
        ["jobs", "shop-staging"],
        {},
    ),
    "delete": (
        lambda it: it.delete_worker("shop-staging"),
        [],
        {"--name": "shop-staging", "--env": ""},
    ),
    "secret bulk": (lambda it: it.put_secrets({"A": SECRET}), [], {"--env": "staging"}),
    "d1 migrations apply": (
        lambda it: it.apply_remote_migrations("DB"),
        ["DB"],
        {"--remote": "", "--env": "staging"},
    ),
    "deploy": (
        # It would create what it misses, under names of its own.
        lambda it: it.deploy(),
        [],
        {"--no-x-provision": "", "--env": "staging"},
    ),
    "rollback": (
        lambda it: it.rollback("shop-staging", "v1"),
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
    wrangler(runner).set_bucket_rules(kind, "files", jurisdiction, rules)
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


# Answers

DEPLOYED = {
    "type": "deploy",
    "version": 1,
    "worker_name": "shop-staging",
    "version_id": "0-1",
    "targets": ["schedule: */5 * * * *", "https://shop.test.workers.dev"],
    "bundle_size": {"raw_bytes": 9000, "gzip_bytes": 3000},
}
SESSION = {"type": "wrangler-session", "version": 1, "wrangler_version": "4.164.0"}


def lines(*events: object) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def test_what_was_deployed_is_told() -> None:
    runner = StrictWrangler(events=lines(SESSION, DEPLOYED))
    deployment = wrangler(runner).deploy()
    assert (deployment.version_id, deployment.size) == ("0-1", 3000)
    assert deployment.url == "https://shop.test.workers.dev"
    assert len(deployment.targets) == 2


@pytest.mark.parametrize("targets", [None, [], ["schedule: 0 0 * * *"]])
def test_a_worker_without_an_address(targets: list[str] | None) -> None:
    event = {"type": "deploy", "version_id": "0-1", "targets": targets}
    deployment = wrangler(StrictWrangler(events=lines(event))).deploy()
    assert (deployment.url, deployment.size) == ("", 0)


@pytest.mark.parametrize("events", ["", lines(SESSION), '{"type": "depl', "\n"])
def test_a_deployment_that_is_not_told_is_no_success(events: str) -> None:
    with pytest.raises(WranglerError, match="did not say what") as caught:
        wrangler(StrictWrangler(events=events)).deploy()
    assert "wrangler deployments list" in caught.value.hint


STDERR = """\
✘ [ERROR] A request to the Cloudflare API (/accounts/a/d1/database) failed.

  A database with that name already exists [code: 7502]

  If you think this is a bug, please open an issue at: https://github.com/cloudflare/workers-sdk
🪵  Logs were written to "/home/x/wrangler.log"
"""
FAILED = {
    "type": "command-failed",
    "version": 1,
    "code": 7502,
    "message": "no",
    "retry_after_ms": 1500,
}


def test_a_failure_carries_what_there_is_to_decide_by() -> None:
    runner = StrictWrangler(1, "printed before", STDERR, lines(SESSION, FAILED))
    with pytest.raises(WranglerError) as caught:
        wrangler(runner).create("d1 create", "shop-db")
    error = caught.value
    assert error.message.startswith("can't create shop-db:\n")
    assert "A database with that name already exists" in error.message
    assert (error.api_code, error.retry_after, error.returncode) == (7502, 1.5, 1)
    assert error.printed == "printed before"
    assert "Logs were written" not in error.message + error.output
    assert "this is a bug" not in error.message + error.output
    assert error.argv[:4] == ("wrangler", "d1", "create", "shop-db")
    assert "What was done before stays" in error.hint


@pytest.mark.parametrize(
    "events",
    [
        "",
        lines(SESSION),
        lines({"type": "command-failed"}),
        lines({"type": "command-failed", "code": None, "retry_after_ms": None}),
        # It was killed while it wrote.
        lines(SESSION) + '{"type": "command-fai',
        lines(SESSION, 7, "text", None),
        "not JSON\n",
    ],
)
def test_a_failure_without_a_code_is_one_all_the_same(events: str) -> None:
    with pytest.raises(WranglerError, match="Something") as caught:
        wrangler(StrictWrangler(1, "", "Something", events)).create("d1 create", "shop-db")
    assert (caught.value.api_code, caught.value.retry_after) == (0, None)


@pytest.mark.parametrize("status", [1, -9, 137])
def test_a_wrangler_that_ends_without_a_word_is_told_by_its_status(status: int) -> None:
    for act in (
        lambda it: it.create("d1 create", "shop-db"),
        lambda it: it.apply_local_migrations("DB", persist_to=Path("/state")),
    ):
        with pytest.raises(WranglerError, match=f"status {status}") as caught:
            act(wrangler(StrictWrangler(status)))
        assert caught.value.returncode == status


def test_values_of_secrets_are_in_no_error() -> None:
    with pytest.raises(WranglerError, match="can't store A, B") as caught:
        wrangler(StrictWrangler(1, "", "no")).put_secrets({"B": SECRET, "A": SECRET})
    assert SECRET not in f"{caught.value.message}{caught.value.hint}{caught.value.argv}"


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda it: it.apply_local_migrations("DB", persist_to=Path("/s")), "the migrations of DB"),
        (lambda it: it.deploy_dry_run(), "does not accept the project"),
        (lambda it: it.delete_worker("shop"), "can't delete shop"),
        (lambda it: it.delete_namespace("ab12"), "can't delete the namespace ab12"),
        (lambda it: it.remove_consumer("jobs", "shop"), "shop off the queue jobs"),
        (lambda it: it.rollback("shop", "v1"), "can't roll back"),
        (lambda it: it.apply_remote_migrations("DB"), "the migrations of DB"),
        (lambda it: it.set_bucket_rules("cors", "files", "", []), "the cors rules of files"),
    ],
)
def test_a_failure_says_what_was_tried_and_what_wrangler_said(act: Command, said: str) -> None:
    with pytest.raises(WranglerError, match=said) as caught:
        act(wrangler(StrictWrangler(1, "", "X [ERROR] the reason")))
    assert "the reason" in caught.value.message
    assert caught.value.exit_code == 6
