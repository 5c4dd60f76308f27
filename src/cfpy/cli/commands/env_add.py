"""``cfpy env add``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.diffs import show_diff
from cfpy.cli.environment_table import environment_table
from cfpy.cli.options import ConfigFile, DryRun, Json, ProjectDirectory, project_at

if TYPE_CHECKING:
    from cfpy.account.env import AddedEnvironment

app = typer.Typer(rich_markup_mode=None)


@app.command("add")
def env_add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name, such as staging.")],
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Add an environment with its own resources to the configuration.

    wrangler does not inherit bindings into an environment, so each is repeated with a new name:
    shop-db becomes shop-staging-db. The rest of the file does not change.

    Example: cfpy env add staging
    """
    from cfpy.account.env import add

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    show_added(output, add(root, name, dry_run=dry_run, config=file), dry_run=dry_run)


def show_added(output: Output, added: AddedEnvironment, *, dry_run: bool) -> None:
    """Show each environment's parts."""
    new = added.environment
    if output.json:
        data = {"name": new.name, "worker": new.worker, "renamed": dict(new.renamed)}
        more = {"shared": list(new.shared), "files": added.texts, "dry_run": dry_run}
        output.data("env add", data | more)
        return
    if dry_run:
        for file, text in added.after.items():
            show_diff(output, file, added.before[file], text)
    else:
        output.show(draw.Text(f"Added the environment {new.name}", style="bold"))
        output.show(*(draw.Text(f"  changed {file}") for file in added.after), "")
    output.show(environment_table(new.worker, new.tables))
    for key, bindings in new.shared.items():
        note = (
            f"Both environments use the same {key} ({', '.join(bindings)}): to separate them, "
            f"edit [env.{new.name}]."
        )
        output.show(draw.Text(note, style="yellow"))
    if not dry_run:
        output.show(draw.Text(f"\nNext\n  {output.invocation.command('up', '--env', new.name)}"))
