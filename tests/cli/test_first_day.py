"""What somebody meets on the first day with a project."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from cfpy.account import doctor, session
from cfpy.errors import NotLoggedInError
from forked import run_cfpy

SCHEMA = json.loads(files("cfpy").joinpath("cli/output.schema.json").read_text("utf-8"))
CONFIG = 'name = "shop"\nmain = "{main}"\ncompatibility_date = "2026-09-01"\n'
PYTHON = """\
from workers import WorkerEntrypoint


class Other:
    def scheduled(self):
        pass


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        pass

    async def queue(self, batch, env=None, ctx=None):
        pass
"""
JAVASCRIPT = "export default {\n  async fetch() {},\n  async queue(batch, env, ctx) {},\n};\n"


@pytest.fixture(params=["src/entry.py", "src/index.js"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    main = tmp_path / request.param
    main.parent.mkdir()
    main.write_text(PYTHON if main.suffix == ".py" else JAVASCRIPT)
    flags = 'compatibility_flags = ["python_workers"]\n' if main.suffix == ".py" else ""
    (tmp_path / "wrangler.toml").write_text(CONFIG.format(main=request.param) + flags)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_add_says_that_the_handler_is_there(cli, shop: Path) -> None:
    note = cli.json("add", "queue", "jobs", "--consumer", "--dry-run")["data"]["note"]
    assert "already has the handler queue" in note
    file, _, line = note.split(" ")[0].partition(":")
    assert "queue(" in (shop / file).read_text().splitlines()[int(line) - 1]
    assert note in cli("add", "queue", "jobs", "--consumer", "--dry-run").stdout


HANDLERS = [(("cron", "hourly"), "scheduled"), (("queue", "jobs", "--consumer"), "queue")]


@pytest.mark.parametrize(("addition", "name"), HANDLERS)
def test_add_adds_the_handler_and_says_where(
    addition: tuple[str, ...], name: str, cli, shop: Path
) -> None:
    [main] = (shop / "src").iterdir()
    main.write_text(main.read_text().replace(" queue(", " other("))
    before = main.read_text().splitlines()
    data = cli.json("add", *addition)["data"]
    assert f"has the new handler {name}" in data["note"]
    assert f"{name}(" not in data["snippet"]
    where, _, line = data["note"].split(" ")[0].partition(":")
    lines = main.read_text().splitlines()
    assert (shop / where, f"{name}(" in lines[int(line) - 1]) == (main, True)
    assert set(before) <= set(lines)
    assert where in data["files"]
    # Where it is, it is not added again.
    again = cli.json("add", addition[0], "daily", *addition[2:])["data"]
    assert f"already has the handler {name}" in again["note"]
    assert main.read_text().splitlines() == lines


@pytest.mark.parametrize("sign", ["dist", "ignored"])
def test_add_leaves_what_a_build_writes(sign: str, cli, shop: Path) -> None:
    config, [main] = shop / "wrangler.toml", (shop / "src").iterdir()
    config.write_text(config.read_text() + '[build]\ncommand = "make"\n')
    if sign == "dist":
        main = main.rename(shop / main.name)
        (shop / "dist").mkdir()
        main = main.rename(shop / "dist" / main.name)
        config.write_text(config.read_text().replace("src/", "dist/"))
    else:
        subprocess.run(["git", "init", "-q", str(shop)], check=True)
        (shop / ".gitignore").write_text("/src/\n")
    why = {
        "dist": "builds write what is in dist",
        "ignored": "git ignores it, so a build writes it",
    }
    before = main.read_text()
    data = cli.json("add", "cron", "hourly")["data"]
    assert data["files"] == ["wrangler.toml"]
    assert f"{why[sign]}. If the Worker has none, add the one shown." in data["note"]
    assert "scheduled" in data["snippet"]
    data = cli.json("add", "durable-object", "room")["data"]
    assert data["files"] == ["wrangler.toml"]
    assert f"{why[sign]}. Export Room(DurableObject) there." in data["note"]
    assert main.read_text() == before


@pytest.mark.parametrize("kind", ["cron", "durable-object"])
def test_a_build_of_something_else_changes_nothing_for_add(kind: str, cli, shop: Path) -> None:
    config, [main] = shop / "wrangler.toml", (shop / "src").iterdir()
    config.write_text(config.read_text() + '[build]\ncommand = "npm run css"\n')
    name = "hourly" if kind == "cron" else "room"
    data = cli.json("add", kind, name)["data"]
    assert main.relative_to(shop).as_posix() in data["files"]


def test_add_leaves_the_front_page_to_the_worker(cli, shop: Path) -> None:
    data = cli.json("add", "assets", "pages")["data"]
    assert data["files"] == ["public/hello.txt", "wrangler.toml"]
    assert data["note"].startswith("Each file in public is now served in place of the Worker: ")


def test_a_worker_of_files_alone_gets_a_page(cli, shop: Path) -> None:
    config = shop / "wrangler.toml"
    config.write_text('name = "shop"\ncompatibility_date = "2026-11-17"\n')
    assert "public/index.html" in cli.json("add", "assets", "pages")["data"]["files"]


def test_doctor_above_projects_names_them(cli, shop: Path) -> None:
    (shop / "api").mkdir()
    (shop / "wrangler.toml").rename(shop / "api" / "wrangler.toml")
    checks = cli.json("doctor", "--cwd", str(shop))["data"]["checks"]
    [project] = [check for check in checks if check["name"] == "project"]
    assert project["fix"] == "Name one of the projects in it with --cwd: api"


@pytest.mark.parametrize("kind", ["durable-object", "workflow"])
def test_add_says_which_runtime_runs_a_class(kind: str, cli, shop: Path) -> None:
    python = (shop / "src" / "entry.py").is_file()
    data = cli.json("add", kind, "thing", "--dry-run")["data"]
    assert ("classes in Python need --runtime workerd" in data["note"]) == python
    assert data["next_steps"][0].endswith("dev --runtime workerd" if python else "dev")


@pytest.mark.parametrize("addition", [("queue", "jobs"), ("kv", "cache")])
def test_add_says_nothing_where_there_is_none(addition: tuple[str, str], cli, shop: Path) -> None:
    assert cli.json("add", *addition, "--dry-run")["data"]["note"] == ""


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("plan", "--cwd", "nowhere"), "plan"),
        (("env", "add", "Staging!"), "env add"),
        (("env", "remove", "x", "--yes"), "env remove"),
        (("patterns", "show", "nothing"), "patterns show"),
        (("-q", "cost", "nothing"), "cost"),
        (("plan", "--wrong"), "plan"),
        (("env", "--wrong", "add"), "env add"),
        (("pln",), ""),
    ],
)
def test_an_error_names_its_command(words: tuple[str, ...], command: str, cli, shop: Path) -> None:
    document = cli.json(*words)
    jsonschema.validate(document, SCHEMA)
    assert (document["ok"], document["command"]) == (False, command)


def test_doctor_says_whether_all_is_well(
    cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "no token")
    done = cli("doctor", "--cwd", str(tmp_path), "--json")
    data = json.loads(done.stdout)["data"]
    assert (done.exit_code, data["passed"]) == (1, False)
    assert [check["name"] for check in data["checks"] if check["state"] == "error"] == ["login"]


def test_a_missing_login_is_a_warning_unless_it_is_required(
    cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: object) -> str:
        raise NotLoggedInError("nobody is logged in", hint="Run it.")

    monkeypatch.setattr(doctor, "can_tell_login", lambda *_: True)
    monkeypatch.setattr(doctor, "account_of", nobody)
    for options, code, state in (((), 0, "warning"), (("--account",), 1, "error")):
        done = cli("doctor", *options, "--cwd", str(tmp_path), "--json")
        data = json.loads(done.stdout)["data"]
        [login] = [check for check in data["checks"] if check["name"] == "login"]
        assert (done.exit_code, data["passed"], login["state"]) == (code, not code, state)
    # Nor is it known before wrangler is installed.
    monkeypatch.setattr(doctor, "can_tell_login", lambda *_: False)
    assert cli("doctor", "--cwd", str(tmp_path)).exit_code == 0
    assert cli("doctor", "--account", "--cwd", str(tmp_path)).exit_code == 1


def test_doctor_shows_where_each_tool_is(cli, tmp_path: Path) -> None:
    checks = cli.json("doctor", "--cwd", str(tmp_path))["data"]["checks"]
    said = {check["name"]: check["message"] for check in checks}
    assert "npm" in said["npm"].partition("(")[2]
    assert said["npm"].partition("(")[2] != said["node"].partition("(")[2]


@pytest.mark.parametrize("given", [(), ("rag",), ("--defaults",)])
def test_new_without_a_pattern_or_a_name_lists_the_patterns(given: tuple[str, ...], cli) -> None:
    done = cli("new", *given)
    assert done.exit_code == 2
    assert "Patterns: fullstack, pipeline, rag. For example: cfpy new rag myapp" in done.output
    assert "Patterns: fullstack" in cli.json("new", *given)["error"]["message"]


def test_every_command_is_described_in_one_line_of_80_columns() -> None:
    for group in ((), ("env",), ("patterns",)):
        done = run_cfpy(*group, "--help", env={**os.environ, "COLUMNS": "80"})
        lines = done.stdout.splitlines()
        commands = lines[lines.index("Commands:") + 1 :]
        assert len(commands) >= 3
        assert [line for line in commands if line.rstrip().endswith("...")] == []


def test_doctor_finds_a_durable_object_that_no_program_can_use(cli, shop: Path) -> None:
    config = shop / "wrangler.toml"
    table = '\n[[durable_objects.bindings]]\nname = "my-do"\nclass_name = "Room"\n'
    config.write_text(config.read_text() + table)
    data = json.loads(cli("doctor", "--cwd", str(shop), "--json").stdout)["data"]
    found = [check["message"] for check in data["checks"] if check["name"] == "configuration"]
    assert found == ["durable_objects.bindings binds 'my-do', which is not a valid identifier"]


DISPATCHES = """from workers import WorkerEntrypoint


