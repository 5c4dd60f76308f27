"""Follows a page of the docs as it stands: writes every file, runs every command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(
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
        blocks = list(BLOCK.finditer(text))
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


def new_reader(scratch: Path) -> Reader:
    """One whose pip installs beside this interpreter's packages, and who has a name in git."""
    tools = scratch / "bin"
    tools.mkdir()
    for name, module in (("cfpy", "cfpy"), ("pip", "pip")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        tool.chmod(0o755)
    packages = scratch / "site"
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
    work = scratch / "work"
    work.mkdir()
    return Reader(work, environment)
