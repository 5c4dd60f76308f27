"""Follows a page of the docs as it is: writes every file, runs every command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from dev_process import Dev, start_dev
from forked import write_command

BLOCK = re.compile(
    r"(?:^`(?P<file>[^`\n]+)`:\n\n)?^```(?P<language>\w+)(?: exit=(?P<exit>\d+))?\n"
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# Where `cfpy dev` listens, on the pages.
PAGE_ADDRESS = "http://127.0.0.1:8787"


@dataclass
class Reader:
    """Does what a page says, block by block, and stays in the directory where a block ended.

    A block that is `cfpy dev` alone is a second terminal: it runs to the end of the page, on a port
    that is free, and later blocks reach it at the address that the page names. ``printed`` has what
    each of the other blocks printed.
    """

    directory: Path
    environment: dict[str, str]
    printed: list[str] = field(default_factory=list)
    dev: Dev | None = None

    def follow(self, tutorial: Path) -> None:
        text = tutorial.read_text("utf-8")
        blocks = list(BLOCK.finditer(text))
        assert text.count("\n```") == 2 * len(blocks)
        try:
            self.follow_blocks(blocks)
        finally:
            if self.dev is not None:
                self.dev.stop()

    def follow_blocks(self, blocks: list[re.Match[str]]) -> None:
        """Do what some blocks of a page say, in order."""
        for block in blocks:
            if block["file"]:
                path = self.directory / block["file"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block["text"])
            elif block["text"] == "cfpy dev\n":
                self.dev = start_dev(self.directory, "--runtime", "node", env=self.environment)
            else:
                assert block["language"] == "sh", block[0]
                commands = block["text"]
                if self.dev is not None:
                    commands = commands.replace(PAGE_ADDRESS, self.dev.url.rstrip("/"))
                self.printed.append(self.run(commands, int(block["exit"] or 0)))

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
    write_command(tools / "cfpy")
    (tools / "pip").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pip "$@"\n')
    (tools / "pip").chmod(0o755)
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
