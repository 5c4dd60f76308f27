"""The commands that change a project's files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from cfpy.cli.console import Output, has_terminal
from cfpy.cli.options import (
    Answer,
    AnswersFile,
    ConfigFile,
    Defaults,
    DryRun,
    Environment,
    Json,
    ProjectDirectory,
    context_of,
    directory_at,
    project_at,
)

project_app = typer.Typer(rich_markup_mode=None)


def complete_kinds(incomplete: str) -> list[str]:
    """What `cfpy add` adds, for shell completion."""
    from cfpy.bindings.registry import BY_NAME

    return [name for name in BY_NAME if name.startswith(incomplete)]


class AddCommand(typer.core.TyperCommand):
    """`cfpy add`. It reads the kinds when it is built, which `cfpy --help` does not do."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        from cfpy.bindings.registry import BY_NAME

        super().__init__(*args, **settings)
        [kind] = [parameter for parameter in self.params if parameter.name == "kind"]
        kind.metavar = "|".join(BY_NAME)


@project_app.command(cls=AddCommand)
def add(
    ctx: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            help="What to add.",
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
    migration or class, settings in cfpy.toml and the type if needed, and shows how to use it.

    Example: cfpy add kv sessions
    """
    from cfpy.bindings.add import AddRequest, run
    from cfpy.bindings.asked import Options
    from cfpy.cli.project_view import show_addition

    options = Options(id_, consumer, dimensions, metric, directory)
    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    request = AddRequest(root, kind, name, env, options, dry_run, file)
    show_addition(output, run(request), dry_run=dry_run)


@project_app.command()
def update(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="PATTERN", help="The new place of the pattern, if it moved."
        ),
    ] = "",
    ref: Annotated[
        str, typer.Option("--to", metavar="REF", help="A version of a git repository.")
    ] = "",
    answer: Answer = None,
    answers_file: AnswersFile = None,
    defaults: Defaults = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 if there is something to update.")
    ] = False,
    dry_run: DryRun = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Trust this version of the pattern.")
    ] = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Update a project to the newest version of its pattern.

    Merges what changed in the pattern into your project. Files that you deleted stay deleted. Where
    both changed the same lines, the file shows both versions with git's conflict markers, and the
    command exits with 1. Commit your work first. Does not run the pattern's tasks. Secret answers
    are read from your files.

    Example: cfpy update --dry-run
    """
    from cfpy.cli import views
    from cfpy.cli.project_view import show_update
    from cfpy.patterns.update import UpdateRequest
    from cfpy.patterns.update import update as run_update

    output = ctx.ensure_object(Output)
    only_look = check or dry_run
    request = UpdateRequest(
        root=directory_at(cwd, config),
        source=source,
        ref=ref,
        answers=views.merge_answers(answers_file, answer or []),
        interactive=not (defaults or json_output or only_look) and has_terminal(),
        trust=trust,
        only_look=only_look,
    )
    ask = views.asks_for_trust(output) if request.interactive else (lambda _: False)
    result = run_update(context_of(output), request, ask, views.tells(output))
    show_update(output, result, only_look=only_look)
    if not only_look:
        views.tells(output)(result.closing)
    if (check and not result.up_to_date) or (result.conflicts and not only_look):
        raise typer.Exit(1)


@project_app.command()
def diff(
    ctx: typer.Context,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Show how a project differs from its pattern.

    Compares it with the version that it was created from.

    Example: cfpy diff
    """
    from cfpy.cli.project_view import show_departures
    from cfpy.patterns.departures import departures

    output = ctx.ensure_object(Output)
    show_departures(output, *departures(context_of(output), directory_at(cwd, config)))
