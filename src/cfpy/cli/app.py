"""The commands, their options and their help. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy import __version__
from cfpy.cli.boundary import ErrorBoundary
from cfpy.cli.console import Output

if TYPE_CHECKING:
    from cfpy.commands.context import Context

app = typer.Typer(
    cls=ErrorBoundary,
    help="From nothing to a production-grade Python application on Cloudflare's edge.",
    epilog="Start here: cfpy new rag myapp",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
patterns_app = typer.Typer(
    help="List the patterns that projects are made of, or show one.\n\nExample: cfpy patterns",
    rich_markup_mode=None,
    invoke_without_command=True,
)
app.add_typer(patterns_app, name="patterns")


def _set_json(ctx: typer.Context, value: bool) -> bool:
    if value:
        ctx.ensure_object(Output).json = True
    return value


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"cfpy {__version__}")
        raise typer.Exit


# Beside the exit codes of errors.py: `cfpy plan` has an answer, and it is not "nothing to do".
_SOMETHING_TO_DO = 1
_CONFLICT = 7
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
Json = Annotated[bool, typer.Option("--json", callback=_set_json, help="Print one JSON document.")]
ProjectDirectory = Annotated[
    Path,
    typer.Option("--cwd", "-C", metavar="DIR", help="The project.", show_default="this directory"),
]


Environment = Annotated[
    str, typer.Option("--env", "-e", metavar="NAME", help="An environment of wrangler.toml.")
]


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """From nothing to a production-grade Python application on Cloudflare's edge."""


@app.command()
def new(
    ctx: typer.Context,
    pattern: Annotated[str, typer.Argument(help="What to make; `cfpy patterns` lists them.")],
    name: Annotated[str, typer.Argument(help="The project's and the Worker's name.")],
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to put it.", show_default="this directory")
    ] = Path(),
    answer: Annotated[
        list[str] | None,
        typer.Option("--answer", "-a", metavar="KEY=VALUE", help="Answer a question; repeatable."),
    ] = None,
    answers_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML or JSON file of answers.")
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", "--yes", "-y", help="Ask nothing, take the defaults.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, say what.")] = False,
    no_git: Annotated[bool, typer.Option("--no-git", help="Make no git repository.")] = False,
    json_output: Json = False,
) -> None:
    """Make a new project from a pattern.

    Without a terminal nothing is asked: answers come from --answer, --answers-file and the
    pattern's defaults.

    Example: cfpy new rag myapp
    """
    from cfpy.cli import views
    from cfpy.commands.new import NewRequest
    from cfpy.commands.new import run as run_new

    output = ctx.ensure_object(Output)
    request = NewRequest(
        pattern=pattern,
        name=name,
        parent=into,
        answers=views.merge_answers(answers_file, answer or []),
        interactive=not defaults and not json_output and views.has_terminal(),
        dry_run=dry_run,
        git=not no_git,
    )
    views.show_new(output, run_new(_context(output), request))


@patterns_app.callback()
def patterns(ctx: typer.Context, json_output: Json = False) -> None:
    """List the patterns that projects are made of, or show one.

    Example: cfpy patterns
    """
    if ctx.invoked_subcommand is None:
        from cfpy.cli import views
        from cfpy.commands.patterns import list_patterns

        output = ctx.ensure_object(Output)
        views.show_patterns(output, list_patterns(_context(output)))


@patterns_app.command("show")
def patterns_show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The pattern.")],
    json_output: Json = False,
) -> None:
    """Show a pattern's questions, resources and services.

    Example: cfpy patterns show rag
    """
    from cfpy.cli import views
    from cfpy.commands.patterns import show_pattern

    output = ctx.ensure_object(Output)
    views.show_pattern(output, show_pattern(_context(output), name))


@app.command()
def dev(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8787,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    runtime: Annotated[
        str, typer.Option(metavar="auto|node|workerd", help="Where the project's Python runs.")
    ] = "auto",
    persist_to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where local data is kept [default: .wrangler/state]."),
    ] = None,
    watch: Annotated[bool, typer.Option(help="Reload when a file changes.")] = True,
    cwd: ProjectDirectory = Path(),
    json_output: Json = False,
) -> None:
    """Run the project on this machine, with no Cloudflare account.

    D1, KV, R2 and Queues are workerd's own local ones, Workers AI and Vectorize are stand-ins.
    Data is kept in .wrangler/state. With --json, one document is printed once it is ready.

    Your own models: set CFPY_AI_BASE_URL to an OpenAI-compatible endpoint, with CFPY_AI_CHAT_MODEL,
    CFPY_AI_EMBED_MODEL and CFPY_AI_API_KEY.

    Example: cfpy dev --port 8788
    """
    from cfpy.cli.dev_view import DevView
    from cfpy.commands.dev import run as run_dev
    from cfpy.commands.dev_session import DevRequest, Runtime

    output = ctx.ensure_object(Output)
    if runtime not in list(Runtime):
        raise typer.BadParameter("use auto, node or workerd", param_hint="--runtime")
    request = DevRequest(cwd, host, port, Runtime(runtime), persist_to, watch)
    view = DevView(output)
    run_dev(_context(output), request, view.start, view.event)


