"""Draws what commands print as SVG."""

from __future__ import annotations

import io
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.text import Text

COLUMNS = 88


def output(*command: str, cwd: Path, env: Mapping[str, str] = os.environ, expected: int = 0) -> str:
    """What a command prints, colours and all.

    Raises:
        AssertionError: It ended otherwise than expected.
    """
    environment = {**env, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == expected, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def recorder() -> Console:
    return Console(record=True, width=COLUMNS + 4, file=io.StringIO(), force_terminal=True)


def show(console: Console, command: str, text: str, lines: int | None = None) -> None:
    """Draw a command and the first lines of its output."""
    console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
    shown = text.rstrip().splitlines()
    for line in AnsiDecoder().decode("\n".join(shown[:lines])):
        console.print(line)
    if lines is not None and len(shown) > lines:
        console.print(Text("  ...", style="dim"))
    console.print()


def save(console: Console, path: Path) -> None:
    svg = console.export_svg(title="cfpy", unique_id="cfpy")
    # rich asks a web host for its font: the picture shall need nothing from outside.
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL)
    path.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", "utf-8")
