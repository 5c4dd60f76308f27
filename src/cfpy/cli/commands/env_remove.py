"""``cfpy env remove``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.diffs import show_diff
from cfpy.cli.environment_table import environment_table
from cfpy.cli.options import (
    ConfigFile,
    DryRun,
    Json,
    ProjectDirectory,
    Yes,
    complete_environments,
    project_at,
)
from cfpy.cli.plan_view import confirmed

if TYPE_CHECKING:
    from cfpy.account.env import RemovedEnvironment

app = typer.Typer(rich_markup_mode=None)


@app.command("remove")
def env_remove(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="An environment of the configuration.", autocompletion=complete_environments
        ),
    ],
    keep_resources: Annotated[
        bool,
        typer.Option(
            "--keep-resources", help="Remove it although its resources stay in the account."
        ),
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Remove an environment from the configuration.

    The opposite of cfpy env add. Deletes nothing in the account: cfpy destroy does that. While the
    account still has resources that this project created for it, the command changes nothing and
    exits with 7. Local files of the environment, such as .dev.vars.staging, stay.

    Example: cfpy env remove staging
    """
    from cfpy.account.env import remove

    output = ctx.ensure_object(Output)
    view = RemovalView(output, yes=yes, dry_run=dry_run)
    root, file = project_at(output, cwd, config)
    found = remove(
        root, name, view.confirm, keep_resources=keep_resources, dry_run=dry_run, config=file
    )
    view.show(found)


class RemovalView:
    """Asks and reports for ``cfpy env remove``."""

    def __init__(self, output: Output, *, yes: bool, dry_run: bool) -> None:
        self._output = output
        self._yes = yes
        self._dry_run = dry_run

    def confirm(self, found: RemovedEnvironment) -> bool:
        """Summarize what would be removed, and ask whether to continue.

        Raises:
            UsageError: There is no terminal to ask on.
        """
        if not self._output.json and not self._yes:
            self._describe(found)
        return confirmed(
            self._output,
            f"Remove the environment {found.name} from {' and '.join(found.after)}?",
            "Pass --yes to remove it without a prompt; --dry-run shows what changes.",
            yes=self._yes,
        )

    def show(self, found: RemovedEnvironment | None) -> None:
        """Report the result."""
        output = self._output
        if found is None:
            output.note("Nothing was changed.")
            return
        if output.json:
            data = {"name": found.name, "worker": found.worker, "files": list(found.after)}
            kept = {
                "kept_files": list(found.kept_files),
                "kept_resources": list(found.kept_resources),
            }
            output.data("env remove", data | kept | {"dry_run": self._dry_run})
            return
        if self._dry_run:
            for file, text in found.after.items():
                show_diff(output, file, found.before[file], text)
        else:
            output.show(draw.Text(f"Removed the environment {found.name}", style="bold"))
            output.show(*(draw.Text(f"  changed {file}") for file in found.after))
        self._kept(found)

    def _describe(self, found: RemovedEnvironment) -> None:
        """What would be removed, in a few lines."""
        output = self._output
        output.show(draw.Text(f"The environment {found.name}", style="bold"))
        output.show(environment_table(found.worker, found.tables), "")
        for file, text in found.after.items():
            lines = len(found.before[file].splitlines()) - len(text.splitlines())
            output.show(draw.Text(f"  change  {file}: {lines} lines less"))
        self._kept(found)
        if not found.kept_resources:
            output.show(
                draw.Text("  account nothing: by its record, cfpy created nothing there for it")
            )
        command = output.invocation.command("env", "remove", found.name, "--dry-run")
        output.show(draw.Text(f"\nTo see every line: {command}"))

    def _kept(self, found: RemovedEnvironment) -> None:
        for file in found.kept_files:
            text = f"  kept    {file}: it may hold secrets. Delete it if you do not need it."
            self._output.show(draw.Text(text))
        for key in found.kept_resources:
            self._output.show(draw.Text(f"  kept    {key} in the account", style="yellow"))
