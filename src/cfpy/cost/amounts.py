"""Numbers of users: which ones an estimate can be calculated with. Pure."""

from __future__ import annotations

from decimal import Decimal, localcontext

from cfpy.errors import UsageError

#: Larger numbers are typos: it is a million times the requests of the largest sites.
LARGEST = Decimal(10) ** 18
_SMALLEST = Decimal("1e-9")
_SCALES = {"k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9}
_FORMS = "Write 10M, 2.5k or 300000."
# Digits of the longest product of such numbers.
_DIGITS = 100


def checked(value: Decimal) -> Decimal:
    """The value, rounded to nine decimals; never ``-0``.

    Raises:
        ValueError: It is not a number, negative, or too large.
    """
    if not value.is_finite():
        raise ValueError("is not a number")
    if value < 0:
        raise ValueError("is negative")
    if value > LARGEST:
        raise ValueError(f"is too large: the largest is {LARGEST:.0e}")
    # Zero may have a sign and any exponent.
    return rounded(value, _SMALLEST).normalize() if value else Decimal(0)


def parse_amount(text: str) -> Decimal:
    """Read ``10M``, ``2.5k``, ``1B`` or a plain number.

    Raises:
        UsageError: It is not an amount, negative, or too large.
    """
    number, scale = text.strip(), 1
    if number and number[-1].lower() in _SCALES:
        scale = _SCALES[number[-1].lower()]
        number = number[:-1]
    try:
        value = Decimal(number.replace("_", "").replace(",", "")) * scale
    except ArithmeticError:
        raise UsageError(f"{text!r} is not an amount", hint=_FORMS) from None
    try:
        return checked(value)
    except ValueError as error:
        raise UsageError(f"{text!r} is not an amount: it {error}", hint=_FORMS) from None


def rounded(value: Decimal, unit: Decimal, rounding: str | None = None) -> Decimal:
    """``value`` in whole units, however large it is."""
    with localcontext() as context:
        context.prec = _DIGITS
        return value.quantize(unit, rounding)
