"""Builds commands only when they are run: Typer would build all of them, which takes longer than
the rest of ``cfpy --help``."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import typer
import typer.core
import typer.main

_OPTIONS: dict[str, Any] = {"pretty_exceptions_short": True, "rich_markup_mode": None}


class LazyCommands(Mapping[str, Any]):
    """The commands of a Typer application by name, each built when it is accessed."""

    def __init__(self, app: typer.Typer) -> None:
        self._described = dict(_describe(app))
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            info = self._described[name]
            if isinstance(info, typer.models.TyperInfo):
                built: Any = typer.main.get_group_from_info(info, suggest_commands=True, **_OPTIONS)
            else:
                built = typer.main.get_command_from_info(info, **_OPTIONS)
            self._built[name] = built
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._described)

    def __len__(self) -> int:
        return len(self._described)

    def short_help(self, name: str, limit: int) -> str:
        """The first sentence of a command's help, without building it."""
        info = self._described[name]
        is_group = isinstance(info, typer.models.TyperInfo)
        text = info.typer_instance.info.help if is_group else inspect.getdoc(info.callback)
        return typer.core.TyperCommand(name, help=text).get_short_help_str(limit)


class LazyGroup(typer.core.TyperGroup):
    """A group that can list its commands without building them."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        if not isinstance(self.commands, LazyCommands):
            super().format_commands(ctx, formatter)
            return
        limit = formatter.width - 6 - max(map(len, self.commands))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, self.commands.short_help(name, limit)) for name in self.commands]
            )


def run(app: typer.Typer, prog_name: str) -> None:
    """Run an application, building only the command that is run."""
    # Even without commands, it is a group: it has a callback.
    root = copy.copy(app)
    root.registered_commands, root.registered_groups = [], []
    group: Any = typer.main.get_command(root)
    group.commands = LazyCommands(app)
    group(prog_name=prog_name)


def _describe(app: typer.Typer) -> Iterator[tuple[str, Any]]:
    """Names in the order in which Typer lists them."""
    for info in app.registered_commands:
        assert info.callback is not None
        yield info.name or typer.main.get_command_name(info.callback.__name__), info
    for group in app.registered_groups:
        assert group.typer_instance is not None
        if isinstance(group.name, str):
            yield group.name, group
        else:
            yield from _describe(group.typer_instance)