def reader_of(name):
    return name


class Default(WorkerEntrypoint):
    async def queue(self, batch, env=None, ctx=None):
        log("info", queue=batch.queue)
        for message in batch.messages:
            await {call}(message)


def log(*words, **more):
    print(words, more)
"""


@pytest.mark.parametrize("call", ["reader_of(batch.queue)", "reader_of(name=batch.queue)"])
def test_add_names_the_function_that_chooses_the_code(call: str, cli, tmp_path: Path) -> None:
    (tmp_path / "entry.py").write_text(DISPATCHES.format(call=call))
    flags = 'compatibility_flags = ["python_workers"]\n'
    (tmp_path / "wrangler.toml").write_text(CONFIG.format(main="entry.py") + flags)
    words = ("add", "queue", "jobs", "--consumer", "--dry-run", "--cwd", str(tmp_path))
    data = cli.json(*words)["data"]
    chooses = (
        "reader_of(batch.queue) in entry.py:4 chooses the code: add a case for shop-jobs there."
    )
    assert chooses in data["note"]
    assert data["snippet"] == 'await self.env.JOBS.send({"id": 1})\n'


def test_add_shows_the_code_that_is_missing_and_no_other(cli, shop: Path) -> None:
    for main in (shop / "src").iterdir():
        main.write_text("")
    plain = cli.json("add", "queue", "jobs", "--dry-run")["data"]["snippet"]
    assert "queue(" not in plain
    consumer = cli.json("add", "queue", "jobs", "--consumer", "--dry-run")["data"]
    assert consumer["snippet"].startswith(plain)
    assert consumer["note"].startswith("cfpy added no handler to src/")
    assert "async queue(" in consumer["snippet"] or "async def queue(" in consumer["snippet"]


def test_a_taken_port_is_noticed_first(cli, shop: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        error = cli.json("dev", "--port", str(port))["error"]
    assert error["exit_code"] == 2
    assert f"port {port} of 127.0.0.1 is in use" in error["message"]
    assert "--port" in error["hint"]
    assert not (shop / ".wrangler" / "state").exists()


def test_a_project_without_tests_gets_a_hint(tmp_path: Path) -> None:
    (tmp_path / "index.js").write_text(JAVASCRIPT)
    (tmp_path / "wrangler.toml").write_text(CONFIG.format(main="index.js"))
    argv = [sys.executable, "-m", "cfpy", "test"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "No test ran" in done.stderr
    assert "tests/test_*.py" in done.stderr
    assert "cfpy adopt --tests adds one" in done.stderr.replace("\n", " ")
    named = [*argv, "-k", "nothing_like_this"]
    done = subprocess.run(named, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "select none of them: -k nothing_like_this" in done.stderr.replace("\n", " ")
    assert "adopt" not in done.stderr


def test_files_are_adopted_without_a_login(
    cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: object) -> str:
        raise NotLoggedInError("nobody is logged in", hint="Run it.")

    monkeypatch.setattr(session, "token_of", nobody)
    (tmp_path / "index.js").write_text(JAVASCRIPT)
    (tmp_path / "wrangler.toml").write_text(CONFIG.format(main="index.js"))
    config = (tmp_path / "wrangler.toml").read_bytes()
    there = ("--cwd", str(tmp_path))
    dry = cli("adopt", "--tests", "--dry-run", *there)
    assert dry.exit_code == 0, dry.output
    assert not (tmp_path / "tests").exists()
    done = cli("adopt", "--tests", *there)
    assert done.exit_code == 0, done.output
    assert "Nobody is logged in, so nothing of the account was read" in done.output
    assert "Reading the account" not in dry.output + done.output
    assert (tmp_path / "tests" / "test_worker.py").is_file()
    data = cli.json("adopt", "--tests", "--agents", *there)["data"]
    assert (data["logged_in"], list(data["files"])) == (False, ["AGENTS.md"])
    assert data["kept_files"] == ["tests/conftest.py", "tests/test_worker.py"]
    assert (tmp_path / "wrangler.toml").read_bytes() == config
    # The tests run from a directory, which CI can't install cfpy from.
    ci = cli.json("adopt", "--ci", *there)["data"]
    assert "previews, backups and the check for drift need cfpy" in ci["left_out"][0]
    needed = {"production": ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID"]}
    assert ci["ci_secrets"] == needed
    assert list(ci["files"]) == [".github/workflows/ci.yml"]
    workflow = (tmp_path / ".github" / "workflows" / "ci.yml").read_text()
    assert workflow == ci["files"][".github/workflows/ci.yml"]
    assert "CFPY" not in workflow
    again = cli.json("adopt", "--ci", *there)["data"]
    assert (again["kept_files"], again["files"]) == ([".github/workflows/ci.yml"], {})
    # What is in the account can't be adopted so.
    assert cli("adopt", *there).exit_code == NotLoggedInError.exit_code
    assert cli("adopt", "--tests", "--remove-ids", *there).exit_code == 5
    # Nor does `cfpy doctor` say that it reads the account.
    monkeypatch.setattr(doctor, "can_tell_login", lambda *_: True)
    assert "Reading the account" not in cli("doctor", *there).output


def test_diff_is_silent_about_what_cfpy_writes(cli, tmp_path: Path) -> None:
    assert cli("new", "rag", "shop", "--into", str(tmp_path), "--defaults").exit_code == 0
    shop = tmp_path / "shop"
    for name in ("pylock.toml", "cfpy.state.json"):
        (shop / name).write_text("")
    (shop / "mine.txt").write_text("x\n")
    found = cli.json("diff", "--cwd", str(shop))["data"]["files"]
    assert [item["name"] for item in found] == ["mine.txt"]


@pytest.mark.parametrize(
    ("where", "told"),
    [(["some/file"], "free space there"), ([], "the disks with the project and your home")],
)
def test_a_full_disk_is_named(
    where: list[str], told: str, cli, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", *where)

    monkeypatch.setattr("cfpy.bindings.add.run", full)
    result = cli("add", "kv", "sessions", "--cwd", str(shop))
    assert result.exit_code == 10
    assert told in " ".join(result.stderr.split())
