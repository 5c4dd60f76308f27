"""Reports ``cfpy plan``, ``cfpy provision`` and ``cfpy deploy``."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from cfpy.account.plan import Action, Do, Plan
from cfpy.cli import drawing
from cfpy.cli.console import Output, answering, has_terminal
from cfpy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cfpy.account.deploy import DeployResult
    from cfpy.project.secret import Secret

_SIGNS = {
    Do.CREATE: ("+", "green"),
    Do.ADOPT: ("=", "cyan"),
    Do.UPDATE: ("~", "yellow"),
    Do.KEEP: (" ", "dim"),
    Do.DELETE: ("-", "red"),
    Do.CONFLICT: ("!", "bold red"),
}


def show_plan(output: Output, plan: Plan) -> None:
    """Show the plan as a table, with a summary."""
    if output.json:
        output.data("plan", plan.as_dict())
        return
    draw_plan(output, plan)
    if plan.conflicts:
        output.show(Text("\nResolve the conflicts first: nothing was changed.", "red"))
    elif plan.changes:
        output.show(Text(f"\nTo apply {_changes(plan)}: {output.invocation.command('provision')}"))
    else:
        output.show(Text("\nNo changes: the account has everything."))


def draw_plan(output: Output, plan: Plan) -> None:
    """Draw the plan's steps."""
    where = f"{plan.worker} in the account {plan.account_id}"
    table = drawing.table("", "do", "kind", "name", "why")
    for action in plan.actions:
        sign, style = _SIGNS[action.do]
        row = (sign, str(action.do), action.kind, action.name, action.reason)
        table.add_row(*(Text(text, style=style) for text in row))
    output.show(Text(where, style="bold"), table)
    draw_notices(output, plan)


def draw_notices(output: Output, plan: Plan) -> None:
    """Draw what else is affected or left over."""
    for notice in plan.notices:
        output.note(f"note: {notice}", "yellow")


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
        changes = _changes(plan)
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
            self._output.show(Text("No changes: the account has everything."))
        else:
            self._output.show(_next(self._output, "deploy"))


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
        changes = _changes(plan)
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
            self._output.show(Text("Ready to deploy; nothing was changed."))
            self._output.show(_next(self._output, self._again))
        else:
            table = drawing.table("", "", header=False)
            table.add_row("Live", Text(result.url or result.plan.worker, style="bold cyan"))
            table.add_row("Version", deployment.version_id)
            table.add_row("Upload", f"{deployment.size / 1_000_000:.1f} MB compressed")
            if result.checked:
                table.add_row("Answers", result.checked)
            self._output.show(table, _next(self._output, "logs"))


def _next(output: Output, *words: str) -> Text:
    return Text(f"\nNext\n  {output.invocation.command(*words)}")


def _changes(plan: Plan) -> str:
    number = len(plan.changes)
    return f"{number} change{'' if number == 1 else 's'}"


def confirmed(output: Output, question: str, hint: str, *, yes: bool) -> bool:
    """Whether the answer to ``question`` is yes; ``hint`` names the option to pass if there is no
    terminal."""
    if yes:
        return True
    if output.json or not has_terminal():
        why = "--json does not ask" if output.json else "there is no terminal to ask on"
        raise UsageError(f"{why}: {question}", hint=f"{hint} Nothing was changed.")
    output.end_progress()
    with answering(output, "Nothing was changed."):
        return input(f"\n{question} [y/N] ").strip().lower() in ("y", "yes")
