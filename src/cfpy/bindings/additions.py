"""What ``cfpy add`` adds: a binding and the files that it needs. Pure: reads and writes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cfpy.bindings.asked import Addition, Asked, Options
from cfpy.bindings.environments import effective
from cfpy.bindings.kind import BindingKind
from cfpy.bindings.registry import BY_NAME, bound_names
from cfpy.errors import UsageError
from cfpy.project.names import did_you_mean
from cfpy.tools.invocation import command


def kind_called(name: str) -> BindingKind:
    """The kind that ``cfpy add`` calls ``name``.

    Raises:
        UsageError: There is none.
    """
    if name not in BY_NAME:
        raise UsageError(
            f"cfpy can't add {name!r}",
            hint=did_you_mean(name, BY_NAME) or f"Use one of: {', '.join(BY_NAME)}.",
        )
    return BY_NAME[name]


def plan_addition(
    config: Mapping[str, Any], kind: BindingKind, name: str, environment: str, options: Options
) -> Addition:
    """The changes that add a binding of ``kind`` called ``name``.

    Args:
        config: The parsed configuration, with a ``name``.
        kind: One that ``cfpy add`` adds.
        name: Its name: ``sessions`` is bound as ``SESSIONS``. For a cron, the schedule.
        environment: The environment to add it to; empty for the top level.
        options: Options that some kinds take.

    Raises:
        UsageError: It already exists, or the request can't be fulfilled.
    """
    if environment and environment not in (config.get("env") or {}):
        raise UsageError(
            f"the configuration has no environment {environment!r}",
            hint=f"Create it: {command('env', 'add', environment)}",
        )
    scope = effective(config, environment)
    asked = Asked(config, scope, environment, kind.name, name, options)
    if kind.binds:
        _refuse_name(asked, kind)
    assert kind.add is not None
    return kind.add(asked)


def _refuse_name(asked: Asked, kind: BindingKind) -> None:
    if not re.match(r"[A-Za-z]", asked.binding):
        raise UsageError(
            f"{asked.name!r} can't be the name of a binding",
            hint=command("add", kind.name, "SESSIONS"),
        )
    held = dict(bound_names(asked.scope))
    # What a Worker can have only once is refused by its kind, which names what there is.
    if asked.binding in held and not (kind.once and held[asked.binding] == kind.table):
        raise UsageError(
            f"the configuration already has {asked.binding} ({held[asked.binding]})",
            hint="Choose another NAME. Nothing was changed.",
        )
