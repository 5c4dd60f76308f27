"""`cfpy patterns init`, `check` and `test`, and the pytest plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfpy.patterns.pattern_store import BUILT_IN
from forked import run_cfpy

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `cfpy patterns ... --json`; gives its exit code and its document."""

    def run_(*arguments: str) -> tuple[int, dict[str, Any]]:
        done = run_cfpy("patterns", *arguments, "--json", cwd=tmp_path)
        document = json.loads(done.stdout)
        return done.returncode, document["data"] if document["ok"] else document["error"]

    return run_


def test_a_new_pattern_is_whole(run: Run, tmp_path: Path) -> None:
    code, made = run("init", "greeter")
    assert (code, made["extends"], made["git"]) == (0, "base", "committed")
    greeter = tmp_path / "greeter"
    manifest = tomllib.loads((greeter / "pattern.toml").read_text())
    assert manifest["extends"] == "base>=1.0.0,<2"
    code, checked = run("check", "greeter")
    assert (code, checked) == (0, {"passed": True, "problems": []})
    code, tested = run("test", "greeter", "--update", "--only-goldens")
    assert (code, tested["cases"][0]["updated"]) == (0, True)
    assert (greeter / "golden" / "defaults" / "src" / "entry.py").is_file()
    # The plugin does the rest: it compares, runs the project's own test and dry-run deploys.
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=greeter, capture_output=True, text=True, check=False)
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_a_new_pattern_on_top_of_rag_lays_its_table_over_rags(run: Run, tmp_path: Path) -> None:
    assert run("init", "rag-team", "--extends", "rag", "--no-git")[0] == 0
    code, tested = run("test", "rag-team", "--update", "--only-goldens")
    assert (code, tested["passed"]) == (0, True)
    golden = tmp_path / "rag-team" / "golden" / "defaults" / "wrangler.toml"
    wrangler = tomllib.loads(golden.read_text())
    assert wrangler["vars"]["OWNER"] == "platform-team"
    assert wrangler["vars"]["CHAT_MODEL"]
    assert "# Models are settings because" in golden.read_text()
    code, checked = run("check", "rag-team")
    assert (code, checked["problems"]) == (0, [])


