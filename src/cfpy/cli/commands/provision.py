"""``cfpy provision``."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cfpy.cli import draw
from cfpy.cli.commands.plan import plan
from cfpy.cli.console import Output, answering, has_terminal
from cfpy.cli.options import (
    ConfigFile,
    DryRun,
    Environment,
    Json,
    ProjectDirectory,
    SecretsFile,
    Yes,
    context_of,
    project_at,
)
from cfpy.cli.plan_view import changes_of, confirmed, draw_plan, next_step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cfpy.account.plan import Action, Plan
    from cfpy.project.secret import Secret

app = typer.Typer(rich_markup_mode=None)


@app.command()
def provision(
    ctx: typer.Context,
    env: Environment = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    secrets_file: SecretsFile = None,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Create the resources that are missing in the account.

    Creates what the project needs. Writes ids into the configuration and changes nothing else
    there. Run it again to continue after a failure. The value of a secret comes from
    --secrets-file, from the environment variable of the same name, or from a prompt. --dry-run is
    the same as cfpy plan.

    Example: cfpy provision --env staging
    """
    if dry_run:
        plan(ctx, env, cwd, config, json_output)
        return
    from cfpy.account.provision import ProvisionRequest, run
    from cfpy.account.secrets_file import read_secrets

    output = ctx.ensure_object(Output)
    view = ProvisionView(output, yes=yes)
    given = read_secrets(secrets_file)
    root, file = project_at(output, cwd, config)
    request = ProvisionRequest(root, env, given, view.ask, view.reveal, file)
    view.show(run(context_of(output), request, view.confirm, view.done))


class ProvisionView:
    """Asks and reports for ``cfpy provision``."""

    def __init__(self, output: Output, *, yes: bool) -> None:
        self._output = output
        self._yes = yes
        self._terminal = has_terminal() and not output.json
        self._done: list[str] = []

    def confirm(self, plan: Plan) -> bool:
        """Show the plan, and ask whether to continue.

        Raises:
            UsageError: There is no terminal to ask on.
        """
        if not self._output.json:
            draw_plan(self._output, plan)
        changes = changes_of(plan)
        return confirmed(
            self._output,
            f"Apply {changes}?",
            f"Pass --yes to apply {changes} without a prompt; --dry-run shows them.",
            yes=self._yes,
        )

    def ask(self, secret: Secret) -> str | None:
        """Ask for the value of a secret, without echo, until it has the expected form; ``None`` if
        it should be generated."""
        if not self._terminal or (self._yes and secret.generate):
            return None
        self._output.end_progress()
        may = " (press Enter to generate one)" if secret.generate else ""
        about = f", {secret.description}" if secret.description else ""
        while True:
            with answering(self._output, "Nothing was changed."):
                value = getpass.getpass(f"{secret.name}{about}{may}: ")
            if not value or secret.fits(value):
                return value or None
            self._output.note(
                f"This value does not have the form of {secret.name}: {secret.form}", "yellow"
            )

    def done(self, action: Action) -> None:
        """Report a completed step."""
        self._done.append(action.key)
        self._output.note(f"done: {action.do} {action.kind} {action.name}", "green")

    @property
    def reveal(self) -> Callable[[Mapping[str, str]], None] | None:
        """A function that shows values only on the terminal, not in a pipe or a log. ``None`` if
        there is no terminal."""
        return self._reveal if self._terminal else None

    def _reveal(self, values: Mapping[str, str]) -> None:
        self._output.end_progress()
        with Path("/dev/tty").open("w") as terminal:
            for name, value in values.items():
                terminal.write(f"\n{name}, shown only once:\n  {value}\n\n")

    def show(self, plan: Plan | None) -> None:
        """Report the result."""
        if plan is None:
            self._output.note("Nothing was changed.")
        elif self._output.json:
            self._output.data("provision", plan.as_dict() | {"done": sorted(self._done)})
        elif not plan.changes:
            self._output.show(draw.Text("No changes: the account has everything."))
        else:
            self._output.show(next_step(self._output, "deploy"))
