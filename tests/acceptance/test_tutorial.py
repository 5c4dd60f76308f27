"""docs/tutorials are run as they stand: every file is written, every command does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
_BLOCK = re.compile(
    r"(?:^`(?P<file>[^`\n]+)`:\n\n)?^```(?P<language>\w+)(?: exit=(?P<exit>\d+))?\n"
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class Reader:
    """Does what a tutorial says, in a directory that it goes on from block to block."""

    directory: Path
    environment: dict[str, str]

    def follow(self, tutorial: Path) -> None:
        text = tutorial.read_text("utf-8")
        blocks = list(_BLOCK.finditer(text))
        assert text.count("\n```") == 2 * len(blocks)
        for block in blocks:
            if block["file"]:
                path = self.directory / block["file"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block["text"])
            else:
                assert block["language"] == "sh", block[0]
                self.run(block["text"], int(block["exit"] or 0))

    def run(self, commands: str, expected: int) -> str:
        where = self.directory / ".where"
        script = f"set -e\ntrap 'pwd > \"{where}\"' EXIT\n{commands}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == expected, f"{commands}\n{done.stdout}\n{done.stderr}"
        self.directory = Path(where.read_text().strip())
        where.unlink()
        return done.stdout


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """One whose pip installs beside this interpreter's packages, and who has a name in git."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, module in (("cfpy", "cfpy"), ("pip", "pip")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        tool.chmod(0o755)
    packages = tmp_path / "site"
    environment = os.environ | {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(packages),
        "PIP_TARGET": str(packages),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "GIT_AUTHOR_NAME": "Reader",
        "GIT_AUTHOR_EMAIL": "reader@example.com",
        "GIT_COMMITTER_NAME": "Reader",
        "GIT_COMMITTER_EMAIL": "reader@example.com",
    }
    work = tmp_path / "work"
    work.mkdir()
    return Reader(work, environment)


def test_a_pattern_is_extended_published_used_and_updated(reader: Reader) -> None:
    reader.follow(TUTORIALS / "extend-a-pattern.md")
    kb = reader.directory
    assert kb.name == "kb"
    # The user's edits survived, the author's second version is there, and both are told apart.
    assert "_DAYS = 7\n" in (kb / "src" / "tenants" / "usage.py").read_text()
    assert tomllib.loads((kb / "wrangler.toml").read_text())["vars"]["OUR_VARIABLE"] == "kept"
    assert (kb / "migrations" / "0003_tenants.sql").is_file()
    departures = reader.run("cfpy diff", 0)
    assert "-_DAYS = 90  # A quarter, at least." in departures
    assert '+OUR_VARIABLE = "kept"' in departures
    assert "0.2.0" in (kb / ".cfpy" / "answers.toml").read_text()
