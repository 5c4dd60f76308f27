"""A number of a user is used as it is meant, or refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfpy.cli.cost_figures import amount, money, plain, short
from cfpy.cost.amounts import LARGEST, parse_amount
from cfpy.cost.workload import parse_scenario
from cfpy.errors import UsageError

WRONG = [
    *("nan", "-nan", "snan", "inf", "-inf", "Infinity", "1e400", "1e30", "1e19", "9e18k", "-1"),
    *(
        "-1e-5",
        "1e999999999999999999",
        "1e-999999999999999999x",
        "",
        " ",
        "k",
        "1 0",
        "0x10",
        "1/2",
    ),
    *("--5", "1e", "ten", "1kk", "9" * 400),
]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an amount"):
        parse_amount(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("10M", "10000000"), ("2.5k", "2500"), ("1B", "1000000000"), ("1_000", "1000")),
        *(("1,000", "1000"), ("-0", "0"), ("-0.0k", "0"), ("0e400", "0"), ("1e-400", "0")),
        *(("1e18", "1000000000000000000"), ("1e3", "1000"), ("0.1", "0.1"), (" 5 ", "5")),
        ("0." + "1" * 500, "0.111111111"),
    ],
)
def test_an_amount_is_what_it_says(text: str, value: str) -> None:
    assert plain(parse_amount(text)) == value


@pytest.mark.parametrize("key", ["requests", "vectors", "answer_tokens", "stored", "mix"])
@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -1, 1e30, 10**400, "many", True, [], None, "1e400"]
)
def test_a_scenario_has_amounts_only(key: str, value: Any) -> None:
    data: dict[str, Any] = {"requests": 1, "mix": {"read": 1}}
    data[key] = {"read": value} if key in ("stored", "mix") else value
    with pytest.raises((ValueError, ArithmeticError)):
        parse_scenario("mine", data)


@given(st.decimals(0, LARGEST**3, allow_nan=False, allow_infinity=False))
def test_every_figure_can_be_written(value: Decimal) -> None:
    for write in (money, amount, plain, short):
        assert "E" not in write(value).upper()
