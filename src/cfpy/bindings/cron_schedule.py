"""Checks cron schedules as Cloudflare does. Pure.

The grammar is that of github.com/cloudflare/saffron, the parser of Cron Triggers, and of
developers.cloudflare.com/workers/configuration/cron-triggers. It differs from other crons: the
weekdays are 1 to 7, and 1 is Sunday; ``L``, ``W`` and ``#`` are known, ``?`` and ``@daily`` are
not; a range may wrap around, such as ``FRI-MON``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NUMBER = re.compile(r"[0-9]+")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True)
class _Field:
    """One of the five fields. ``special`` matches what replaces a whole field: its group ``value``
    is a value of the field, and ``count`` a number of at most ``most_counted``. ``examples`` are
    shown with an error."""

    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()
    special: re.Pattern[str] = field(default=re.compile(r"(?!)"))
    most_counted: int = 0
    examples: str = ""

    def fault(self, text: str) -> str:
        """What is wrong with the field, or an empty string."""
        if text == "*" or self._is_special(text):
            return ""
        for position, item in enumerate(text.split(",")):
            base, slash, step = item.partition("/")
            if slash and not _is_number(step, 1, self.most - self.least):
                return (
                    f"the step {step!r} of the {self.name} is not a number from 1 to "
                    f"{self.most - self.least}"
                )
            # A list may not start with *. Later in a list, * is the least value.
            if base == "*" and (slash or position):
                continue
            first, dash, last = base.partition("-")
            for value in (first, last) if dash else (first,):
                least = value == "*" and value is first and position
                if not least and not self._is_value(value):
                    return f"the {self.name} {text!r} must be {self._values}"
        return ""

    @property
    def _values(self) -> str:
        names = f" or from {self.names[0]} to {self.names[-1]}" if self.names else ""
        note = " (1 is Sunday)" if self.names == _DAYS else ""
        values = f"from {self.least} to {self.most}{note}{names}"
        return f"{values}, *, {self.examples}or a list, a range or a step"

    def _is_value(self, text: str) -> bool:
        return text.upper() in self.names or _is_number(text, self.least, self.most)

    def _is_special(self, text: str) -> bool:
        found = self.special.fullmatch(text)
        if found is None:
            return False
        value, count = found["value"], found["count"]
        return (value is None or self._is_value(value)) and (
            count is None or _is_number(count, 1, self.most_counted)
        )


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field(
        "day of the month",
        *(1, 31),
        special=re.compile(r"LW?|L-(?P<count>[0-9]+)W?|(?P<value>[0-9]+)W"),
        most_counted=30,
        examples="L, LW, 15W, ",
    ),
    _Field("month", 1, 12, _MONTHS),
    _Field(
        "weekday",
        *(1, 7),
        _DAYS,
        special=re.compile(r"L|(?P<value>[0-9A-Za-z]+?)(?:L|#(?P<count>[0-9]+))"),
        most_counted=5,
        examples="6L, 2#1, ",
    ),
)


def schedule_fault(text: str) -> str:
    """Why Cloudflare would refuse a schedule, with the field; empty if it is valid."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"it needs five fields, and has {len(fields)}"
    faults = (part.fault(value) for part, value in zip(_FIELDS, fields, strict=True))
    return next(filter(None, faults), "")


def _is_number(text: str, least: int, most: int) -> bool:
    # Not int() of any length: Python refuses more than 4,300 digits.
    digits = text.lstrip("0") or "0"
    return bool(_NUMBER.fullmatch(text)) and len(digits) < 4 and least <= int(digits) <= most
