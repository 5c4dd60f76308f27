"""The wheel: the same bytes each time, with all that is needed, in a bare environment."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRACKED = subprocess.run(
    ["git", "ls-files", "src/cfpy"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split("\n")


def build(into: Path, *, epoch: str) -> Path:
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(into)]
    env = {**os.environ, "SOURCE_DATE_EPOCH": epoch}
    subprocess.run([*argv, str(ROOT)], env=env, check=True)
    (wheel,) = into.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("first"), epoch="1790000000")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_is_built_the_same_twice(wheel: Path, tmp_path: Path) -> None:
    assert digest(build(tmp_path / "second", epoch="1790000000")) == digest(wheel)


def test_all_of_the_package_is_in_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.removeprefix("src/") for name in TRACKED if name} <= names


def test_it_writes_nothing_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", str(bare)], check=True)
    pip = [str(bare / "bin" / "pip"), "install", "--quiet", str(wheel)]
    subprocess.run(pip, check=True)
    (installed,) = bare.glob("lib/python*/site-packages/cfpy")
    before = {path: digest(path) for path in installed.rglob("*") if path.is_file()}
    home = tmp_path / "home"
    home.mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    for arguments in (["--version"], ["new", "rag", "shop", "--defaults"], ["cost", "rag"]):
        argv = [str(bare / "bin" / "cfpy"), *arguments]
        done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert {path: digest(path) for path in installed.rglob("*") if path.is_file()} == before
