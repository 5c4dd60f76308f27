"""Help, versions, patterns, and what a bug looks like."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cfpy import __version__
from cfpy.patterns import listing as patterns_command
from cfpy.tools.installation import Installation


def test_the_root_help_says_where_to_begin(cli) -> None:
    result = cli("--help")
    assert result.exit_code == 0
    assert "Start here: cfpy new rag myapp" in result.stdout


def test_the_version(cli) -> None:
    first, *others = cli("--version").stdout.splitlines()
    assert first == f"cfpy {__version__}"
    assert [line.split()[0] for line in others] == ["python", "node", "wrangler", "pyodide"]


def test_the_version_names_the_commit_of_an_installation_from_git(
    cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    for address, said in (
        (f"git+https://example.com/cfpy@{commit}", f" ({commit})"),
        (f"git+https://example.com/cfpy@{commit}#subdirectory=a", f" ({commit})"),
        ("https://example.com/cfpy.whl#sha256=0", ""),
    ):
        found = Installation(__version__, "python", address=address)
        monkeypatch.setattr("cfpy.tools.installed.installation", lambda found=found: found)
        assert cli("--version").stdout.splitlines()[0] == f"cfpy {__version__}{said}"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["new"], ["new", "rag"], ["dev", "--port", "99999"], ["new", "--x"]]
)
def test_wrong_usage_leaves_with_2(cli, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: " in result.stderr


def test_an_unknown_runtime_is_refused(cli) -> None:
    result = cli("dev", "--runtime", "docker")
    assert result.exit_code == 2
    assert "auto, node or workerd" in result.stderr


def test_help_imports_neither_copier_nor_jinja2_nor_rich() -> None:
    code = (
        "import sys, atexit\n"
        "heavy = ('copier', 'jinja2', 'rich.console', 'yaml', 'tomlkit', 'onnxruntime')\n"
        "atexit.register(lambda: print([m for m in heavy if m in sys.modules], file=sys.stderr))\n"
        "sys.argv = ['cfpy', '--help']\n"
        "from cfpy.cli.app import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.strip() == "[]"


def test_patterns_are_listed(cli, tiny: Path) -> None:
    assert "tiny" in cli("patterns").stdout
    data = cli.json("patterns")["data"]
    assert [pattern["name"] for pattern in data["patterns"]] == ["tiny"]
    assert data["patterns"][0]["services"] == ["Workers"]


def test_a_pattern_shows_questions_and_resources(cli, tiny: Path) -> None:
    text = cli("patterns", "show", "tiny").stdout
    for words in ("colour", "red | green", "d1", "rows", "Workers"):
        assert words in text
    data = cli.json("patterns", "show", "tiny")["data"]
    assert [question["name"] for question in data["questions"]] == [
        "project_name",
        "colour",
        "size",
        "key",
    ]
    assert data["resources"] == [{"kind": "d1", "binding": "DB", "purpose": "rows"}]


def test_an_unknown_pattern_is_offered_the_nearest(cli, tiny: Path) -> None:
    document = cli.json("patterns", "show", "tini")
    assert document["error"]["code"] == "pattern"
    assert document["error"]["hint"] == "Did you mean 'tiny'?"


@pytest.mark.parametrize("file", ["pattern.toml", "copier.yml"])
def test_a_broken_pattern_names_its_file(cli, tiny: Path, file: str) -> None:
    (tiny / file).write_text("{[")
    result = cli("patterns", "show", "tiny")
    assert result.exit_code == 3
    assert file in "".join(result.stderr.split())


def test_a_bug_leaves_with_70_and_a_traceback_in_a_log(
    cli, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_ctx: object) -> None:
        raise RuntimeError("out of cheese")

    monkeypatch.setattr(patterns_command, "list_patterns", broken)
    result = cli("patterns", "--json")
    error = json.loads(result.stdout)["error"]
    assert result.exit_code == 70
    assert error["code"] == "bug"
    assert "out of cheese" in error["message"]
    log = Path(error["hint"].removeprefix("The traceback is in "))
    assert "RuntimeError: out of cheese" in log.read_text()
    log.unlink()


def test_commands_that_need_a_project_say_so(cli, tmp_path: Path) -> None:
    for command in ("dev", "test"):
        result = cli(command, "--cwd", str(tmp_path))
        assert result.exit_code == 8
        assert "wrangler.toml" in result.stderr
