"""Reports ``cfpy plan``."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from cfpy.cli.console import Output
from cfpy.domain.plan import Do, Plan

_SIGNS = {
    Do.CREATE: ("+", "green"),
    Do.ADOPT: ("=", "cyan"),
    Do.UPDATE: ("~", "yellow"),
    Do.KEEP: (" ", "dim"),
    Do.CONFLICT: ("!", "bold red"),
}


def show_plan(output: Output, plan: Plan) -> None:
    """The plan as a table, with what it comes to."""
    if output.json:
        output.data("plan", plan.as_dict())
        return
    where = f"{plan.worker} in the account {plan.account_id}"
    table = Table(box=None, pad_edge=False)
    for heading in ("", "do", "kind", "name", "why"):
        table.add_column(heading, overflow="fold")
    for action in plan.actions:
        sign, style = _SIGNS[action.do]
        row = (sign, str(action.do), action.kind, action.name, action.reason)
        table.add_row(*(Text(text, style=style) for text in row))
    output.show(Text(where, style="bold"), table)
    if plan.conflicts:
        output.show(Text("\nConflicts have to be solved by hand: nothing here is touched.", "red"))
    elif plan.changes:
        todo = f"\n{len(plan.changes)} to do: the project's README, under Deploy, has the commands."
        output.show(Text(todo))
    else:
        output.show(Text("\nThe account has all of it."))
