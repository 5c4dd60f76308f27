"""Copier templates that others made and published: `cfpy new` renders what copier itself does."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from forked import run_cfpy

pytestmark = pytest.mark.slow

# Package, version, the template's directory in it, and answers to what has no default.
_AXM = {"org": "acme", "author_name": "Ada", "author_email": "ada@example.com"}
_TEMPLATEPY = {"project_description": "A test", "github_username": "ada"}
RENDERED: list[tuple[str, str, str, dict[str, Any]]] = [
    ("fa-template-cli", "0.1.1", "fastapi_template_cli/template", {}),
    ("coopie", "1.0.14", "", {}),
    ("templatepy", "0.17.0", "templatepy", _TEMPLATEPY),
    ("axm-init", "0.18.0", "axm_init/templates/svelte-project", _AXM | {"package_name": "mine"}),
    ("axm-init", "0.18.0", "axm_init/templates/node-project", _AXM | {"package_name": "mine"}),
    (
        "axm-init",
        "0.18.0",
        "axm_init/templates/workspace-member",
        _AXM | {"member_name": "mine", "workspace_name": "ours"},
    ),
    ("pytest-copie", "0.3.1", "demo_template", {}),
]
REFUSED = [
    ("axm-init", "0.18.0", "axm_init/templates/uv-workspace"),
    ("axm-init", "0.18.0", "axm_init/templates/python-project"),
    ("forge-template", "0.7.0", ""),
]
# Where the template is in the source distribution alone.
_SOURCE = {"coopie", "forge-template", "pytest-copie"}


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked packages, each in a directory of its name."""
    root = tmp_path_factory.mktemp("packages")
    wanted = {(name, version) for name, version, *_ in [*RENDERED, *REFUSED]}
    for name, version in sorted(wanted):
        into = root / f"{name}.download"
        kind = ["--no-binary", name] if name in _SOURCE else ["--only-binary", ":all:"]
        argv = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *kind]
        # Nothing of these packages is run, so the newest Python's do on every one.
        python = [] if name in _SOURCE else ["--python-version", "3.14"]
        wheel = [*argv, *python, "-d", str(into), f"{name}=={version}"]
        subprocess.run(wheel, check=True, timeout=120)
        [archive] = into.iterdir()
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(root / name)
        else:
            with tarfile.open(archive) as packed:
                packed.extractall(root / name, filter="data")
            [inner] = (root / name).iterdir()
            inner.rename(root / f"{name}.inner")
            (root / name).rmdir()
            (root / f"{name}.inner").rename(root / name)
    return root


def new(template: Path, name: str, where: Path, answers: dict[str, Any]) -> dict[str, Any]:
    given = [part for key, value in answers.items() for part in ("--answer", f"{key}={value}")]
    options = ("--defaults", "--no-git", "--json", *given)
    done = run_cfpy("new", str(template), name, *options, cwd=where)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def tree(root: Path) -> dict[str, bytes]:
    """Every file without what says where the template was."""
    return {
        path.relative_to(root).as_posix(): b"\n".join(
            line for line in path.read_bytes().split(b"\n") if not line.startswith(b"_src_path")
        )
        for path in root.rglob("*")
        if path.is_file() and ".cfpy" not in path.parts
    }


@pytest.mark.parametrize(("package", "_version", "directory", "answers"), RENDERED)
def test_it_renders_as_copier_does(
    packages: Path,
    package: str,
    _version: str,
    directory: str,
    answers: dict[str, Any],
    tmp_path: Path,
) -> None:
    import copier  # slow, in every process that reads this module

    template = packages / package / directory
    document = new(template, "shop", tmp_path, answers)
    assert document["ok"], document
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = document["data"]["answers"]
        copier.run_copy(
            str(template), tmp_path / "theirs" / "shop", data=data, defaults=True, quiet=True
        )
    ours = tree(tmp_path / "shop")
    assert ours
    assert ours == tree(tmp_path / "theirs" / "shop")


@pytest.mark.parametrize(("package", "_version", "directory"), REFUSED)
def test_one_that_runs_something_is_refused_untrusted(
    packages: Path, package: str, _version: str, directory: str, tmp_path: Path
) -> None:
    document = new(packages / package / directory, "shop", tmp_path, {})
    assert document["error"]["code"] == "pattern"
    assert "wants to run on this machine" in document["error"]["message"]
    assert not (tmp_path / "shop").exists()


def test_an_answer_that_is_missing_is_asked_for_by_name(packages: Path, tmp_path: Path) -> None:
    document = new(packages / "templatepy" / "templatepy", "shop", tmp_path, {})
    assert 'Question "project_description" is required' in document["error"]["message"]
    assert "--answer project_description=" in document["error"]["hint"]
