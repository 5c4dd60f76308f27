"""``cfpy patterns``: lists patterns, and has the commands for authors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cfpy.cli.console import Output
from cfpy.cli.options import Json, complete_patterns, context_of

patterns_app = typer.Typer(
    help="List patterns; create, check and test your own.\n\nExample: cfpy patterns",
    rich_markup_mode=None,
    invoke_without_command=True,
)

PatternDirectory = Annotated[
    Path,
    typer.Argument(metavar="[DIR]", help="The pattern's directory.", show_default="this one"),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Let the pattern use its own Jinja extensions.")
]


@patterns_app.callback()
def patterns(ctx: typer.Context, json_output: Json = False) -> None:
    """List patterns; create, check and test your own.

    Example: cfpy patterns
    """
    if ctx.invoked_subcommand is None:
        from cfpy.cli import views
        from cfpy.patterns.listing import list_patterns

        output = ctx.ensure_object(Output)
        views.show_patterns(output, list_patterns(context_of(output)))


@patterns_app.command("show")
def show(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(help="The pattern, as for cfpy new.", autocompletion=complete_patterns),
    ],
    tree: Annotated[
        bool, typer.Option("--tree", help="Show which file comes from which layer.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Show a pattern's questions, resources, services and code.

    The code is what it would run if you trust it.

    Example: cfpy patterns show rag --tree
    """
    from cfpy.cli import views
    from cfpy.patterns.listing import pattern_files, show_pattern

    output = ctx.ensure_object(Output)
    pattern = show_pattern(context_of(output), name)
    if tree and not json_output:
        views.show_pattern_tree(output, pattern, pattern_files(pattern))
    else:
        views.show_pattern(output, pattern, pattern_files(pattern))


@patterns_app.command("init")
def init(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name, such as rag-multitenant.")],
    extends: Annotated[
        str,
        typer.Option(
            "--extends",
            metavar="PATTERN",
            help="The pattern to extend.",
            autocompletion=complete_patterns,
        ),
    ] = "base",
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to create it.", show_default="this directory")
    ] = Path(),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    no_git: Annotated[
        bool, typer.Option("--no-git", help="Do not create a git repository.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Start your own pattern: a directory that is a package with tests.

    Example: cfpy patterns init rag-multitenant --extends rag
    """
    from cfpy.cli.authoring_view import show_init
    from cfpy.patterns.init import InitRequest, run

    output = ctx.ensure_object(Output)
    request = InitRequest(name, into, extends, git=not no_git, dry_run=dry_run)
    show_init(output, run(context_of(output), request))


@patterns_app.command("check")
def check(
    ctx: typer.Context,
    directory: PatternDirectory = Path(),
    trust: Trust = False,
    json_output: Json = False,
) -> None:
    """Find faults that rendering does not show. Exits with 1 if one would affect users.

    Finds variables that no question sets, questions without use or help, errors of wrangler's
    schema, ruff and mypy in the rendered projects, retired models, old dates, secrets, and tasks.
    Needs cfpy's extra "authors"; without it, the command prints how to install that.

    Example: cfpy patterns check ./rag-multitenant
    """
    from cfpy.cli.authoring_view import show_problems
    from cfpy.patterns.check import run

    output = ctx.ensure_object(Output)
    found = run(context_of(output), directory, trust=trust)
    show_problems(output, found, directory)
    if any(problem.broken for problem in found):
        raise typer.Exit(1)


@patterns_app.command("test")
def run_cases(
    ctx: typer.Context,
    directory: PatternDirectory = Path(),
    case: Annotated[
        list[str] | None,
        typer.Option("--case", "-c", metavar="NAME", help="Only this case; repeatable."),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Replace the goldens by the rendered files.")
    ] = False,
    only_goldens: Annotated[
        bool, typer.Option("--only-goldens", help="Only compare goldens; run and deploy nothing.")
    ] = False,
    trust: Trust = False,
    json_output: Json = False,
) -> None:
    """Render every case, and compare it with its golden.

    The cases are in cases.toml. Also runs each project's own tests in the local runtime, and
    dry-run deploys it. Exits with 1 if a case fails.

    Example: cfpy patterns test ./rag-multitenant --update
    """
    from cfpy.cli.authoring_view import CasesView
    from cfpy.patterns.case_runs import CasesRequest, run

    output = ctx.ensure_object(Output)
    chosen = tuple(case or ())
    request = CasesRequest(directory.resolve(), chosen, update, not only_goldens, trust)
    view = CasesView(output, directory)
    for result in run(context_of(output), request):
        view.case(result)
    view.end()
    if not view.passed:
        raise typer.Exit(1)


@patterns_app.command("schema")
def schema() -> None:
    """Print the JSON Schema of pattern.toml, for editors.

    Example: cfpy patterns schema > pattern.schema.json
    """
    path = Path(__file__).parent.parent / "patterns" / "pattern.schema.json"
    typer.echo(path.read_text("utf-8"), nl=False)
