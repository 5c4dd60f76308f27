"""``cfpy ci init``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.diffs import show_diff
from cfpy.cli.options import (
    ConfigFile,
    DryRun,
    Json,
    ProjectDirectory,
    Yes,
    complete_environments,
    complete_from,
    context_of,
    project_at,
)
from cfpy.cli.plan_view import confirmed
from cfpy.errors import UsageError

if TYPE_CHECKING:
    from cfpy.patterns.ci import CiResult

app = typer.Typer(rich_markup_mode=None)
_PROVIDERS = "github|gitlab"
_RULES = {
    "github": "For the default branch only: in the settings of the environment, under deployment "
    "branches. Otherwise everybody who can push a branch can read its secrets.",
    "gitlab": "For the default branch only: make the variables protected. Otherwise everybody who "
    "can push a branch can read them.",
}


@app.command("init")
def ci_init(
    ctx: typer.Context,
    provider: Annotated[
        str,
        typer.Argument(
            metavar=_PROVIDERS,
            help="Where CI runs.",
            autocompletion=complete_from(_PROVIDERS),
        ),
    ],
    production: Annotated[
        str | None,
        typer.Option(
            metavar="ENV",
            help="The environment to deploy the default branch to; empty for the top level.",
            show_default="production if there is one, otherwise the top level",
            autocompletion=complete_environments,
        ),
    ] = None,
    staging: Annotated[
        str | None,
        typer.Option(
            metavar="ENV",
            help="The environment to deploy before that; empty for none.",
            show_default="staging if there is one",
            autocompletion=complete_environments,
        ),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Write workflows that test, preview, deploy and back up the project.

    They test each push, give each pull request a preview with data of its own and a comment with
    its address, deploy the default branch, and make a backup each night. They install this very
    cfpy; if CI can't get it from where it was installed from, they only test and deploy, with the
    tools of Cloudflare and Python.

    A file that you wrote or edited is never replaced.

    Example: cfpy ci init github --dry-run
    """
    from cfpy.patterns.ci import CiRequest, run
    from cfpy.patterns.ci_text import Provider

    output = ctx.ensure_object(Output)
    if provider not in tuple(Provider):
        raise UsageError(f"{provider} is not a CI that cfpy knows", hint="Use github or gitlab.")
    root, file = project_at(output, cwd, config)
    request = CiRequest(root, Provider(provider), production, staging, dry_run, file)
    view = _View(output, provider, yes=yes)
    view.show(run(context_of(output), request, view.confirm), dry_run=dry_run)


def show_needed(
    output: Output,
    provider: str,
    left_out: Iterable[str],
    variables: Mapping[str, tuple[str, ...]],
    default_branch_only: Collection[str],
) -> None:
    """Show what the files of CI do not have and why, and the secrets that they need."""
    for reason in left_out:
        output.show(draw.Text(f"\nLeft out: {reason}.", style="yellow"))
    if not variables:
        return
    output.show(draw.Text("\nSecrets to create there, by environment:"))
    for name, names in variables.items():
        only = " (for the default branch only)" if name in default_branch_only else ""
        output.show(draw.Text(f"  {name}{only}: {', '.join(names)}"))
    output.prose(_RULES[provider])


class _View:
    """Asks and reports."""

    def __init__(self, output: Output, provider: str, *, yes: bool) -> None:
        self._output = output
        self._provider = provider
        self._yes = yes

    def confirm(self, result: CiResult) -> bool:
        """Show how existing files change, and ask whether to continue. New files need no question.

        Raises:
            UsageError: There is no terminal to ask on.
        """
        if not result.before:
            return True
        if not self._output.json:
            self._draw_diffs(result, tuple(result.before))
        return confirmed(
            self._output,
            f"Replace {', '.join(result.before)}?",
            "Pass --yes to replace them without a prompt; --dry-run shows the difference.",
            yes=self._yes,
        )

    def show(self, result: CiResult, *, dry_run: bool) -> None:
        """Report the result."""
        if self._output.json:
            self._show_json(result, dry_run=dry_run)
            return
        if dry_run:
            self._draw_diffs(result, tuple(result.after))
        elif result.after and not result.written:
            self._output.note("Nothing was changed.")
            return
        for name in result.after:
            sign = "changed" if name in result.before else "new    "
            self._output.show(draw.Text(f"  {sign} {name}"))
        for name in result.unchanged:
            self._output.show(draw.Text(f"  as is   {name}"))
        show_needed(
            self._output,
            self._provider,
            result.left_out,
            result.variables,
            result.default_branch_only,
        )

    def _show_json(self, result: CiResult, *, dry_run: bool) -> None:
        data = {
            "repository": str(result.repository),
            "files": dict(result.after),
            "replaced": list(result.before),
            "unchanged": list(result.unchanged),
            "variables": {name: list(items) for name, items in result.variables.items()},
            "default_branch_only": list(result.default_branch_only),
            "left_out": list(result.left_out),
            "written": result.written,
            "dry_run": dry_run,
        }
        self._output.data("ci init", data)

    def _draw_diffs(self, result: CiResult, names: tuple[str, ...]) -> None:
        for name in names:
            show_diff(self._output, name, result.before.get(name, ""), result.after[name])
