"""The command of this run once more, for what a dry run names as the next step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

# Those that select the project and environment are added to each command that is named.
_ELSEWHERE = frozenset(("cwd", "config", "env", "json_output"))


def words_again(ctx: typer.Context, without: str = "dry_run") -> tuple[str, ...]:
    """The words of this run's command line as :meth:`cfpy.tools.invocation.Invocation.command`
    takes them, without the option ``without``."""
    names: list[str] = []
    at: Any = ctx
    while at.parent is not None:
        names.insert(0, str(at.info_name))
        at = at.parent
    left = {without, *_ELSEWHERE}
    given = [
        param
        for param in ctx.command.params
        if param.name and param.name not in left and _is_given(ctx, param.name)
    ]
    # Options come last, as in the help.
    given.sort(key=lambda param: param.param_type_name != "argument")
    return (*names, *(word for param in given for word in _words(param, ctx.params[param.name])))


def _is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _words(param: Any, value: Any) -> Iterator[str]:
    if param.param_type_name == "argument":
        yield str(value)
        return
    option = max(param.opts, key=len)
    for each in value if isinstance(value, list | tuple) else [value]:
        if isinstance(each, bool):
            yield option if each else max(param.secondary_opts, key=len)
            continue
        shown = f"{each:g}" if isinstance(each, float) else str(each)
        # A word that begins with a hyphen would be taken for an option.
        yield from [f"{option}={shown}"] if shown.startswith("-") else [option, shown]
