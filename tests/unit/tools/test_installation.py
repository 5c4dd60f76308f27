"""Where cfpy came from decides how hints and rendered projects install it."""

from __future__ import annotations

import json
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from cfpy.patterns import init
from cfpy.patterns.pattern_store import PatternStore
from cfpy.patterns.renderer import render
from cfpy.tools import installed
from cfpy.tools.installation import Installation, Installer, parse_direct_url

COMMIT = "1f2e" * 10
GIT = {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"}


def found(data: Any, installer: Installer = Installer.PIP) -> Installation:
    known = parse_direct_url(json.dumps(data))
    return Installation("0.1.0", "/py", installer, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "portable", "words"),
    [
        (
            {"url": "https://example.com/o/cfpy.git", "vcs_info": GIT},
            f"cfpy-cli @ git+https://example.com/o/cfpy.git@{COMMIT}",
            [f"cfpy-cli[authors] @ git+https://example.com/o/cfpy.git@{COMMIT}"],
        ),
        (
            {"url": "ssh://git@example.com/o/cfpy", "vcs_info": GIT},
            f"cfpy-cli @ git+ssh://git@example.com/o/cfpy@{COMMIT}",
            [f"cfpy-cli[authors] @ git+ssh://git@example.com/o/cfpy@{COMMIT}"],
        ),
        (
            {"url": "https://example.com/mono", "vcs_info": GIT, "subdirectory": "a/b"},
            f"cfpy-cli @ git+https://example.com/mono@{COMMIT}#subdirectory=a/b",
            [f"cfpy-cli[authors] @ git+https://example.com/mono@{COMMIT}#subdirectory=a/b"],
        ),
        (
            {"url": "file:///home/me/cfpy", "vcs_info": GIT},
            "cfpy-cli==0.1.0",
            [f"cfpy-cli[authors] @ git+file:///home/me/cfpy@{COMMIT}"],
        ),
        (
            {"url": "https://example.com/cfpy_cli-0.1.0-py3-none-any.whl", "archive_info": {}},
            "cfpy-cli @ https://example.com/cfpy_cli-0.1.0-py3-none-any.whl",
            ["cfpy-cli[authors] @ https://example.com/cfpy_cli-0.1.0-py3-none-any.whl"],
        ),
        (
            {"url": "file:///home/a%20b/cfpy", "dir_info": {"editable": True}},
            "cfpy-cli==0.1.0",
            ["--editable", "/home/a b/cfpy[authors]"],
        ),
        (
            {"url": "file:///home/me/cfpy", "dir_info": {}},
            "cfpy-cli==0.1.0",
            ["/home/me/cfpy[authors]"],
        ),
        ({}, "cfpy-cli==0.1.0", ["cfpy-cli[authors]==0.1.0"]),
    ],
)
def test_it_is_installed_again_from_where_it_came(
    data: Any, portable: str, words: list[str]
) -> None:
    mine = found(data)
    assert mine.portable_requirement == portable
    assert Requirement(portable).name == "cfpy-cli"
    assert shlex.split(mine.command("authors")) == ["/py", "-m", "pip", "install", *words]
    for installer, start in (
        (Installer.PIPX, ["pipx", "install", "--force"]),
        (Installer.UV_TOOL, ["uv", "tool", "install", "--force"]),
    ):
        assert shlex.split(found(data, installer).command("authors")) == [*start, *words]


def test_again_replaces_what_is_there() -> None:
    assert "--force-reinstall" in found({}).command(again=True)


def test_no_credentials_are_kept() -> None:
    for url in ("https://me:hush@example.com/cfpy", "ssh://git:hush@example.com/cfpy"):
        mine = found({"url": url, "vcs_info": GIT})
        assert "hush" not in mine.portable_requirement + mine.command()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": 1, "vcs_info": []}'])
def test_a_broken_record_counts_as_none(text: str) -> None:
    assert parse_direct_url(text) == {}


def test_the_environment_says_who_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert installed.installation().installer is Installer.PIP
    (tmp_path / "uv-receipt.toml").touch()
    assert installed.installation().installer is Installer.UV_TOOL
    (tmp_path / "pipx_metadata.json").touch()
    assert installed.installation().installer is Installer.PIPX


@pytest.mark.parametrize("requirement", ["", f"cfpy-cli @ git+https://example.com/cfpy@{COMMIT}"])
def test_rendered_ci_installs_it(requirement: str, tmp_path: Path) -> None:
    answers = {"project_name": "mine"}
    pattern = PatternStore().get("fullstack")
    render(pattern, tmp_path, answers, interactive=False, requirement=requirement)
    workflow = (tmp_path / ".github" / "workflows" / "ci.yml").read_text()
    # Nobody has registered the name on the index yet, and CI has the account's token.
    assert f'  CFPY: "{requirement}"\n' in workflow
    assert workflow.count('pip install "${CFPY:?') == 2
    assert ("write the address" in workflow) == (not requirement)


@pytest.mark.parametrize(
    "requirement", ["cfpy-cli==0.1.0", f"cfpy-cli @ git+https://e.x/c@{COMMIT}"]
)
def test_a_new_pattern_names_it_for_its_authors(requirement: str, tmp_path: Path) -> None:
    values = {"name": "mine", "module": "cfpy_mine", "needs": [], "cfpy": requirement}
    source = tmp_path / "source"
    source.mkdir()
    common = Path(init.__file__).parents[1] / "new_pattern" / "common"
    shutil.copy(common / "pyproject.toml.init", source)
    init._fill(source, tmp_path, values)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    [dev] = project["project"]["optional-dependencies"]["dev"]
    direct = " @ " in requirement
    assert Requirement(dev).extras == {"authors"}
    assert dev.endswith(COMMIT) == direct
    assert project["tool"]["hatch"].get("metadata", {}) == (
        {"allow-direct-references": True} if direct else {}
    )
