"""Options that commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cfpy.cli.console import Output
from cfpy.errors import UsageError

if TYPE_CHECKING:
    from cfpy.tools.context import Context

# wrangler reads the environment from this variable if no option names one. cfpy always passes the
# option, so that a forgotten variable in a shell has no effect.
_ENVIRONMENT_VARIABLE = "CLOUDFLARE_ENV"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def set_json(ctx: typer.Context, value: bool) -> bool:
    """Print JSON from now on, including errors."""
    if value:
        ctx.ensure_object(Output).json = True
    return value


def set_cwd(ctx: typer.Context, value: Path) -> Path:
    """Remember the project's directory for hints."""
    _remember(ctx, cwd="" if value == Path() else str(value))
    return value


def set_environment(ctx: typer.Context, value: str) -> str:
    """Remember the environment for hints, and warn if a variable names another one."""
    _remember(ctx, environment=value)
    named = os.environ.get(_ENVIRONMENT_VARIABLE, "")
    if named not in ("", value) and not ctx.resilient_parsing:
        used = f"environment {value}" if value else "top level of the configuration"
        ctx.ensure_object(Output).note(
            f"{_ENVIRONMENT_VARIABLE}={named} is ignored: this command uses the {used}. "
            f"Pass --env {named} to use the other one.",
            "yellow",
        )
    return value


def set_config(ctx: typer.Context, value: Path | None) -> Path | None:
    """Remember the configuration for hints."""
    _remember(ctx, config="" if value is None else str(value))
    return value


def _remember(ctx: typer.Context, **given: Any) -> None:
    """Store the options that select the project, so that each hint repeats them."""
    output = ctx.ensure_object(Output)
    output.invocation = replace(output.invocation, **given)


def complete_patterns(incomplete: str) -> list[str]:
    """Names of patterns, for shell completion."""
    from cfpy.patterns.pattern_store import PatternStore

    return [name for name in PatternStore().names() if name.startswith(incomplete)]


def complete_environments(ctx: typer.Context, incomplete: str) -> list[str]:
    """Environments of the project's configuration, for shell completion."""
    from cfpy.errors import CfpyError
    from cfpy.project.config_file import choose
    from cfpy.project.config_text import read

    try:
        cwd, config = Path(ctx.params.get("cwd") or "."), ctx.params.get("config")
        _, document = read(choose(cwd, Path(config) if config else None))
    except CfpyError:
        return []
    return [name for name in document.get("env") or {} if name.startswith(incomplete)]


def complete_from(words: str) -> Callable[[str], list[str]]:
    """A completion from a fixed list of words, written as ``one|two``."""
    return lambda incomplete: [w for w in words.split("|") if w.startswith(incomplete)]


# In addition to the exit codes of errors.py: the command found something to do.
SOMETHING_TO_DO = 1
CONFLICT = 7
#: Only ``cfpy status --exit-code``: the account differs from the files.
DRIFT = 13

#: For commands whose further arguments belong to another tool.
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
Json = Annotated[bool, typer.Option("--json", callback=set_json, help="Print one JSON document.")]
ProjectDirectory = Annotated[
    Path,
    typer.Option(
        "--cwd",
        "-C",
        metavar="DIR",
        callback=set_cwd,
        help="The project's directory.",
        show_default="this directory",
    ),
]


def _config(*names: str) -> Any:
    return typer.Option(
        *names,
        metavar="FILE",
        envvar="CFPY_CONFIG",
        callback=set_config,
        help="The project's configuration file.",
        show_default="the one that wrangler uses",
    )


ConfigFile = Annotated[Path | None, _config("--config", "-c")]
NewConfig = Annotated[
    str,
    typer.Option(
        "--config",
        metavar="toml|jsonc",
        help="The format of its configuration: wrangler.toml or wrangler.jsonc.",
        show_default="the pattern's: toml for cfpy's own",
        autocompletion=complete_from("toml|jsonc"),
    ),
]
#: pytest has a -c of its own.
TestConfigFile = Annotated[Path | None, _config("--config")]
Environment = Annotated[
    str,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME",
        callback=set_environment,
        help="An environment of the configuration.",
        autocompletion=complete_environments,
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
]
Rehearse = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Check the deployment. Installs the packages and writes pylock.toml, and changes "
        "nothing else.",
    ),
]
Answer = Annotated[
    list[str] | None,
    typer.Option("--answer", "-a", metavar="KEY=VALUE", help="Answer a question; repeatable."),
]
AnswersFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="YAML or JSON file of answers.")
]
Defaults = Annotated[
    bool, typer.Option("--defaults", "--yes", "-y", help="Use the defaults without asking.")
]
SecretsFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Values of secrets, as JSON or KEY=VALUE lines; - reads standard input.",
    ),
]
Health = Annotated[
    str, typer.Option(metavar="PATH", help="Path to check after deploying; empty skips the check.")
]
Url = Annotated[
    str,
    typer.Option(metavar="URL", help="Address of the Worker, if not the one that wrangler prints."),
]
Wait = Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait for an answer.")]
Rollback = Annotated[
    bool,
    typer.Option("--rollback-on-failure", help="Roll back to the old version if the check fails."),
]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Only this kind or resource, as d1 or kv:CACHE; repeatable."),
]
Skip = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Not this kind or resource; repeatable."),
]
Confirm = Annotated[
    str, typer.Option(metavar="NAME", help="The Worker's name, instead of typing it.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


def project_at(output: Output, cwd: Path, config: Path | None) -> tuple[Path, Path]:
    """The absolute paths of the project's directory and configuration file, decided once for each
    command.

    Raises:
        ProjectError: As :func:`cfpy.project.config_file.choose`.
    """
    from cfpy.project.cf_project import is_both
    from cfpy.project.config_file import choose

    path = choose(cwd, config)
    unclear = path.parent != cwd.resolve() or is_both(path)
    output.uses(path, unclear=config is None and unclear)
    return path.parent, path


def directory_at(cwd: Path, config: Path | None) -> Path:
    """The project's directory, for commands that do not read its configuration.

    Raises:
        ProjectError: As :func:`cfpy.project.config_file.choose`.
    """
    from cfpy.project.config_file import choose

    return choose(cwd, config).parent if config else cwd


def context_of(output: Output) -> Context:
    """The tools of a real run, which report progress to ``output``."""
    from cfpy.tools.context import build_context

    return build_context(output.progress, output.started, output.secrets)


def time_in(option: str, text: str, units: str, examples: str) -> timedelta:
    """The time that an option names: a number with one of ``units``, the letters of ``_UNITS``.

    Raises:
        UsageError: It is not a time.
    """
    found = re.fullmatch(rf"([1-9][0-9]{{0,4}})([{units}])", text)
    if not found:
        names = f"{', '.join(units[:-1])} or {units[-1]}"
        raise UsageError(
            f"{option} {text} is not a time", hint=f"A number with its unit, {names}: {examples}."
        )
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
