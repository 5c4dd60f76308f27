"""``cfpy add``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.diffs import show_diff
from cfpy.cli.options import (
    ConfigFile,
    DryRun,
    Environment,
    Json,
    ProjectDirectory,
    context_of,
    project_at,
)

if TYPE_CHECKING:
    from cfpy.bindings.add import Added
    from cfpy.tools.git import Git

app = typer.Typer(rich_markup_mode=None)


def complete_kinds(incomplete: str) -> list[str]:
    """What `cfpy add` adds, for shell completion."""
    from cfpy.bindings.registry import BY_NAME

    return [name for name in BY_NAME if name.startswith(incomplete)]


class AddCommand(typer.core.TyperCommand):
    """`cfpy add`. It reads the kinds when it is built, which `cfpy --help` does not do."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        from cfpy.bindings.registry import BY_NAME

        super().__init__(*args, **settings)
        kind: Any = next(each for each in self.params if each.name == "kind")
        kind.help = f"What to add: {', '.join(BY_NAME)}."


@app.command(cls=AddCommand)
def add(
    ctx: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            show_default=False,
            autocompletion=complete_kinds,
        ),
    ],
    name: Annotated[
        str,
        typer.Argument(
            help="Its name: sessions is bound as SESSIONS. For cron, the schedule in UTC: "
            "five fields, or hourly, daily, weekly, monthly."
        ),
    ],
    env: Environment = "",
    id_: Annotated[
        str,
        typer.Option(
            "--id", metavar="ID", help="hyperdrive: the configuration; secrets-store: the store."
        ),
    ] = "",
    consumer: Annotated[
        bool,
        typer.Option(
            "--consumer", help="queue: this Worker also consumes it, with a dead-letter queue."
        ),
    ] = False,
    dimensions: Annotated[
        int, typer.Option(metavar="N", help="vectorize: numbers in a vector.")
    ] = 768,
    metric: Annotated[
        str, typer.Option(metavar="M", help="vectorize: cosine, euclidean or dot-product.")
    ] = "cosine",
    directory: Annotated[
        str, typer.Option(metavar="DIR", help="assets: where the files are.")
    ] = "public",
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Add a binding to a project: any Worker that wrangler deploys.

    Adds its table to the configuration, and changes nothing else there. Also adds the first
    migration, class or handler, settings in cfpy.toml and the type if needed, and shows how to use
    it.

    Example: cfpy add kv sessions
    """
    from cfpy.bindings.add import AddRequest, run
    from cfpy.bindings.asked import Options

    options = Options(id_, consumer, dimensions, metric, directory)
    root, file = project_at(output := ctx.ensure_object(Output), cwd, config)
    git = context_of(output).git
    request = AddRequest(root, kind, name, env, options, dry_run, file, partial(_ignored, git))
    show_addition(output, run(request), dry_run=dry_run)


def _ignored(git: Git, path: Path) -> bool:
    return bool(git.ignored(path.parent, [path.name]))


def _dev(added: Added) -> tuple[str, ...]:
    return ("dev", "--runtime", added.runtime) if added.runtime else ("dev",)


def show_addition(output: Output, added: Added, *, dry_run: bool) -> None:
    """Report ``cfpy add``."""
    addition = added.addition
    words: list[tuple[str, ...]] = [_dev(added), *([("provision",)] if added.kind.owned else [])]
    words += [(*added.again, "--env", name) for name in added.lacking]
    steps = [output.invocation.command(*step) for step in words]
    if output.json:
        output.data(
            "add",
            {
                "kind": added.kind.name,
                "binding": addition.binding,
                "resource": addition.resource,
                "environment": added.environment,
                "files": sorted(added.files),
                "snippet": added.snippet,
                "note": added.note,
                "dry_run": dry_run,
                "next_steps": steps,
            },
        )
        return
    if dry_run:
        for name, text in added.files.items():
            show_diff(output, name, added.before[name], text)
    else:
        where = f" to the environment {added.environment}" if added.environment else ""
        output.show(draw.Text(f"Added {added.kind.label} {addition.binding}{where}", style="bold"))
        for name in added.files:
            output.show(draw.Text(f"  {'changed' if added.before[name] else 'new':8}{name}"))
    if added.snippet:
        output.show(draw.Text("\nUse", style="bold"))
        if "self.env." in added.snippet:
            note = "  # Where env is a parameter, as in a FastAPI route: env instead of self.env."
            output.show(draw.Text(note, style="dim"))
    for line in added.snippet.splitlines():
        output.show(draw.Text(f"  {line}", no_wrap=True, overflow="ignore"))
    if added.note:
        output.show(draw.Text(f"\n{added.note}", style="yellow"))
    if steps:
        output.show(
            draw.Text("\nNext", style="bold"), *(draw.Text(f"  {s}", style="cyan") for s in steps)
        )
