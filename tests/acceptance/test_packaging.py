"""The wheel and the sdist: the same bytes each time, with all that is needed, and installable."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from modes import obey_modes, read_only

ROOT = Path(__file__).parents[2]
TRACKED = subprocess.run(
    ["git", "ls-files", "src/cfpy"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split("\n")
BIN = Path(sys.executable).parent


def build(into: Path) -> Path:
    argv = [str(BIN / "uv"), "build", "--quiet", "--python", sys.executable, "--out-dir", str(into)]
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1790000000"}
    subprocess.run([*argv, str(ROOT)], env=env, check=True)
    return into


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def digests(directory: Path, pattern: str) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.glob(pattern)
        if path.is_file()
    }


@pytest.mark.slow
def test_both_are_built_the_same_twice(built: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "second")
    assert len(digests(built, "cfpy_cli-*")) == 2
    assert digests(again, "cfpy_cli-*") == digests(built, "cfpy_cli-*")


def test_all_of_the_package_is_in_both(built: Path, wheel: Path) -> None:
    tracked = {name for name in TRACKED if name}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.removeprefix("src/") for name in tracked} <= names
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        assert tracked <= {name.partition("/")[2] for name in archive.getnames()}


@pytest.mark.parametrize("tool", [pytest.param("pipx", marks=pytest.mark.slow), "uv"])
def test_it_is_installed_as_a_tool_and_writes_nothing_there(
    tool: str, wheel: Path, tmp_path: Path
) -> None:
    home, tools = tmp_path / "home", tmp_path / "tools"
    home.mkdir()
    env = {
        **os.environ,
        "HOME": str(home),
        "PIPX_HOME": str(tools),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "UV_TOOL_DIR": str(tools),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    words = [str(BIN / tool), *(["tool"] if tool == "uv" else []), "install"]
    argv = [*words, "--python", sys.executable, str(wheel)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (installed,) = tools.glob("**/site-packages/cfpy")
    before = digests(installed, "**/*")
    bare = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(home)}
    with read_only(installed.parent):
        for arguments in (
            ["--version"],
            ["new", "rag", "shop", "--defaults"],
            ["cost", "rag"],
            ["patterns", "init", "mine"],
        ):
            done = subprocess.run(
                [str(tmp_path / "bin" / "cfpy"), *arguments],
                cwd=tmp_path,
                env=bare,
                capture_output=True,
                text=True,
                check=False,
                preexec_fn=obey_modes,
            )
            assert done.returncode == 0, done.stderr
    assert digests(installed, "**/*") == before


def test_the_lock_fits_what_the_package_asks_for() -> None:
    """requirements.lock is made by: uv pip compile pyproject.toml --universal --generate-hashes
    --python-version 3.11 --no-header --no-annotate -o requirements.lock"""
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in text
    locked: dict[str, list[str]] = {}
    entries = re.split(r"\n(?=\S)", text.strip())
    for entry in entries:
        name, version = re.match(r"([a-z0-9.-]+)==([^ ;\\]+)", entry).groups()  # type: ignore[union-attr]
        locked.setdefault(name, []).append(version)
        assert "--hash=sha256:" in entry
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for asked in map(Requirement, project["dependencies"]):
        assert any(asked.specifier.contains(version) for version in locked[asked.name]), asked