@app.command()
def plan(
    ctx: typer.Context,
    env: Environment = "",
    cwd: ProjectDirectory = Path(),
    json_output: Json = False,
) -> None:
    """Compare the project with its Cloudflare account, and change nothing.

    Reads the account with CLOUDFLARE_API_TOKEN, or with wrangler's login. Ends with 0 if the
    account has all that the project needs, with 1 if something is to do, with 7 if something is in
    the way.

    Example: cfpy plan --env staging
    """
    from cfpy.cli.plan_view import show_plan
    from cfpy.commands.plan import PlanRequest, run

    output = ctx.ensure_object(Output)
    found = run(_context(output), PlanRequest(cwd, env))
    show_plan(output, found)
    if found.changes:
        raise typer.Exit(_CONFLICT if found.conflicts else _SOMETHING_TO_DO)


@app.command()
def provision(
    ctx: typer.Context,
    env: Environment = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="As cfpy plan.")] = False,
    cwd: ProjectDirectory = Path(),
    json_output: Json = False,
) -> None:
    """Make what the project needs and its Cloudflare account lacks.

    Ids go into wrangler.toml, and nothing else there changes. Run again, it goes on where it was
    stopped; with nothing to do it changes nothing. A secret's value is taken from the environment
    variable of its name, or asked for on a terminal.

    Example: cfpy provision --env staging
    """
    if dry_run:
        plan(ctx, env, cwd, json_output)
        return
    from cfpy.cli.plan_view import ProvisionView
    from cfpy.commands.provision import ProvisionRequest, run

    output = ctx.ensure_object(Output)
    view = ProvisionView(output, yes=yes)
    request = ProvisionRequest(cwd, env, view.ask, show=view.terminal)
    view.show(run(_context(output), request, view.confirm, view.done))


@app.command()
def deploy(
    ctx: typer.Context,
    env: Environment = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and change nothing.")] = False,
    health: Annotated[
        str, typer.Option(metavar="PATH", help="What to ask afterwards; empty asks nothing.")
    ] = "/health",
    url: Annotated[
        str, typer.Option(help="Where the Worker is reached, if not where wrangler says.")
    ] = "",
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long it may take to answer.")
    ] = 60.0,
    rollback_on_failure: Annotated[
        bool, typer.Option("--rollback-on-failure", help="Bring the old version back if need be.")
    ] = False,
    cwd: ProjectDirectory = Path(),
    json_output: Json = False,
) -> None:
    """Deploy the project, and see whether it answers.

    Checks first that the account has what the project needs, installs the Worker's packages, and
    applies pending migrations before the new code is live.

    Example: cfpy deploy --env staging --rollback-on-failure
    """
    from cfpy.cli.plan_view import DeployView
    from cfpy.commands.deploy import DeployRequest, run

    output = ctx.ensure_object(Output)
    view = DeployView(output, yes=yes)
    request = DeployRequest(cwd, env, health, url, rollback_on_failure, dry_run, wait)
    view.show(run(_context(output), request, view.confirm))


@app.command("test", context_settings=_PASS_ON)
def run_tests(ctx: typer.Context, cwd: ProjectDirectory = Path()) -> None:
    """Run the project's tests in the local runtime, with no Cloudflare account.

    Further arguments go to pytest.

    Example: cfpy test -k search
    """
    from cfpy.commands.test import run

    raise typer.Exit(run(_context(ctx.ensure_object(Output)), cwd, tuple(ctx.args)))


@app.command("wrangler", context_settings=_PASS_ON | {"allow_interspersed_args": False})
def run_wrangler(ctx: typer.Context, cwd: ProjectDirectory = Path()) -> None:
    """Run the real wrangler: the project's own where it is installed, else the one cfpy brings.

    Needs no Node of yours. All further arguments go to wrangler.

    Example: cfpy wrangler login
    """
    from cfpy.commands.wrangler import run

    raise typer.Exit(run(_context(ctx.ensure_object(Output)), cwd, tuple(ctx.args)))


def main() -> None:
    """The console script."""
    app(prog_name="cfpy")


def _context(output: Output) -> Context:
    from cfpy.commands.context import build_context

    return build_context(output.progress)
