"""Draws a plan, and asks whether to apply it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfpy.account.plan import Do
from cfpy.cli import draw
from cfpy.cli.console import Output, answering, has_terminal
from cfpy.errors import UsageError

if TYPE_CHECKING:
    from cfpy.account.plan import Plan


_SIGNS = {
    Do.CREATE: ("+", "green"),
    Do.ADOPT: ("=", "cyan"),
    Do.UPDATE: ("~", "yellow"),
    Do.KEEP: (" ", "dim"),
    Do.DELETE: ("-", "red"),
    Do.DEPLOY: (">", "cyan"),
    Do.CONFLICT: ("!", "bold red"),
}


def draw_plan(output: Output, plan: Plan) -> None:
    """Draw the plan's steps."""
    where = f"{plan.worker} in the account {plan.account_id}"
    table = draw.table("", "do", "kind", "name", "why")
    for action in plan.actions:
        sign, style = _SIGNS[action.do]
        row = (sign, str(action.do), action.kind, action.name, action.reason)
        table.add_row(*(draw.Text(text, style=style) for text in row))
    output.show(draw.Text(where, style="bold"), table)
    draw_notices(output, plan)


def draw_notices(output: Output, plan: Plan) -> None:
    """Draw what else is affected or left over."""
    for notice in plan.notices:
        output.note(f"note: {output.invocation.resolve(notice)}", "yellow")


def changes_of(plan: Plan) -> str:
    """The number of a plan's changes with its noun: ``2 changes``."""
    number = len(plan.changes)
    return f"{number} change{'' if number == 1 else 's'}"


def next_step(output: Output, *words: str) -> draw.Text:
    """What to run next."""
    return draw.Text(f"\nNext\n  {output.invocation.command(*words)}")


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


def typed_name(output: Output, worker: str, what: str, name: str, *, yes: bool) -> bool:
    """Whether the Worker's name was typed, or given as ``name`` together with ``yes``.

    Args:
        output: Where to ask.
        worker: The Worker's name.
        what: What the answer is for, such as ``delete 3 of shop``.
        name: The name that was given as an option; empty if none.
        yes: Whether not to ask.

    Raises:
        UsageError: There is no terminal to ask on, or another name was given.
    """
    unchanged = "Nothing was changed."
    if name and name != worker:
        raise UsageError(f"--confirm {name} is not the Worker's name, {worker}", hint=unchanged)
    if yes and name:
        return True
    if yes or output.json or not has_terminal():
        raise UsageError(
            f"to {what}, confirm the Worker's name",
            hint=f"Pass --yes --confirm {worker} to do it without a prompt; --dry-run shows what "
            f"would change. {unchanged}",
        )
    output.end_progress()
    with answering(output, unchanged):
        return input(f"\nType {worker} to {what}: ").strip() == worker
