"""Cron triggers. They bind no name: ``cfpy add cron`` takes a schedule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.cron_schedule import schedule_fault
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


def _faults(crons: Iterable[Any]) -> Iterator[str]:
    for cron in crons:
        if why := schedule_fault(str(cron)):
            yield f"{cron!r} is not a cron schedule of Cloudflare: {why}"


def schedules(scope: Mapping[str, Any]) -> list[str]:
    """The schedules of a scope of the configuration.

    Raises:
        ProjectError: One is not a schedule, or they are not a list.
    """
    triggers = scope.get("triggers") or {}
    crons = (triggers.get("crons") or []) if isinstance(triggers, Mapping) else None
    if not isinstance(crons, list):
        raise ProjectError("`triggers.crons` is not a list of schedules")
    for fault in _faults(crons):
        raise ProjectError(fault, hint=_WANTED)
    return [str(cron) for cron in crons]


def _add(asked: Asked) -> Addition:
    schedule = " ".join(SCHEDULES.get(asked.name, asked.name).split())
    for fault in _faults([schedule]):
        raise UsageError(fault, hint=f"{_WANTED}; or {', '.join(SCHEDULES)}.")
    if schedule in ((asked.scope.get("triggers") or {}).get("crons") or []):
        raise UsageError(f"the Worker already runs at {schedule!r}")
    edit = Append(asked.path("triggers.crons"), schedule)
    return Addition((edit,), schedule)


def _check(scope: Mapping[str, Any]) -> Iterator[Finding]:
    crons: Iterable[Any] = (scope.get("triggers") or {}).get("crons") or []
    for fault in _faults(crons):
        yield Finding(broken=True, message=fault, fix=_WANTED)


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
    example="hourly",
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
)
