"""What ``cfpy patterns check`` and ``cfpy patterns test`` share."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

PatternDirectory = Annotated[
    Path,
    typer.Argument(metavar="[DIR]", help="The pattern's directory.", show_default="this one"),
]


Trust = Annotated[
    bool, typer.Option("--trust", help="Let the pattern use its own Jinja extensions.")
]


def test_command(directory: Path, *options: str) -> str:
    """The command line of ``cfpy patterns test`` for a pattern's directory."""
    where = [] if directory == Path() else [str(directory)]
    return shlex.join(["cfpy", "patterns", "test", *where, *options])


def count(number: int, thing: str) -> str:
    """A number with its noun: ``2 errors``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
