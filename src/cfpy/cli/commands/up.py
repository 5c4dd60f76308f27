"""``cfpy up``."""

from __future__ import annotations

from pathlib import Path

import typer

from cfpy.cli.commands.deploy import deploy
from cfpy.cli.options import (
    ConfigFile,
    Environment,
    Health,
    Json,
    ProjectDirectory,
    Rehearse,
    Rollback,
    SecretsFile,
    Url,
    Wait,
    Yes,
)

app = typer.Typer(rich_markup_mode=None)


@app.command()
def up(
    ctx: typer.Context,
    env: Environment = "",
    yes: Yes = False,
    dry_run: Rehearse = False,
    secrets_file: SecretsFile = None,
    health: Health = "/health",
    url: Url = "",
    wait: Wait = 60.0,
    rollback_on_failure: Rollback = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Provision and deploy: from a project to a live application.

    The same as cfpy deploy --provision.

    Example: cfpy up
    """
    deploy(
        ctx,
        env,
        yes,
        dry_run,
        provision=True,
        secrets_file=secrets_file,
        health=health,
        url=url,
        wait=wait,
        rollback_on_failure=rollback_on_failure,
        cwd=cwd,
        config=config,
    )
