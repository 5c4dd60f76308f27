"""Reports ``cfpy status``, ``cfpy destroy`` and ``cfpy doctor``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from rich.text import Text

from cfpy.account.plan import Action, Do, Plan
from cfpy.cli import drawing
from cfpy.cli.console import Output, answering, has_terminal
from cfpy.cli.plan_view import draw_notices, draw_plan
from cfpy.errors import UsageError

if TYPE_CHECKING:
    from cfpy.account.doctor import Check
    from cfpy.account.status import Status

_STATES = {
    Do.KEEP: ("there", "green"),
    Do.CREATE: ("missing", "yellow"),
    Do.ADOPT: ("exists, not in the configuration", "yellow"),
    Do.UPDATE: ("out of date", "yellow"),
    Do.CONFLICT: ("conflict", "bold red"),
}
_CHECKS = {"ok": ("ok", "green"), "warning": ("!", "yellow"), "error": ("x", "bold red")}


def show_status(output: Output, status: Status) -> None:
    """Show each resource with its state, then the live version."""
    if output.json:
        resources = [
            {
                "key": action.key,
                "kind": action.kind,
                "name": action.name,
                "state": _STATES[action.do][0],
                "reason": action.reason,
                "created_by_cfpy": action.key in status.created,
            }
            for action in status.plan.actions
        ]
        output.data(
            "status",
            {
                "account_id": status.plan.account_id,
                "worker": status.plan.worker,
                "environment": status.plan.environment,
                "live_version": status.live_version,
                "resources": resources,
                "pending_migrations": status.pending,
                "drift": list(status.drift),
                "notices": list(status.plan.notices),
            },
        )
        return
    table = drawing.table("kind", "name", "state", "why")
    for action in status.plan.actions:
        state, style = _STATES[action.do]
        table.add_row(action.kind, action.name, Text(state, style=style), Text(action.reason))
    where = f"{status.plan.worker} in the account {status.plan.account_id}"
    live = f"\nLive version: {status.live_version or 'none, nothing is deployed'}"
    output.show(Text(where, style="bold"), table, Text(live))
    for line in status.drift:
        output.show(Text(f"Drift: {line}", style="yellow"))
    draw_notices(output, status.plan)
    output.show(Text(f"\nNext\n  {output.invocation.command(_next_step(status))}"))


def _next_step(status: Status) -> str:
    if status.plan.conflicts:
        return "plan"
    if status.plan.changes:
        return "up"
    return "deploy" if status.drift or not status.live_version else "logs"


class DestroyView:
    """Asks and reports for ``cfpy destroy``."""

    def __init__(
        self, output: Output, *, yes: bool, confirm: str, dry_run: bool, options: Sequence[str]
    ) -> None:
        """``options`` select what is deleted; they are repeated in the next command, without
        ``--dry-run``."""
        self._output = output
        self._again = ("destroy", *options)
        self._yes = yes
        self._name = confirm
        self._dry_run = dry_run
        self._done: list[str] = []

    def confirm(self, plan: Plan) -> bool:
        """Show what would be deleted, and ask for the Worker's name.

        Raises:
            UsageError: There is no terminal to ask on, or another name was given.
        """
        if not self._output.json:
            draw_plan(self._output, plan)
        if self._name and self._name != plan.worker:
            raise UsageError(
                f"--confirm {self._name} is not the Worker's name, {plan.worker}",
                hint="Nothing was deleted.",
            )
        if self._yes and self._name:
            return True
        if self._yes or self._output.json or not has_terminal():
            raise UsageError(
                f"to delete {plan.worker}, confirm its name",
                hint=f"Pass --yes --confirm {plan.worker} to delete {len(plan.changes)} without a "
                "prompt; --dry-run shows them. Nothing was deleted.",
            )
        self._output.end_progress()
        with answering(self._output, "Nothing was deleted."):
            typed = input(f"\nType {plan.worker} to delete {len(plan.changes)}: ")
        return typed.strip() == plan.worker

    def done(self, action: Action) -> None:
        """Report a completed step."""
        self._done.append(action.key)
        self._output.note(f"deleted: {action.kind} {action.name}", "green")

    def show(self, plan: Plan | None) -> None:
        """Report the result."""
        if plan is None:
            self._output.note("Nothing was deleted.")
            return
        if self._output.json:
            data = plan.as_dict() | {"dry_run": self._dry_run, "done": self._done}
            self._output.data("destroy", data)
            return
        kept = [item for item in plan.actions if item.do is Do.KEEP]
        if self._dry_run or not plan.changes:
            draw_plan(self._output, plan)
            again = self._output.invocation.command(*self._again)
            note = f"Next\n  {again}" if plan.changes else "Nothing to delete."
            self._output.show(Text(f"\n{note}"))
            return
        for action in kept:
            self._output.note(f"kept: {action.kind} {action.name} ({action.reason})", "dim")
        self._output.show(Text(f"\nNext\n  {self._output.invocation.command('status')}"))


def show_checks(output: Output, checks: Sequence[Check]) -> None:
    """Show each check with its fix."""
    checks = [replace(check, mend=output.invocation.resolve(check.mend)) for check in checks]
    if output.json:
        # "ok" of the document says that the checks ran.
        passed = not any(check.state == "error" for check in checks)
        output.data("doctor", {"passed": passed, "checks": [asdict(check) for check in checks]})
        return
    table = drawing.table("", "", "", header=False)
    for check in checks:
        sign, style = _CHECKS[check.state]
        said = check.said + (f"\nnext: {check.mend}" if check.mend else "")
        table.add_row(Text(sign, style=style), check.name, Text(said))
    output.show(table)
    broken = sum(check.state == "error" for check in checks)
    warned = sum(check.state == "warning" for check in checks)
    ending = f" {warned} warning{'s' * (warned > 1)}." if warned else ""
    output.show(Text(f"\n{broken} to fix.{ending}" if broken else f"\nNo problems found.{ending}"))
