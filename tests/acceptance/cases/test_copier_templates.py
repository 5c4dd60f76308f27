"""Copier templates: what `cfpy new` was told, `cfpy update` keeps."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forked import run_cfpy

Cfpy = Callable[..., dict[str, Any]]


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    argv = ["git", *identity, *arguments]
    return subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True).stdout


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "Change")


@pytest.fixture
def cfpy(tmp_path: Path) -> Cfpy:
    """Runs cfpy and gives the data, or the error, of its document."""
    environment = os.environ | {"CFPY_CONFIG_DIR": str(tmp_path / "config")}

    def run(*arguments: str, cwd: Path = tmp_path) -> dict[str, Any]:
        done = run_cfpy(*arguments, "--json", cwd=cwd, env=environment)
        document: dict[str, Any] = json.loads(done.stdout)
        found: dict[str, Any] = document.get("data") or document["error"]
        return found

    return run


def change(path: Path, old: str, new: str) -> None:
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())


@pytest.mark.case("copier-secret")
def test_a_secret_answer_is_kept_where_the_project_has_it(
    case: Path, cfpy: Cfpy, tmp_path: Path
) -> None:
    git(case, "init", "--quiet")
    commit(case)
    project = tmp_path / "p"
    answers = [part for a in ("salt=real-salt-7", "color=blue", "replicas=2") for part in ("-a", a)]
    made = cfpy("new", "./copier-secret", "p", "--defaults", *answers)
    assert made["answers"] == {"project_name": "p", "color": "blue", "replicas": 2}
    config = (project / "wrangler.toml").read_text()
    assert 'SALT = "real-salt-7"' in config
    (project / "notes.md").write_text("my own notes\n")
    commit(project)
    assert cfpy("update", "--check", cwd=project)["up_to_date"]

    change(case / "wrangler.toml.jinja", "enabled = true", "enabled = true\n\n[placement]")
    (case / "notes.md").write_text("newest\n")
    commit(case)
    updated = cfpy("update", cwd=project)
    # Copier's own answers file names the commit: it changes as well.
    assert {file["name"]: file["outcome"] for file in updated["files"]} == {
        ".copier-answers.yml": "changed",
        "wrangler.toml": "changed",
    }
    assert (project / "wrangler.toml").read_text() == config + "\n[placement]\n"
    assert (project / "notes.md").read_text() == "my own notes\n"
    # The template wrote it into wrangler.toml, and nothing else holds it.
    holding = git(project, "grep", "--untracked", "--name-only", "real-salt-7").split()
    assert holding == ["wrangler.toml"]

    commit(project)
    (project / "notes.md").unlink()
    commit(project)
    [step] = cfpy("update", cwd=project)["files"]
    assert (step["name"], step["outcome"]) == ("notes.md", "added")
    assert (project / "notes.md").read_text() == "newest\n"


@pytest.mark.case("copier-odd")
def test_lists_and_odd_templates_are_updated(case: Path, cfpy: Cfpy, tmp_path: Path) -> None:
    git(case, "init", "--quiet")
    commit(case)
    project = tmp_path / "p"
    made = cfpy(
        "new", "./copier-odd", "p", "--defaults", "-a", "token=hush", "-a", "regions=eeur,weur"
    )
    assert made["answers"]["regions"] == ["weur", "eeur"]
    assert made["answers"]["limits"] == {"cpu": 10, "mem": 5}
    assert sorted(file for file in made["files"] if not file.startswith(".cfpy/")) == [
        ".copier-answers.mine.yml",
        "logo p.png",
        "migrations/0001_a.sql",
        "notes.md",
        "raw.txt",
        "schema.sql",
        "src/entry.py",
        "wrangler.toml",
    ]
    assert (project / "raw.txt").read_bytes() == b"a {{ jinja }} that stays\r\nwindows line\r\n"
    assert (project / "logo p.png").read_bytes() == b"\x89PNG\x00"
    assert cfpy("update", "--check", cwd=project)["up_to_date"]

    change(case / "skeleton" / "wrangler.toml.j2", "# v2", "# v3")
    change(case / "skeleton" / "raw.txt", "windows line", "another line")
    (case / "skeleton" / "logo [[ project_name ]].png").write_bytes(b"\x89PNG\x00\x01")
    (case / "skeleton" / "y.tmp").write_text("junk\n")
    commit(case)
    (project / "notes.md").write_text("mine\n")
    commit(project)
    updated = cfpy("update", cwd=project)
    assert updated["conflicts"] == []
    assert {file["name"] for file in updated["files"]} == {
        *(".copier-answers.mine.yml", "logo p.png", "raw.txt", "wrangler.toml"),
    }
    config = (project / "wrangler.toml").read_text()
    assert 'REGIONS = "weur,eeur"' in config
    assert "# v3" in config
    assert (project / "raw.txt").read_bytes().endswith(b"\r\nanother line\r\n")
    assert (project / "notes.md").read_text() == "mine\n"
    commit(project)

    # Another list, by a file of answers; and what is no choice is refused by name.
    answers = tmp_path / "answers.yml"
    answers.write_text("regions: [eeur]\nlimits: {cpu: 1, mem: null}\n")
    cfpy("update", "--answers-file", str(answers), cwd=project)
    config = (project / "wrangler.toml").read_text()
    assert 'REGIONS = "eeur"' in config
    assert 'CPU = "1"' in config
    refused = cfpy("update", "-a", "regions=[weur, enam]", cwd=project)
    assert refused["exit_code"] == 2, "what is not committed comes first"
    commit(project)
    refused = cfpy("update", "-a", "regions=[weur, enam]", cwd=project)
    assert (refused["exit_code"], "enam" in refused["message"]) == (3, True)
    assert cfpy("update", "--check", cwd=project)["up_to_date"]
    with zipfile.ZipFile(project / ".cfpy" / "base.zip") as archive:
        kept = [archive.read(name) for name in archive.namelist()]
    kept += [path.read_bytes() for path in project.rglob("*") if path.is_file()]
    assert len(kept) > 10
    assert not [data for data in kept if b"hush" in data]
