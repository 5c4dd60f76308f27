"""Imports and builds commands only when they are asked for: all of them take longer than the rest
of ``cfpy --help``."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import typer
import typer.core
import typer.main

from cfpy.cli.commands import COMMANDS

_OPTIONS: dict[str, Any] = {"pretty_exceptions_short": True, "rich_markup_mode": None}


class LazyCommands(Mapping[str, Any]):
    """The commands by name, each built when it is accessed."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            if name not in COMMANDS:
                raise KeyError(name)
            app = _app(name)
            if _is_group(app):
                info = typer.models.TyperInfo(app, name=name)
                built: Any = typer.main.get_group_from_info(info, suggest_commands=True, **_OPTIONS)
            else:
                [command] = app.registered_commands
                built = typer.main.get_command_from_info(command, **_OPTIONS)
            self._built[name] = built
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def short_help(self, name: str, limit: int) -> str:
        """The first sentence of a command's help, without importing it."""
        return typer.core.TyperCommand(name, help=COMMANDS[name]).get_short_help_str(limit)


class LazyGroup(typer.core.TyperGroup):
    """A group that can list its commands without building them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        if not isinstance(self.commands, LazyCommands):
            super().format_commands(ctx, formatter)
            return
        limit = formatter.width - 6 - max(map(len, self.commands))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, self.commands.short_help(name, limit)) for name in self.commands]
            )


def run(root: typer.Typer, prog_name: str) -> None:
    """Run the application, importing only the command that is run. ``root`` has no commands."""
    # Even without commands, it is a group: it has a callback.
    group: Any = typer.main.get_command(root)
    group.commands = LazyCommands()
    group(prog_name=prog_name)


def complete(root: typer.Typer) -> typer.Typer:
    """``root`` with all commands."""
    whole = copy.copy(root)
    whole.registered_groups = []
    for name in COMMANDS:
        app = _app(name)
        if _is_group(app):
            whole.add_typer(app, name=name)
        else:
            whole.add_typer(app)
    return whole


def _app(name: str) -> typer.Typer:
    found: typer.Typer = importlib.import_module(f"cfpy.cli.commands.{name}").app
    return found


def _is_group(app: typer.Typer) -> bool:
    return app.registered_callback is not None
