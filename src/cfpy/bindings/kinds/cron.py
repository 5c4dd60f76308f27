"""Cron triggers. They bind no name: ``cfpy add cron`` takes a schedule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.finding import Finding
from cfpy.bindings.kind import BindingKind, Handler, Shape, Stance
from cfpy.errors import ProjectError, UsageError
from cfpy.project.edits import Append, NewHandler

#: Schedules that have a name, in UTC.
SCHEDULES = {
    "hourly": "0 * * * *",
    "daily": "0 3 * * *",
    "weekly": "0 3 * * 1",
    "monthly": "0 3 1 * *",
}
_WANTED = "Use five fields, in UTC: minute hour day month weekday"
_FIELD = re.compile(r"[0-9A-Za-z*/,#?LW-]+")


def _is_schedule(text: str) -> bool:
    fields = text.split()
    return len(fields) == 5 and all(_FIELD.fullmatch(field) for field in fields)


def schedules(scope: Mapping[str, Any]) -> list[str]:
    """The schedules of a scope of the configuration.

    Raises:
        ProjectError: One is not a schedule, or they are not a list.
    """
    triggers = scope.get("triggers") or {}
    crons = (triggers.get("crons") or []) if isinstance(triggers, Mapping) else None
    if not isinstance(crons, list):
        raise ProjectError("`triggers.crons` is not a list of schedules")
    for cron in crons:
        if not _is_schedule(str(cron)):
            raise ProjectError(f"{cron!r} is not a cron schedule", hint=_WANTED)
    return [str(cron) for cron in crons]


def _add(asked: Asked) -> Addition:
    schedule = " ".join(SCHEDULES.get(asked.name, asked.name).split())
    if not _is_schedule(schedule):
        raise UsageError(
            f"{schedule!r} is not a cron schedule", hint=f"{_WANTED}; or {', '.join(SCHEDULES)}."
        )
    if schedule in ((asked.scope.get("triggers") or {}).get("crons") or []):
        raise UsageError(f"the Worker already runs at {schedule!r}")
    edit = Append(asked.path("triggers.crons"), schedule)
    return Addition((edit,), schedule)


def _check(scope: Mapping[str, Any]) -> Iterator[Finding]:
    crons: Iterable[Any] = (scope.get("triggers") or {}).get("crons") or []
    for cron in crons:
        if not _is_schedule(str(cron)):
            yield Finding(broken=True, message=f"{cron!r} is not a cron schedule", fix=_WANTED)


CRON = BindingKind(
    name="cron",
    table="triggers",
    label="cron trigger",
    shape=Shape.TABLE,
    binding_key="",
    required=(),
    lists=("crons",),
    stance=Stance.USED,
    inherited=True,
    check=_check,
    # An estimate counts its runs.
    free=True,
    local=None,
    add=_add,
    binds=False,
    handler=Handler(
        NewHandler(
            *("scheduled", "controller", "ScheduledController"),
            python=("print(controller.cron)",),
            javascript=("console.log(controller.cron);",),
        ),
        tells="controller.cron",
        gets="the cron triggers",
    ),
    python="""\
# In the Worker's entry point. The schedule is in UTC.
# async def scheduled(self, controller, env=None, ctx=None):
#     print(controller.cron)
""",
    javascript="""\
// In the default export. The schedule is in UTC.
// async scheduled(controller, env, ctx) {{ console.log(controller.cron); }}
""",
)
