"""A small pattern of its own, so that these tests are about the tool and not about rag."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cfpy.cli.app import app
from cfpy.patterns.pattern_store import PatternStore

PATTERN_TOML = """\
title = "Tiny"
summary = "A pattern for tests"
version = "1.2.3"
services = ["Workers"]
next_steps = ["cfpy dev"]

[[resources]]
kind = "d1"
binding = "DB"
purpose = "rows"
"""
COPIER_YML = """\
_subdirectory: template
_envops: {undefined: jinja2.StrictUndefined}
project_name:
  type: str
  help: The name
colour:
  type: str
  help: A colour
  choices: [red, green]
  default: red
size:
  type: int
  help: A size
  default: 3
  validator: "{% if size > 9 %}at most 9{% endif %}"
key:
  type: str
  help: Not for the record
  secret: true
  default: hush
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of the pattern `tiny`, which replaces the built-in ones."""
    root = tmp_path / "patterns" / "tiny"
    template = root / "template"
    template.mkdir(parents=True)
    (root / "pattern.toml").write_text(PATTERN_TOML)
    (root / "copier.yml").write_text(COPIER_YML)
    (template / "README.md.jinja").write_text("# {{ project_name }} is {{ colour }}, {{ size }}\n")
    (template / "plain.txt").write_text("{{ not substituted }}\n")
    (template / ".gitignore.jinja").write_text("ignored/\n")
    monkeypatch.setattr(PatternStore.__init__, "__defaults__", (root.parent, None))
    return root


class Cli:
    """Runs commands in this process, with no terminal."""

    def __init__(self) -> None:
        self._runner = CliRunner()

    def __call__(self, *arguments: str) -> Result:
        return self._runner.invoke(app, list(arguments))

    def json(self, *arguments: str) -> dict[str, Any]:
        """Run with --json; standard output must be exactly one document."""
        document = json.loads(self(*arguments, "--json").stdout)
        assert isinstance(document, dict)
        return document


@pytest.fixture
def cli() -> Cli:
    return Cli()
