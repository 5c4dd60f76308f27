"""The next step after a dry run is the very command, without --dry-run."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import typer
from typer.main import get_command

from cfpy.cli.again import words_again
from cfpy.cli.app import app
from cfpy.cli.console import Output


def again(line: str) -> str:
    """What is named after the dry run of a command line."""
    output = Output()
    command: Any = get_command(app)
    ctx: Any = typer.Context(command, info_name="cfpy", obj=output)
    words = shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words[0]]
        name = words.pop(0)
        given = [] if hasattr(command, "commands") else list(words)
        if given or not hasattr(command, "commands"):
            ctx = command.make_context(name, given, parent=ctx)
        else:
            ctx = typer.Context(command, parent=ctx, info_name=name)
    return output.invocation.command(*words_again(ctx))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("cfpy deploy --dry-run", "cfpy deploy"),
        (
            "cfpy deploy --percent 20 --watch 5s --dry-run --env staging --yes",
            "cfpy deploy --yes --percent 20 --watch 5s --env staging",
        ),
        (
            "cfpy promote staging production --dry-run --percent 2.5 --allow-breaking",
            "cfpy promote staging production --percent 2.5 --allow-breaking",
        ),
        ("cfpy promote staging --health '' --dry-run", "cfpy promote staging --health ''"),
        ("cfpy up --dry-run --secrets-file a.env", "cfpy up --secrets-file a.env"),
        (
            "cfpy preview up pr-1 --from staging --seed DB=x.sql --ttl 2d --dry-run",
            "cfpy preview up pr-1 --from staging --seed DB=x.sql --ttl 2d",
        ),
        (
            "cfpy backup restore one --to '' --only kv --only r2:F --from-files --dry-run",
            "cfpy backup restore one --to '' --only kv --only r2:F --from-files",
        ),
        ("cfpy rollback abc --dry-run -c w.toml", "cfpy rollback abc --config w.toml"),
    ],
)
def test_a_dry_run_names_its_own_command(line: str, named: str) -> None:
    assert again(line) == named
