"""What scripts and people rely on: help texts, --json, exit codes, completion.

`pytest tests/cli/test_contract.py --update-golden` rewrites tests/golden/cli/; read the diff.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import reduce
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer.main
from contract import check, shape

from cfpy import errors
from cfpy.cli.app import app
from cfpy.cli.commands import COMMANDS as TABLE
from forked import run_cfpy

SCHEMA = json.loads(files("cfpy").joinpath("cli/output.schema.json").read_text("utf-8"))
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def commands(group: Any = None, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command that there is."""
    group = group or typer.main.get_command(app)
    yield above
    for name, command in sorted(getattr(group, "commands", {}).items()):
        yield from commands(command, (*above, name))


COMMANDS = list(commands())


def test_help_texts_are_pinned(request: pytest.FixtureRequest) -> None:
    env = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERMINAL_WIDTH": "100"}
    # One process for all of them: starting Python is what takes time.
    code = (
        "import json, sys\n"
        "from typer.testing import CliRunner\n"
        "from cfpy.cli.app import app\n"
        "for command in json.loads(sys.argv[1]):\n"
        "    print('$ cfpy', *command, '--help')\n"
        "    print(CliRunner().invoke(app, [*command, '--help'], prog_name='cfpy').output)\n"
    )
    argv = [sys.executable, "-c", code, json.dumps(COMMANDS)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    check("help.txt", done.stdout, request)


@pytest.mark.parametrize("arguments", [("--help",), ("patterns", "--help"), ("pln",)], ids=str)
def test_commands_that_are_built_late_are_the_same(arguments: tuple[str, ...]) -> None:
    """The console script builds the one command that is asked for, Typer by itself all of them."""
    eager = "import sys; from cfpy.cli.app import app; app(sys.argv[1:], prog_name='cfpy')"
    outcomes = []
    for argv in (["-m", "cfpy"], ["-c", eager]):
        done = subprocess.run([sys.executable, *argv, *arguments], capture_output=True, check=False)
        outcomes.append((done.returncode, done.stdout, done.stderr))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("cfpy pat", {"patterns"}),
        ("cfpy d", {"data", "dev", "diff", "deploy", "destroy", "doctor"}),
        ("cfpy wrangler", {"wrangler"}),
    ],
)
def test_a_completion_imports_only_the_commands_that_it_offers(
    words: str, wanted: set[str]
) -> None:
    code = (
        "import atexit, sys\n"
        "from cfpy.cli.commands import COMMANDS\n"
        "made = lambda: [n for n in COMMANDS if f'cfpy.cli.commands.{n}' in sys.modules]\n"
        "atexit.register(lambda: print(*made(), 'rich' in sys.modules, file=sys.stderr))\n"
        "from cfpy.cli.app import main\n"
        "main()\n"
    )
    asked = {"_CFPY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) == wanted
    *imported, rich = done.stderr.split()
    # deploy asks for the resources that provision creates, and shows the plan.
    beside = {"plan", "provision"} if "deploy" in wanted else set()
    assert set(imported) == wanted | beside
    assert rich == "False"


def test_the_table_of_commands_has_the_first_line_of_each_help() -> None:
    group: Any = typer.main.get_command(app)
    lines = {name: command.help.splitlines()[0] for name, command in group.commands.items()}
    assert list(lines.items()) == list(TABLE.items())


@pytest.mark.parametrize("command", [c for c in COMMANDS if c], ids=" ".join)
def test_every_command_has_help_with_an_example(cli: Any, command: tuple[str, ...]) -> None:
    result = cli(*command, "--help")
    assert result.exit_code == 0
    whole = " ".join(command)
    assert re.search(f"Example: cfpy {whole}( |$)", result.stdout, re.MULTILINE), whole
    assert f"| [`cfpy {command[0]}`]" in (REFERENCE / "commands.md").read_text("utf-8")


@pytest.mark.parametrize("command", [c for c in COMMANDS if c], ids=" ".join)
def test_the_line_of_use_says_what_further_arguments_there_are(
    cli: Any, command: tuple[str, ...]
) -> None:
    result = cli(*command, "--help")
    passes_on = "urther arguments go to" in " ".join(result.stdout.split())
    assert passes_on == ("ARGUMENTS]..." in result.stdout.splitlines()[0])


def test_one_letter_is_one_option() -> None:
    """`-c` is --config in each command that has it."""
    meanings: dict[str, set[str]] = {}
    group: Any = typer.main.get_command(app)
    for words in COMMANDS:
        command = reduce(lambda above, word: above.commands[word], words, group)
        for option in command.params:
            names = {name for name in option.opts if name.startswith("--")}
            for letter in set(option.opts) - names if names else ():
                meanings[letter] = meanings.get(letter, names) & names
    assert "-c" in meanings
    assert [letter for letter, names in meanings.items() if not names] == []


def test_exit_codes_of_errors_are_pinned_and_in_the_reference() -> None:
    found = {
        kind.code: kind.exit_code
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.CfpyError) and "code" in vars(kind)
    }
    assert found == {
        "error": 70,
        "usage": 2,
        "pattern": 3,
        "tool_not_found": 4,
        "timeout": 4,
        "not_authenticated": 5,
        "cloudflare": 6,
        "wrangler": 6,
        "plan_conflict": 7,
        "project": 8,
        "local_runtime": 9,
        "filesystem": 10,
        "deployment": 11,
        "rolled_back": 12,
        "deployment_changed": 14,
        "interrupted": 130,
    }
    page = (REFERENCE / "exit-codes.md").read_text("utf-8")
    for code in {*found.values(), 0, 1, 143}:
        assert f"\n| {code} |" in page


