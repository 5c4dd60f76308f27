"""A command line that can't be read, for people and for scripts; and lines that are for pasting."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cfpy.account.secrets_file import read_secrets
from cfpy.cli.app import app
from cfpy.cli.meant import MEANT
from forked import run_cfpy

CFPY = [sys.executable, "-m", "cfpy"]


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_cfpy(*arguments, cwd=cwd)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("new", "--json"), "Missing argument"),
        (("nope", "--json"), "No such command 'nope'"),
        (("--json",), "--json comes after a command"),
        (("--json", "env", "list"), "--json comes after a command"),
        (("--nope", "--json"), "No such option: --nope"),
        (("cost", "--nope", "--json"), "No such option: --nope"),
        (("dev", "--json", "--port", "many"), "'--port'"),
        (("cost", "rag", "--scenario", "nope", "--json"), "no scenario 'nope'"),
    ],
)
def test_it_is_one_document(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (2, False)
    assert (document["error"]["code"], document["error"]["exit_code"]) == ("usage", 2)
    assert said in document["error"]["message"]
    assert document["error"]["hint"]
    assert "rror" not in done.stderr


@pytest.mark.parametrize("provision", [[], ["--provision"]])
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize("given", ["missing", ".", "empty"])
def test_a_file_of_secrets_that_can_not_be_read_stops_every_deployment(
    provision: list[str], dry: list[str], given: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").write_text("no assignment\n")
    (tmp_path / "wrangler.toml").write_text('name = "app"\n')
    done = run("deploy", *provision, *dry, "--secrets-file", given, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert given in done.stderr
    assert "secrets" in done.stderr


@pytest.mark.parametrize("text", ['{"KEY": "x"}', "KEY=x\n", "OTHER=y\nKEY=x"])
def test_a_file_of_secrets_may_be_from_windows(text: str, tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_bytes(f"\ufeff{text}".replace("\n", "\r\n").encode())
    assert read_secrets(file)["KEY"] == "x"


def test_a_deployment_that_sets_no_secrets_takes_no_file_of_them(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("KEY=value\n")
    done = run("deploy", "--dry-run", "--secrets-file", "secrets", cwd=tmp_path)
    assert done.returncode == 2
    assert "--provision" in done.stderr


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("list", "patterns"),
        ("start", "dev"),
        ("build", "deploy --dry-run"),
        ("login", "wrangler login"),
        ("queue", "add queue mails --consumer"),
        ("rag", "new rag myapp"),
        ("preview create", "preview up"),
        ("env ls", "env list"),
        ("pln", "plan"),
    ],
)
def test_a_word_of_another_tool_leads_to_the_command_that_is_meant(
    typed: str, meant: str, cli: Any
) -> None:
    result = cli(*typed.split())
    assert result.exit_code == 2
    assert re.search(f"Did you mean '(cfpy )?{meant}'", result.stderr)


def test_what_is_meant_exists_and_no_command_is_another_word_for_one() -> None:
    root: Any = typer.main.get_command(app)
    for group, meant in MEANT.items():
        own = root.commands[group].commands if group else root.commands
        for command, words in meant.items():
            assert not set(words.split()) & set(own), words
            first, *more = command.split()
            found = root.commands.get(first)
            assert found or first in ("--help", "--version"), command
            if more and hasattr(found, "commands"):
                assert more[0] in found.commands, command


@pytest.mark.parametrize(
    ("typed", "example"),
    [
        ("add", "cfpy add kv sessions"),
        ("add queue", "cfpy add queue mails --consumer"),
        ("add cron", "cfpy add cron hourly"),
        ("add nope", "cfpy add kv sessions"),
        ("env add", "cfpy env add"),
    ],
)
def test_a_missing_argument_comes_with_an_example(typed: str, example: str, cli: Any) -> None:
    result = cli(*typed.split())
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert re.search(f"Missing argument '(kind|name)'. For example: {example}", said)


def test_without_json_it_is_text(tmp_path: Path) -> None:
    done = run("new", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Missing argument" in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [("sub/app", "app --into sub"), (".", "shop --into .."), ("app/", "app --into")],
)
def test_a_path_for_a_name_leads_to_into(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    done = run("new", "rag", name, "--defaults", cwd=tmp_path / "shop")
    assert done.returncode == 2
    assert f"Try: {said}" in done.stderr


def test_a_file_in_the_place_of_a_directory_is_no_full_disk(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("new", "rag", "app", "--defaults", "--into", "file", cwd=tmp_path)
    assert done.returncode != 0
    assert "A file is in the way" in " ".join(done.stderr.split())


def test_a_difference_can_be_applied(tmp_path: Path) -> None:
    new = run("new", "rag", "shop", "--defaults", cwd=tmp_path)
    assert new.returncode == 0, new.stderr
    project = tmp_path / "shop"
    config = project / "wrangler.toml"
    config.write_text(f"# {'a long line ' * 30}\n{config.read_text()}")
    patch = tmp_path / "d.patch"
    patch.write_text(run("diff", cwd=project).stdout)
    check = ["git", "apply", "--check", "--reverse", str(patch)]
    done = subprocess.run(check, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_lines_to_paste_are_whole(tmp_path: Path) -> None:
    run("new", "fullstack", "shop", "--defaults", "--no-git", cwd=tmp_path)
    used = run("add", "d1", "audit", cwd=tmp_path / "shop").stdout.partition("Use\n")[2]
    assert "env instead of self.env" in used
    lines = [line[2:] for line in used.partition("\nNext")[0].splitlines()]
    compile("async def use(self, value):\n    " + "\n    ".join(lines), "use", "exec")
