"""``cfpy deploy``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.commands.provision import ProvisionView
from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    DryRun,
    Environment,
    Health,
    Json,
    ProjectDirectory,
    Rollback,
    SecretsFile,
    Url,
    Wait,
    Yes,
    context_of,
    project_at,
)
from cfpy.cli.plan_view import changes_of, confirmed, draw_notices, draw_plan, next_step

if TYPE_CHECKING:
    from cfpy.account.deploy import DeployResult
    from cfpy.account.plan import Plan

app = typer.Typer(rich_markup_mode=None)


@app.command()
def deploy(
    ctx: typer.Context,
    env: Environment = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    provision: Annotated[
        bool, typer.Option("--provision", help="First create what is missing in the account.")
    ] = False,
    secrets_file: SecretsFile = None,
    health: Health = "/health",
    url: Url = "",
    wait: Wait = 60.0,
    rollback_on_failure: Rollback = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Deploy the project, and check that it answers.

    First checks that the account has what the project needs, installs the Worker's packages, and
    applies pending migrations before the new code is live. With --dry-run, it installs the packages
    in the project so that wrangler can check the upload, and changes nothing else.

    Example: cfpy deploy --env staging --rollback-on-failure
    """
    from cfpy.account.deploy import DeployRequest, Provisioning, run
    from cfpy.account.provision import ProvisionRequest
    from cfpy.account.secrets_file import read_secrets

    output = ctx.ensure_object(Output)
    view = DeployView(output, yes=yes, provisions=provision)
    root, file = project_at(output, cwd, config)
    making = None
    if provision:
        steps = ProvisionView(output, yes=yes)
        given = read_secrets(secrets_file)
        asked = ProvisionRequest(root, env, given, steps.ask, steps.reveal, file)
        making = Provisioning(asked, steps.done)
    request = DeployRequest(
        root, env, health, url, rollback_on_failure, dry_run, wait, making, file
    )
    view.show(run(context_of(output), request, view.confirm))


class DeployView:
    """Asks and reports for ``cfpy deploy``."""

    def __init__(self, output: Output, *, yes: bool, provisions: bool) -> None:
        self._output = output
        self._yes = yes
        self._again = "up" if provisions else "deploy"

    def confirm(self, plan: Plan) -> bool:
        """Ask whether to continue.

        Raises:
            UsageError: There is no terminal to ask on.
        """
        provisioning = [item for item in plan.changes if not item.migrates]
        if provisioning and not self._output.json:
            draw_plan(self._output, plan)
        elif not self._output.json:
            draw_notices(self._output, plan)
        pending = ", ".join(item.reason for item in plan.changes if item not in provisioning)
        pending = f", with migrations {pending}" if pending else ""
        # Otherwise they were shown above.
        noted = "".join(f"{notice}. " for notice in plan.notices) if self._output.json else ""
        target = f"{plan.worker} to the account {plan.account_id}"
        hint = "Pass --yes to deploy without a prompt; --dry-run only checks it."
        if not provisioning:
            question = f"{noted}Deploy {target}{pending}?"
            return confirmed(self._output, question, hint, yes=self._yes)
        changes = changes_of(plan)
        question = f"{noted}Apply {changes}, then deploy {target}?"
        hint = (
            f"Pass --yes to apply {changes} and deploy without a prompt; --dry-run changes nothing."
        )
        return confirmed(self._output, question, hint, yes=self._yes)

    def show(self, result: DeployResult | None) -> None:
        """Report the result."""
        if result is None:
            self._output.note("Nothing was changed.")
            return
        deployment = result.deployment
        if self._output.json:
            live = deployment and {
                "version_id": deployment.version_id,
                "targets": list(deployment.targets),
                "gzip_bytes": deployment.size,
            }
            data = {"plan": result.plan.as_dict(), "deployment": live, "url": result.url}
            more = {"checked": result.checked, "provisioned": result.provisioned is not None}
            self._output.data("deploy", data | more)
        elif deployment is None:
            self._output.show(draw.Text("Ready to deploy; nothing was changed."))
            self._output.show(next_step(self._output, self._again))
        else:
            table = draw.table("", "", header=False)
            table.add_row("Live", draw.Text(result.url or result.plan.worker, style="bold cyan"))
            table.add_row("Version", deployment.version_id)
            table.add_row("Upload", f"{deployment.size / 1_000_000:.1f} MB compressed")
            if result.checked:
                table.add_row("Answers", result.checked)
            self._output.show(table, next_step(self._output, "logs"))
