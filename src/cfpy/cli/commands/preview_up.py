"""``cfpy preview up``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.again import words_again
from cfpy.cli.commands.deploy import DeployView
from cfpy.cli.commands.provision import ProvisionView
from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    DryRun,
    Health,
    Json,
    ProjectDirectory,
    SecretsFile,
    Url,
    Wait,
    Yes,
    complete_environments,
    context_of,
    project_at,
    time_in,
)
from cfpy.cli.plan_view import draw_plan, next_step

if TYPE_CHECKING:
    from cfpy.account.preview_up import UpResult

app = typer.Typer(rich_markup_mode=None)
Name = Annotated[
    str,
    typer.Argument(help="The name of the preview.", show_default="the branch of git"),
]

Source = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="ENV",
        help="The environment whose bindings and variables it gets.",
        show_default="the top level of the configuration",
        autocompletion=complete_environments,
    ),
]
Seed = Annotated[
    str,
    typer.Option(
        metavar="FILE.sql",
        help="SQL to run once in its new database; BINDING=FILE.sql if it has several.",
    ),
]
Lifetime = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="How long to keep it, from now on: 12h, 7d, 2w or never. "
        "cfpy preview prune deletes it then.",
    ),
]


@app.command("up")
def preview_up(
    ctx: typer.Context,
    name: Name = "",
    source: Source = "",
    seed: Seed = "",
    ttl: Lifetime = "14d",
    yes: Yes = False,
    dry_run: DryRun = False,
    secrets_file: SecretsFile = None,
    health: Health = "/health",
    url: Url = "",
    wait: Wait = 60.0,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Create a preview of the project, or bring it up to date.

    A preview is a Worker with resources of its own: databases with all migrations, namespaces,
    buckets, queues, indexes and secrets. It is at workers.dev, without the project's routes, custom
    domains and cron triggers. No file of the project changes. Run it again after each push, or to
    continue after a failure.

    Example: cfpy preview up --seed tests/seed.sql --ttl 7d
    """
    from cfpy.account.deploy import DeployRequest, Provisioning
    from cfpy.account.preview_up import UpRequest, run
    from cfpy.account.provision import ProvisionRequest
    from cfpy.account.secrets_file import read_secrets

    output = ctx.ensure_object(Output)
    kept = lifetime(ttl)
    given = read_secrets(secrets_file)
    root, file = project_at(output, cwd, config)
    steps = ProvisionView(output, yes=yes)
    asked = ProvisionRequest(root, "", given, steps.ask, steps.reveal, file)
    making = Provisioning(asked, steps.done)
    deploy = DeployRequest(root, "", health, url, False, dry_run, wait, making, file)
    request = UpRequest(name, source, seed, kept, deploy)
    again = words_again(ctx)
    view = DeployView(output, yes=yes, again=again)
    show_up(output, run(context_of(output), request, view.confirm), again)


def lifetime(text: str) -> timedelta | None:
    """The time that ``--ttl`` names; ``None`` for ``never``.

    Raises:
        UsageError: It is not a time.
    """
    if text == "never":
        return None
    return time_in("--ttl", text, "mhdw", "12h, 7d, 2w; or never")


def show_up(output: Output, result: UpResult | None, again: Sequence[str]) -> None:
    """Report the result; ``again`` is the command of this run without --dry-run."""
    if result is None:
        output.note("Nothing was changed.")
        return
    note, deployed = result.note, result.deployed
    if output.json:
        data = asdict(note) | {"owned": list(note.owned), "plan": result.plan.as_dict()}
        live = deployed and deployed.deployment
        more = {
            "url": deployed.url if deployed else "",
            "checked": deployed.checked if deployed else "",
            "version_id": live.version_id if live else "",
            "shared": {table: list(names) for table, names in result.shared.items()},
            "dry_run": deployed is None,
        }
        output.data("preview up", data | more)
        return
    if deployed is None:
        draw_plan(output, result.plan)
        output.show(next_step(output, *again))
        return
    drawn = draw.table("", "", header=False)
    drawn.add_row("Preview", draw.Text(note.name, style="bold"))
    drawn.add_row("Live", draw.Text(deployed.url or note.worker, style="bold cyan"))
    drawn.add_row("Kept until", note.expires or "you delete it")
    if deployed.checked:
        drawn.add_row("Answers", deployed.checked)
    output.show(drawn, next_step(output, "preview", "down", note.name))
