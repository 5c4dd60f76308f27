"""``cfpy doctor``."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import (
    SOMETHING_TO_DO,
    ConfigFile,
    Environment,
    Json,
    ProjectDirectory,
    context_of,
    project_at,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfpy.account.doctor import Check

app = typer.Typer(rich_markup_mode=None)


_CHECKS = {"ok": ("ok", "green"), "warning": ("!", "yellow"), "error": ("x", "bold red")}


@app.command()
def doctor(
    ctx: typer.Context,
    env: Environment = "",
    account: Annotated[
        bool, typer.Option("--account", help="Require a login to Cloudflare.")
    ] = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Check Node, wrangler, the login and the project.

    Shows how to fix each problem. Changes and installs nothing. Exits with 1 if there is a problem.
    A missing login is only a warning, because you create, run and test a project without one; with
    --account it is a problem.

    Example: cfpy doctor
    """
    from cfpy.account.doctor import run
    from cfpy.errors import ProjectError

    output = ctx.ensure_object(Output)
    root, file = cwd, None
    # One of the checks reports what is wrong with it.
    with contextlib.suppress(ProjectError):
        root, file = project_at(output, cwd, config)
    checks = run(context_of(output), root, env, file or config, account=account)
    show_checks(output, checks)
    if any(check.state == "error" for check in checks):
        raise typer.Exit(SOMETHING_TO_DO)


def show_checks(output: Output, checks: Sequence[Check]) -> None:
    """Show each check with its fix."""
    resolve = output.invocation.resolve
    checks = [replace(i, message=resolve(i.message), fix=resolve(i.fix)) for i in checks]
    if output.json:
        # "ok" of the document says that the checks ran.
        passed = not any(check.state == "error" for check in checks)
        output.data("doctor", {"passed": passed, "checks": [asdict(check) for check in checks]})
        return
    table = draw.table("", "", "", header=False)
    for check in checks:
        sign, style = _CHECKS[check.state]
        said = check.message + (f"\nnext: {check.fix}" if check.fix else "")
        table.add_row(draw.Text(sign, style=style), check.name, draw.Text(said))
    output.show(table)
    broken = sum(check.state == "error" for check in checks)
    warned = sum(check.state == "warning" for check in checks)
    ending = f" {warned} warning{'s' * (warned > 1)}." if warned else ""
    output.show(
        draw.Text(f"\n{broken} to fix.{ending}" if broken else f"\nNo problems found.{ending}")
    )
