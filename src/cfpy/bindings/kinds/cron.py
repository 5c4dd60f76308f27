"""Cron triggers. They bind no name: ``cfpy add cron`` takes a schedule."""

from __future__ import annotations

import re

from cfpy.bindings.asked import Addition, Asked, Edit
from cfpy.bindings.kind import BindingKind, Handler, Shape, Stance
from cfpy.errors import UsageError

#: Schedules that have a name, in UTC.
SCHEDULES = {
    "hourly": "0 * * * *",
    "daily": "0 3 * * *",
    "weekly": "0 3 * * 1",
    "monthly": "0 3 1 * *",
}
#: What is wrong with a schedule that :func:`is_schedule` refuses.
WANTED = "Use five fields, in UTC: minute hour day month weekday"
_FIELD = re.compile(r"[0-9A-Za-z*/,#?LW-]+")


def is_schedule(text: str) -> bool:
    """Whether Cloudflare can run a Worker at ``text``."""
    fields = text.split()
    return len(fields) == 5 and all(_FIELD.fullmatch(field) for field in fields)


def _add(asked: Asked) -> Addition:
    schedule = " ".join(SCHEDULES.get(asked.name, asked.name).split())
    if not is_schedule(schedule):
        raise UsageError(
            f"{schedule!r} is not a cron schedule", hint=f"{WANTED}; or {', '.join(SCHEDULES)}."
        )
    if schedule in ((asked.scope.get("triggers") or {}).get("crons") or []):
        raise UsageError(f"the Worker already runs at {schedule!r}")
    edit = Edit("value", asked.table("triggers"), schedule, "crons")
    return Addition((edit,), schedule)


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
    # An estimate counts its runs.
    free=True,
    local=None,
    add=_add,
    binds=False,
    handler=Handler("scheduled", "controller.cron"),
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