def test_a_new_pattern_has_the_date_and_the_package_of_cfpys_own(run: Run, tmp_path: Path) -> None:
    run("init", "greeter", "--no-git")
    greeter = tmp_path / "greeter"
    dates = {
        line
        for path in [
            greeter / "template/wrangler.toml.jinja",
            *BUILT_IN.glob("*/template/wr*.jinja"),
        ]
        for line in path.read_text().splitlines()
        if line.startswith("compatibility_date")
    }
    assert len(dates) == 1
    env = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    argv = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        "site",
        "./greeter",
    ]
    subprocess.run(argv, cwd=tmp_path, env=env, check=True)
    installed = {
        path.relative_to(tmp_path / "site" / "cfpy_greeter").as_posix()
        for path in (tmp_path / "site" / "cfpy_greeter").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    own = {"README.md", "copier.yml", "pattern.toml"}
    template = (greeter / "template").rglob("*")
    files = {path.relative_to(greeter).as_posix() for path in template if path.is_file()}
    assert installed == own | files


MISTAKES = {
    "copier.yml": "unused: {type: str, default: x, help: h}\ngreeting: {type: str, default: Hi}\n"
    "_tasks: ['curl x | sh']\n",
    "template/notes.md.jinja": "one\n{{ greting }}\n",
    "template/src/odd.py": "import os\n\ndef count() -> int:\n    return 'one'\n",
    "template/src/model.py": 'MODEL = "@cf/microsoft/phi-2"\n',
    # In two parts, or this file would hold one.
    "template/keys.txt": "AWS_KEY=" + "AKIA" + "QXQY2VEXAMPLE7Q3\n",
    "template/wrangler.toml.jinja": 'nme = "x"\nname = "shop"\nmain = "src/entry.py"\n'
    'compatibility_date = "2025-01-01"\ncompatibility_flags = ["python_workers"]\n'
    '[vars]\nGREETING = "{{ greeting }}"\n[[kv_namespaces]]\nbinding = "CACHE"\n',
}


def test_check_finds_every_kind_of_mistake(run: Run, tmp_path: Path) -> None:
    run("init", "greeter", "--no-git")
    for name, text in MISTAKES.items():
        (tmp_path / "greeter" / name).write_text(text)
    manifest = tmp_path / "greeter" / "pattern.toml"
    described = '[[resources]]\nkind = "kv"\nbinding = "CASH"\npurpose = "p"\n'
    manifest.write_text(f"{manifest.read_text()}\n{described}")
    (tmp_path / "greeter" / "template" / "notes.md.jinja").unlink()
    code, checked = run("check", "greeter", "--trust")
    assert (code, checked["passed"]) == (1, False)
    found = {
        (item["broken"], item["where"], item["message"].split(":")[0])
        for item in checked["problems"]
    }
    assert found == {
        (False, "copier.yml", "the answer to 'unused' is not used anywhere"),
        (False, "copier.yml", "the question 'greeting' has no help"),
        (False, "copier.yml", "runs tasks"),
        (True, "template/keys.txt:1", "contains what looks like"),
        (True, "defaults: src/odd.py:1", "F401 `os` imported but unused"),
        (True, "defaults: src/odd.py:1", "I001 Import block is un-sorted or un-formatted"),
        (
            True,
            "defaults: src/odd.py:4",
            'Incompatible return value type (got "str", expected "int")  [return-value]',
        ),
        (True, "defaults: wrangler.toml:1", "the document"),
        (False, "wrangler.toml", "compatibility_date 2025-01-01 is more than a year old"),
        (True, "wrangler.toml", "@cf/microsoft/phi-2 was retired on 2026-05-30 (src/model.py)"),
        (True, "pattern.toml", "describes the binding CASH, which is not in the configuration"),
        (False, "pattern.toml", "does not describe the binding CACHE of the configuration"),
    }
    # A variable that nothing sets is told before it ends the rendering.
    (tmp_path / "greeter" / "template" / "notes.md.jinja").write_text(
        MISTAKES["template/notes.md.jinja"]
    )
    code, error = run("check", "greeter", "--trust")
    assert code == 1
    assert error["problems"][0]["where"] == "template/notes.md.jinja:2"
    assert error["problems"][0]["fix"] == "Did you mean 'greeting'?"


def test_what_differs_from_a_golden_fails_and_is_shown(run: Run, tmp_path: Path) -> None:
    run("init", "greeter", "--no-git")
    greeter = tmp_path / "greeter"
    (greeter / "cases.toml").write_text('[defaults]\n\n[german]\ngreeting = "Hallo"\n')
    assert run("test", "greeter", "--only-goldens")[0] == 1
    assert run("test", "greeter", "--only-goldens", "--update")[0] == 0
    golden = greeter / "golden" / "german"
    (golden / "README.md").unlink()
    (golden / "more.txt").write_text("more\n")
    (golden / "src" / "entry.py").write_text('"""Another."""\n')
    code, tested = run("test", "greeter", "--only-goldens", "--case", "german")
    [case] = tested["cases"]
    kinds = [(item["file"], item["kind"]) for item in case["differences"]]
    assert (code, kinds) == (
        1,
        [("README.md", "new"), ("more.txt", "missing"), ("src/entry.py", "changed")],
    )
    assert '-"""Another."""' in case["differences"][2]["diff"]
    assert run("test", "greeter", "--only-goldens", "--case", "defaults")[0] == 0
    code, error = run("test", "greeter", "--case", "french")
    assert (code, error["message"]) == (3, "there is no case 'french'")


def test_a_project_whose_tests_fail_or_that_wrangler_refuses_fails_its_case(
    run: Run, tmp_path: Path
) -> None:
    run("init", "greeter", "--no-git")
    template = tmp_path / "greeter" / "template"
    (template / "tests" / "test_worker.py.jinja").write_text("def test_no():\n    assert 1 == 2\n")
    wrangler = template / "wrangler.toml.jinja"
    wrangler.write_text(wrangler.read_text().replace("src/entry.py", "src/gone.py"))
    code, tested = run("test", "greeter", "--update")
    [case] = tested["cases"]
    assert (code, tested["passed"], case["updated"]) == (1, False, True)
    assert "assert 1 == 2" in case["tests_failed"]
    assert "src/gone.py" in case["dry_run_failed"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("init", "Rag"), 2, "can't be the name of a pattern"),
        (("init", "mine", "--extends", "rga"), 3, "names 'rga', which does not exist"),
        (("check", "."), 3, "has neither a pattern.toml nor a copier.yml"),
        (("test", "."), 3, "has neither a pattern.toml nor a copier.yml"),
        (("check", "nowhere"), 3, "there is no directory"),
    ],
)
def test_what_can_not_be(run: Run, arguments: tuple[str, ...], code: int, said: str) -> None:
    exit_code, error = run(*arguments)
    assert (exit_code, said in error["message"]) == (code, True), error


def test_hints_name_what_was_meant(run: Run) -> None:
    assert run("init", "Bad Name")[1]["hint"] == "Try: bad-name"
    assert run("init", "Büro")[1]["hint"] == "Try: buro"
    assert "gh:" not in run("check", ".")[1]["hint"]


def test_new_goldens_are_shown_in_a_pattern_that_is_a_repository(run: Run, tmp_path: Path) -> None:
    assert run("init", "greeter")[0] == 0
    arguments = ("patterns", "test", "greeter", "--update", "--only-goldens")
    lines = run_cfpy(*arguments, cwd=tmp_path).stdout.split("Next: ")[1]
    done = subprocess.run(lines, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "+++ b/golden/defaults/src/entry.py" in done.stdout


def test_the_schema_is_printed_for_editors() -> None:
    argv = [sys.executable, "-m", "cfpy", "patterns", "schema"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["required"] == ["title", "summary", "version"]
