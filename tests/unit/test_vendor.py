from __future__ import annotations

import os
from pathlib import Path

import pytest

from cfpy.adapters.process import Completed
from cfpy.adapters.vendor import vendor
from cfpy.domain.project import Project
from cfpy.errors import ProjectError, ToolNotFoundError


class Pip:
    """A runner that fills pip's --target."""

    def __init__(self, status: int = 0) -> None:
        self.calls: list[list[str]] = []
        self.status = status

    def run(self, argv: list[str], **_: object) -> Completed:
        self.calls.append(argv)
        if self.status == 0:
            target = Path(argv[argv.index("--target") + 1])
            target.mkdir()
            (target / "workers.py").touch()
        return Completed(tuple(argv), self.status, "", "WARNING: x\nERROR: No matching wheel\n")


def project(root: Path, dependencies: str = "[]") -> Project:
    text = f'[project]\nname = "a"\nversion = "0"\ndependencies = {dependencies}\n'
    (root / "pyproject.toml").write_text(text)
    return Project(root, {}, ())


def test_packages_are_installed_once_for_pyodides_platform(tmp_path: Path) -> None:
    pip = Pip()
    modules = vendor(project(tmp_path, '["fastapi"]'), pip, print)
    vendor(project(tmp_path, '["fastapi"]'), pip, print)
    assert (modules / "workers.py").is_file()
    assert len(pip.calls) == 1
    assert "fastapi" in pip.calls[0]
    assert "pyemscripten_2026_0_wasm32" in pip.calls[0]
    assert any(argument.startswith("workers-runtime-sdk") for argument in pip.calls[0])


def test_changed_dependencies_are_installed_afresh(tmp_path: Path) -> None:
    pip = Pip()
    modules = vendor(project(tmp_path), pip, print)
    (modules / "old.py").touch()
    vendor(project(tmp_path, '["fastapi"]'), pip, print)
    assert len(pip.calls) == 2
    assert not (modules / "old.py").exists()


def test_a_failure_keeps_what_was_there_and_quotes_pip(tmp_path: Path) -> None:
    modules = vendor(project(tmp_path), Pip(), print)
    with pytest.raises(ToolNotFoundError) as caught:
        vendor(project(tmp_path, '["numpy"]'), Pip(status=1), print)
    assert "ERROR: No matching wheel" in caught.value.message
    assert "WARNING" not in caught.value.message
    assert (modules / "workers.py").is_file()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".python_modules")] == []


def test_what_pywrangler_synced_is_left_alone_until_its_inputs_change(tmp_path: Path) -> None:
    made = project(tmp_path)
    token = tmp_path / "python_modules" / ".synced"
    token.parent.mkdir()
    token.touch()
    pip = Pip()
    vendor(made, pip, print)
    assert pip.calls == []
    later = token.stat().st_mtime + 10
    os.utime(tmp_path / "pyproject.toml", (later, later))
    vendor(made, pip, print)
    assert len(pip.calls) == 1


def test_a_broken_pyproject_is_named(tmp_path: Path) -> None:
    made = project(tmp_path, "[")
    with pytest.raises(ProjectError, match=r"pyproject\.toml"):
        vendor(made, Pip(), print)
