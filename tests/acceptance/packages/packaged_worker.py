"""A project that needs packages."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import ToolNotFoundError
from cfpy.project.vendor import vendor
from cfpy.tools.process import SubprocessRunner


class Worker:
    """A project that needs packages."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said: list[str] = []
        self.dated("2026-11-17")

    def dated(self, date: str, *flags: str) -> None:
        flags_text = json.dumps(["python_workers", *flags])
        (self.root / "src").mkdir(parents=True, exist_ok=True)
        (self.root / "src" / "main.py").touch()
        (self.root / "wrangler.toml").write_text(
            f'name = "w"\nmain = "src/main.py"\ncompatibility_date = "{date}"\n'
            f"compatibility_flags = {flags_text}\n"
        )

    def needs(self, *dependencies: str, more: str = "") -> None:
        project = (
            f'[project]\nname = "w"\nversion = "0"\ndependencies = {json.dumps(dependencies)}\n'
        )
        (self.root / "pyproject.toml").write_text(project + more)

    def install(self) -> Path:
        return vendor(load_project(self.root), SubprocessRunner(), self.said.append)

    def fails(self) -> str:
        with pytest.raises(ToolNotFoundError) as caught:
            self.install()
        assert list(self.root.glob(".python_modules-*")) == []
        return f"{caught.value.message}\n{caught.value.hint}"

    def version(self, module: str) -> str:
        found: dict[str, str] = {}
        exec((self.root / "python_modules" / module / "__init__.py").read_text(), found)
        return found["VERSION"]

    def locked(self) -> dict[str, dict[str, Any]]:
        data = tomllib.loads((self.root / "pylock.toml").read_text())
        return {package["name"]: package for package in data["packages"]}
