"""``cfpy promote``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cfpy.cli.again import words_again
from cfpy.cli.commands.deploy import DeployView
from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    Health,
    Json,
    ProjectDirectory,
    Rehearse,
    Rollback,
    Url,
    Wait,
    Yes,
    complete_environments,
    context_of,
    project_at,
)
from cfpy.cli.rollout_options import AllowBreaking, Percent, WatchFor, rollout_of

app = typer.Typer(rich_markup_mode=None)


@app.command()
def promote(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="The environment whose code to deploy.", autocompletion=complete_environments
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            help="The environment to deploy it to.",
            show_default="the top level of the configuration",
            autocompletion=complete_environments,
        ),
    ] = "",
    yes: Yes = False,
    dry_run: Rehearse = False,
    health: Health = "/health",
    url: Url = "",
    wait: Wait = 60.0,
    rollback_on_failure: Rollback = False,
    percent: Percent = None,
    watch: WatchFor = "",
    allow_breaking: AllowBreaking = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Deploy the very code that another environment runs.

    It is deployed as by cfpy deploy, with the target's bindings, and its pending migrations before.
    cfpy refuses if the project's files here are not exactly the code that the source runs: all
    modules and static assets count, whatever the commit.

    Example: cfpy promote staging production
    """
    from cfpy.account.deploy import DeployRequest
    from cfpy.account.promote import PromoteRequest, run

    output = ctx.ensure_object(Output)
    rollout = rollout_of(percent, watch, allow_breaking)
    root, file = project_at(output, cwd, config)
    share = rollout.percent if rollout else None
    view = DeployView(output, yes=yes, again=words_again(ctx), percent=share)
    asked = DeployRequest(
        root, target, health, url, rollback_on_failure, dry_run, wait, None, file, rollout
    )
    # Hints name the environment that is deployed.
    output.invocation = replace(output.invocation, environment=target)
    done = run(context_of(output), PromoteRequest(source, asked), view.confirm)
    about = {"source": source, "source_version_id": done.version.id} if done else {}
    view.show(done.deployed if done else None, "promote", **about)
