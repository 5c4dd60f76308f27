"""``cfpy data pull``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    Environment,
    Json,
    ProjectDirectory,
    Yes,
    context_of,
    project_at,
)
from cfpy.cli.plan_view import confirmed, next_step

if TYPE_CHECKING:
    from cfpy.local.data_pull import Pulled, PullPlan

app = typer.Typer(rich_markup_mode=None)


@app.command("pull")
def data_pull(
    ctx: typer.Context,
    env: Environment = "",
    binding: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The binding of the database.", show_default="the only one"
        ),
    ] = "",
    table: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only rows of this table; repeatable."),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="At most N rows of each table; 0 for all.")
    ] = 0,
    mask: Annotated[
        list[str] | None,
        typer.Option(metavar="TABLE.COLUMN", help="Replace its values by fakes; repeatable."),
    ] = None,
    into: Annotated[
        str,
        typer.Option(
            metavar="ENV",
            help="The environment whose local database is replaced.",
            show_default="the top level",
        ),
    ] = "",
    persist_to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where local data is kept.", show_default=".wrangler/state"
        ),
    ] = None,
    yes: Yes = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Copy a remote D1 database, or a sample of it, into the local runtime.

    Masked columns get fake values before anything is written: NULL stays NULL, and equal values
    stay equal, so joins still work. cfpy.toml can name them, in [[masks]]. With --limit, the newest
    rows come with all rows that they refer to. The local database is replaced when the new one is
    complete.

    Example: cfpy data pull --env production --limit 100 --mask users.email
    """
    from cfpy.local.data_pull import PullRequest, pull
    from cfpy.local.pulled_rows import Wanted

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    view = PullView(output, yes=yes)
    wanted = Wanted(tuple(table or ()), limit)
    request = PullRequest(root, env, binding, into, wanted, tuple(mask or ()), persist_to, file)
    view.show(pull(context_of(output), request, view.confirm))


class PullView:
    """Asks and reports for ``cfpy data pull``."""

    def __init__(self, output: Output, *, yes: bool) -> None:
        self._output = output
        self._yes = yes

    def confirm(self, plan: PullPlan) -> bool:
        """Show what is masked, and ask before local data is replaced.

        Raises:
            UsageError: There is no terminal to ask on.
        """
        if plan.masked:
            self._output.note(f"masked: {', '.join(plan.masked)}", "green")
        if plan.unmasked:
            self._output.note(
                f"not masked, but perhaps personal: {', '.join(plan.unmasked)}", "yellow"
            )
        if plan.empty:
            self._output.note(
                f"left empty, because masks do not reach its text: {', '.join(plan.empty)}",
                "yellow",
            )
        if not plan.replaces:
            return True
        question = f"Replace the local database of {plan.source.binding} by {plan.source.name}?"
        hint = "Pass --yes to replace it without a prompt."
        return confirmed(self._output, question, hint, yes=self._yes)

    def show(self, pulled: Pulled | None) -> None:
        """Report the result."""
        if pulled is None:
            self._output.note("Nothing was changed.")
            return
        plan = pulled.plan
        if self._output.json:
            data = {
                "database": plan.source.name,
                "binding": plan.source.binding,
                "file": str(plan.file),
                "replaced": plan.replaces,
                "rows": dict(pulled.rows),
                "masked": list(plan.masked),
                "not_masked": list(plan.unmasked),
                "left_empty": list(plan.empty),
                "orphans": pulled.orphans,
            }
            self._output.data("data pull", data)
            return
        table = draw.table("table", "rows")
        for name, number in pulled.rows.items():
            table.add_row(name, str(number))
        self._output.show(table)
        if pulled.orphans:
            self._output.note(
                f"{pulled.orphans} rows refer to rows that are missing in the remote database, too",
                "yellow",
            )
        self._output.show(next_step(self._output, "dev"))
