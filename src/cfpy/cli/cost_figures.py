"""Writes the figures of an estimate."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from cfpy.cost.amounts import rounded
from cfpy.cost.pricing import Line, Meter

_CENT = Decimal("0.01")
# Units that must be shown with a number.
_UNITS = ("ms", "GB")


def arithmetic(line: Line) -> str:
    """The arithmetic of a line's cost."""
    meter = line.meter
    if not line.billable:
        return "included"
    beyond = f"({amount(line.quantity)} - {amount(meter.included)})"
    per = "" if meter.per == 1 else f" / {amount(meter.per)}"
    whole = ", rounded up," if meter.whole else ""
    charged = "" if meter.billed else ": not billed yet"
    return f"{beyond}{per}{whole} x ${meter.price}{charged}"


def money(value: Decimal) -> str:
    """Dollars and cents."""
    return f"{rounded(value, _CENT, ROUND_HALF_UP):,}"


def amount(value: Decimal | int) -> str:
    """``1.5M``, ``20k``, ``300``."""
    value = Decimal(value)
    for scale, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if value >= scale:
            return f"{short(value / scale)}{letter}"
    return short(value)


def in_units(value: Decimal | int, meter: Meter) -> str:
    """An amount, with its unit if the meter's name does not include it: ``54M ms``, ``5 GB``."""
    return f"{amount(value)} {meter.unit}" if meter.unit in _UNITS else amount(value)


def short(value: Decimal) -> str:
    """At most two decimals, without zeros at the end."""
    return f"{rounded(value, _CENT, ROUND_HALF_UP).normalize():,f}"


def plain(value: Decimal) -> str:
    """All digits, without an exponent."""
    return f"{value.normalize():f}"
