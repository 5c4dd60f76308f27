"""``cfpy deploy``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.again import words_again
from cfpy.cli.commands.provision import ProvisionView
from cfpy.cli.console import Output
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
    context_of,
    project_at,
)
from cfpy.cli.plan_view import changes_of, confirmed, draw_notices, draw_plan, next_step
from cfpy.cli.rollout_options import (
    AllowBreaking,
    Percent,
    WatchFor,
    draw_shared,
    rollout_data,
    rollout_of,
)
from cfpy.errors import UsageError

if TYPE_CHECKING:
    from cfpy.account.bookmarks import Bookmark
    from cfpy.account.deploy import DeployResult
    from cfpy.account.plan import Plan

app = typer.Typer(rich_markup_mode=None)


@app.command()
def deploy(
    ctx: typer.Context,
    env: Environment = "",
    yes: Yes = False,
    dry_run: Rehearse = False,
    provision: Annotated[
        bool, typer.Option("--provision", help="First create what is missing in the account.")
    ] = False,
    secrets_file: SecretsFile = None,
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
    """Deploy the project, and check that it answers.

    First checks that the account has what the project needs, installs the Worker's packages, and
    applies pending migrations before the new code is live. While other code is rolled out, it
    changes nothing.

    With --percent, the new version gets a part of the traffic, and the live one keeps the rest.
    Run it again with more to continue, or cfpy rollback to go back. With --watch, it does that by
    itself: it asks the new version, and compares how often both versions fail.

    With --dry-run, it installs the packages into python_modules/ and writes pylock.toml, so that
    wrangler can check the upload, and changes nothing else. Like wrangler's, it needs no login,
    and exits with 0 if the project can be uploaded. It also reports what in the account would stop
    a deployment.

    Example: cfpy deploy --env staging --percent 10 --watch 10m
    """
    from cfpy.account.deploy import DeployRequest, Provisioning, run
    from cfpy.account.provision import ProvisionRequest
    from cfpy.account.secrets_file import read_secrets

    given = read_secrets(secrets_file)
    if given and not provision:
        raise UsageError(
            "--secrets-file does nothing without --provision",
            hint="Only provisioning sets secrets: add --provision, or leave out --secrets-file.",
        )
    output = ctx.ensure_object(Output)
    rollout = rollout_of(percent, watch, allow_breaking)
    share = rollout.percent if rollout else None
    view = DeployView(output, yes=yes, again=words_again(ctx), percent=share)
    root, file = project_at(output, cwd, config)
    making = None
    if provision:
        steps = ProvisionView(output, yes=yes)
        asked = ProvisionRequest(root, env, given, steps.ask, steps.reveal, file)
        making = Provisioning(asked, steps.done)
    more = (wait, making, file, rollout, view.bookmark)
    request = DeployRequest(root, env, health, url, rollback_on_failure, dry_run, *more)
    view.show(run(context_of(output), request, view.confirm))


def changed_by_rehearsal(written: Sequence[str]) -> str:
    """A clause about what a dry run changed: the Worker's packages, which wrangler needs."""
    if not written:
        return "nothing was changed"
    names = {"python_modules": "installed the packages into python_modules/"}
    done = " and ".join(names.get(name, f"wrote {name}") for name in written)
    return f"the dry run {done}; nothing else was changed"


class DeployView:
    """Asks and reports for ``cfpy deploy``. ``percent`` is the part of the traffic that the new
    version gets, if not all; ``again`` the command of this run without --dry-run."""

    def __init__(
        self, output: Output, *, yes: bool, again: tuple[str, ...], percent: float | None = None
    ) -> None:
        self._output = output
        self._yes = yes
        self._part = "" if percent is None else f", with {percent:g} % of the traffic"
        self._again = again

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
        resolve = self._output.invocation.resolve
        notices = map(resolve, plan.notices) if self._output.json else ()
        noted = "".join(f"{notice}. " for notice in notices)
        target = f"{plan.worker} to the account {plan.account_id}{self._part}"
        hint = "Pass --yes to deploy without a prompt; --dry-run only checks it."
        if not provisioning:
            question = f"{noted}Deploy {target}{pending}?"
            return confirmed(self._output, question, hint, yes=self._yes)
        changes = changes_of(plan)
        question = f"{noted}Apply {changes}, then deploy {target}?"
        hint = (
            f"Pass --yes to apply {changes} and deploy without a prompt; --dry-run only checks it."
        )
        return confirmed(self._output, question, hint, yes=self._yes)

    def bookmark(self, bookmark: Bookmark) -> None:
        """Report the way back from a migration, also if the deployment fails later."""
        back = self._output.invocation.resolve(bookmark.back)
        what = f"To undo the migrations of {bookmark.database}"
        if bookmark.error:
            self._output.note(f"There is no bookmark of it: {bookmark.error}", "yellow")
        self._output.note(f"{what}: {back}", "cyan")

    def show(self, result: DeployResult | None, command: str = "deploy", **about: object) -> None:
        """Report the result. ``command`` and what else there is ``about`` it are for ``--json``."""
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
            plan = result.plan and result.plan.as_dict()
            data = {"plan": plan, "deployment": live, "url": result.url}
            more: dict[str, object] = {
                "checked": result.checked,
                "provisioned": result.provisioned is not None,
            }
            resolve = self._output.invocation.resolve
            findings = [
                {"code": found.code, "message": resolve(found.message), "hint": resolve(found.hint)}
                for found in result.findings
            ]
            bookmarks = [
                {
                    "database": item.database,
                    "bookmark": item.id,
                    "time": item.time,
                    "error": item.error,
                    "command": resolve(item.back),
                }
                for item in result.bookmarks
            ]
            more |= {
                "findings": findings,
                "bookmarks": bookmarks,
                "rollout": rollout_data(self._output, result.shared),
            }
            self._output.data(command, data | more | about)
        elif result.shared:
            draw_shared(self._output, result.shared)
        elif deployment is None:
            self._rehearsed(result)
        else:
            table = draw.table("", "", header=False)
            worker = result.plan.worker if result.plan else ""
            table.add_row("Live", draw.Text(result.url or worker, style="bold cyan"))
            table.add_row("Version", deployment.version_id)
            table.add_row("Upload", f"{deployment.size / 1_000_000:.1f} MB compressed")
            if result.checked:
                table.add_row("Answers", result.checked)
            self._output.show(table, next_step(self._output, "logs"))

    def _rehearsed(self, result: DeployResult) -> None:
        """Report what a dry run has found."""
        changed = changed_by_rehearsal(result.written)
        if not result.findings:
            self._output.show(draw.Text(f"Ready to deploy; {changed}."))
            self._migrations(result)
            self._output.show(next_step(self._output, *self._again))
            return
        self._output.show(draw.Text(f"wrangler accepts the project; {changed}."))
        self._migrations(result)
        resolve = self._output.invocation.resolve
        self._output.show(draw.Text("\nA deployment would stop:", style="yellow"))
        for found in result.findings:
            self._output.show(draw.Text(f"  {resolve(found.message)}", style="yellow"))
            hint = found.hint.removesuffix("Nothing was changed.").strip()
            if hint:
                self._output.show(draw.Text(f"    next: {resolve(hint)}"))

    def _migrations(self, result: DeployResult) -> None:
        """Report the migrations that a deployment applies, and what else it affects."""
        if result.plan is None:
            return
        for item in result.plan.changes:
            if item.migrates:
                self._output.note(f"A deployment migrates {item.name}: {item.reason}", "cyan")
        draw_notices(self._output, result.plan)
