"""The events that a Worker writes to Workers Logs. Pure.

developers.cloudflare.com/workers/observability/logs/workers-logs: each call of a Worker writes an
invocation log, each line that it prints is one more event, and ``head_sampling_rate`` is the share
of calls that write any. Off by default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from cfpy.errors import ProjectError

METER = "logs.events"
_TABLE = "observability"
# Every pattern prints one line for each request and message; other Workers are assumed to.
_LINES = Decimal(1)


def events_of_a_call(scope: Mapping[str, Any]) -> Decimal:
    """How many events a call of the Worker writes on average.

    Raises:
        ProjectError: A table or a value has another type.
    """
    top, logs = _tables(scope, "logs")
    on = logs.get("enabled", top.get("enabled", False))
    if not on or logs.get("persist") is False:
        return Decimal(0)
    rate = logs.get("head_sampling_rate", top.get("head_sampling_rate", 1))
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise ProjectError(
            f"the configuration's head_sampling_rate is {rate!r}, not between 0 and 1"
        )
    invocation = Decimal(logs.get("invocation_logs") is not False)
    return (invocation + _LINES) * Decimal(str(rate))


def left_out(scope: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What else the table uses, and the estimate leaves out: a name, the table, and the reason."""
    for part, what in (("traces", "spans"), ("logs", "events")):
        top, inner = _tables(scope, part)
        if not inner.get("enabled", top.get("enabled", False) and part == "logs"):
            continue
        if part == "traces":
            yield part, _TABLE, "cfpy has no price for it"
        for name in inner.get("destinations") or []:
            yield str(name), f"{_TABLE}.{part}", f"cfpy has no price for the {what} sent there"


def _tables(scope: Mapping[str, Any], part: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    top = scope.get(_TABLE) or {}
    inner = top.get(part) or {} if isinstance(top, Mapping) else None
    if not isinstance(top, Mapping) or not isinstance(inner, Mapping):
        raise ProjectError(f"`{_TABLE}` of the configuration is not a table")
    return top, inner