def test_the_shape_of_json_is_pinned(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    def run(*arguments: str, cwd: Path = tmp_path) -> None:
        done = run_cfpy(*arguments, "--json", cwd=cwd)
        document = json.loads(done.stdout)
        jsonschema.validate(document, SCHEMA)
        assert document["ok"], document
        shapes[document["command"]] = shape(document["data"])

    shapes: dict[str, Any] = {}
    run("patterns")
    run("patterns", "show", "rag")
    run("patterns", "init", "mine", "--no-git")
    run("patterns", "test", "mine", "--only-goldens", "--update")
    run("new", "rag", "shop")
    shop = tmp_path / "shop"
    run("cost", cwd=shop)
    run("add", "kv", "sessions", "--dry-run", cwd=shop)
    run("update", "--check", cwd=shop)
    (shop / "README.md").write_text("Ours.\n")
    run("diff", cwd=shop)
    run("permissions", cwd=shop)
    run("ci", "init", "gitlab", cwd=shop)
    run("env", "add", "staging", cwd=shop)
    run("env", "list", cwd=shop)
    run("env", "remove", "staging", "--yes", cwd=shop)
    text = json.dumps(shapes, indent=2, sort_keys=True) + "\n"
    check("json.json", text, request)


def test_errors_have_the_documented_shape(cli: Any, tmp_path: Path) -> None:
    for arguments in (["patterns", "show", "nothing"], ["cost", "--cwd", str(tmp_path)]):
        document = cli.json(*arguments)
        jsonschema.validate(document, SCHEMA)
        assert not document["ok"]
    wrong = {"version": 2, "ok": True, "command": "x", "data": {}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


PRESSED = r"""
source <("$PYTHON" -m cfpy --show-completion bash | sed "s/complete -o default/complete -o nosort/")
COMP_WORDS=($WORDS) ; [[ "$WORDS" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_cfpy_completion cfpy
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cfpy pat", ["patterns"]),
        ("cfpy new f", ["fullstack"]),
        ("cfpy cost ", ["fullstack", "pipeline", "rag"]),
        ("cfpy add durable", ["durable-object"]),
        ("cfpy dev --runtime n", ["node"]),
        ("cfpy plan --env s", ["staging"]),
    ],
)
def test_bash_completes_commands_patterns_and_environments(
    typed: str, offered: list[str], tmp_path: Path
) -> None:
    (tmp_path / "wrangler.toml").write_text('name = "x"\n[env.staging]\n[env.live]\n')
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "cfpy").write_text(f"#!{sys.executable}\nfrom cfpy.cli.app import main\nmain()\n")
    (tools / "cfpy").chmod(0o755)
    env = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "WORDS": typed,
        "PYTHON": sys.executable,
    }
    # typer looks at the parent process for the shell's name.
    done = subprocess.run(
        ["bash", "--norc", "-c", PRESSED.replace('"$PYTHON" -m cfpy', "cfpy")],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == offered, done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_offered_the_same(shell: str) -> None:
    """By the protocol of their scripts: these shells are not on every machine."""
    env = {
        **os.environ,
        "_CFPY_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "cfpy new f",
    }
    env["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    argv = [sys.executable, "-c", "from cfpy.cli.app import main; main()"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert "fullstack" in done.stdout
    assert "pipeline" not in done.stdout


def test_quiet_says_nothing_while_it_lasts_and_verbose_what_is_started(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "cfpy", *arguments]
        return subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert "Reading rag..." in run("cost", "rag").stderr
    assert run("--quiet", "cost", "rag").stderr == ""
    assert "$ git init" in run("--verbose", "new", "rag", "shop", "--defaults").stderr
