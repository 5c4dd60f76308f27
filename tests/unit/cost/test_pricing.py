from __future__ import annotations

import json
import tomllib
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from cfpy.bindings.checks import RETIRED_MODELS
from cfpy.cost import price_files
from cfpy.cost.pricing import neurons, parse_book, price
from cfpy.cost.traditional import rented
from cfpy.cost.workload import Worker, parse_scenario, runs_a_month, usage_of

BOOK = price_files.read_book()
DATA = files("cfpy") / "cost" / "data"
M = 10**6

# By hand: what each meter costs at nothing, at the included amount, one unit over, and at a lot.
BY_HAND = {
    "workers.requests": [
        (0, "0"),
        (10 * M, "0"),
        (10_000_001, "0.0000003"),
        (15 * M, "1.50"),
    ],
    "workers.cpu_ms": [
        (0, "0"),
        (30 * M, "0"),
        (30_000_001, "0.00000002"),
        (105 * M, "1.50"),
    ],
    "logs.events": [
        (0, "0"),
        (20 * M, "0"),
        (20_000_001, "0.0000006"),
        (120 * M, "60"),
    ],
    "kv.reads": [(0, "0"), (10 * M, "0"), (10_000_001, "0.0000005"), (100 * M, "45")],
    "kv.writes": [(0, "0"), (M, "0"), (1_000_001, "0.000005"), (11 * M, "50")],
    "kv.deletes": [(0, "0"), (M, "0"), (1_000_001, "0.000005"), (11 * M, "50")],
    "kv.lists": [(0, "0"), (M, "0"), (1_000_001, "0.000005"), (11 * M, "50")],
    "kv.storage": [(0, "0"), (1, "0"), (2, "0.50"), (101, "50")],
    "d1.rows_read": [
        (0, "0"),
        (25_000 * M, "0"),
        (25_000_000_001, "0.000000001"),
        (125_000 * M, "100"),
    ],
    "d1.rows_written": [
        (0, "0"),
        (50 * M, "0"),
        (50_000_001, "0.000001"),
        (150 * M, "100"),
    ],
    "d1.storage": [(0, "0"), (5, "0"), (6, "0.75"), (105, "75")],
    # R2 rounds up what is beyond: a part of a GB is a GB, one operation more is a million.
    "r2.storage": [(0, "0"), (10, "0"), (11, "0.015"), (100, "1.35"), ("10.1", "0.015")],
    "r2.class_a": [(0, "0"), (M, "0"), (1_000_001, "4.50"), (11 * M, "45")],
    "r2.class_b": [(0, "0"), (10 * M, "0"), (10_000_001, "0.36"), (110 * M, "36")],
    "queues.operations": [
        (0, "0"),
        (M, "0"),
        (1_000_001, "0.0000004"),
        (3 * M, "0.80"),
    ],
    "vectorize.queried": [
        (0, "0"),
        (50 * M, "0"),
        (50_000_001, "0.00000001"),
        (1_050 * M, "10"),
    ],
    "vectorize.stored": [
        (0, "0"),
        (10 * M, "0"),
        (10_000_001, "0.0000000005"),
        (1_010 * M, "0.50"),
    ],
    "ai.neurons": [(0, "0"), (300_000, "0"), (300_001, "0.000011"), (1_300_000, "11")],
    # Priced, and not billed yet.
    "analytics.points": [(0, "0"), (10 * M, "0"), (10_000_001, "0"), (10_000 * M, "0")],
}


def test_every_meter_is_computed_by_hand() -> None:
    assert list(BY_HAND) == list(BOOK.meters)


@pytest.mark.parametrize("meter", BY_HAND)
def test_a_meter_costs_what_it_does_by_hand(meter: str) -> None:
    for quantity, cost in BY_HAND[meter]:
        [line] = price(BOOK, {meter: Decimal(quantity)}).lines
        assert (quantity, line.cost) == (quantity, Decimal(cost))


def test_cloudflares_own_examples() -> None:
    # developers.cloudflare.com/workers/platform/pricing, example 1
    usage = {"workers.requests": Decimal(15 * M), "workers.cpu_ms": Decimal(105 * M)}
    assert price(BOOK, usage).total == Decimal("8.00")
    # Example 4
    usage = {"workers.requests": Decimal(100 * M), "workers.cpu_ms": Decimal(700 * M)}
    assert price(BOOK, usage).total == Decimal("45.40")


def _plain(data: Any) -> Any:
    """Dates as texts: JSON has none."""
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(item) for item in data]
    return str(data) if isinstance(data, date) else data


def test_the_book_fits_its_schema_and_comes_back_whole() -> None:
    data = tomllib.loads((DATA / "prices.toml").read_text("utf-8"))
    schema = json.loads((DATA / "prices.schema.json").read_text("utf-8"))
    jsonschema.validate(_plain(data), schema)
    assert tomllib.loads(tomlkit.dumps(data)) == data
    assert parse_book(data) == BOOK
    for change in ({"price": 0.3}, {"per": 0}, {"checked": "soon"}, {"surprise": 1}):
        data["meters"][0] |= change
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(_plain(data), schema)
        data = tomllib.loads((DATA / "prices.toml").read_text("utf-8"))


def test_prices_grow_old_after_90_days() -> None:
    oldest = min(meter.read.checked for meter in BOOK.meters.values())
    assert BOOK.stale(oldest) == ()
    assert set(BOOK.stale(date(2030, 1, 1))) == {"the plan", *BOOK.meters, *BOOK.models}


def test_no_model_of_the_book_is_retired() -> None:
    assert not RETIRED_MODELS & set(BOOK.models)


_AMOUNTS = st.decimals(min_value=0, max_value=10**15, places=2)


def test_the_free_plan_counts_by_day_by_month_and_by_request() -> None:
    [line] = price(BOOK, {"kv.writes": Decimal(60_000)}).lines
    assert (line.free_share, price(BOOK, {"kv.writes": Decimal(30_000)}).too_much_for_free) == (
        2,
        (),
    )
    [line] = price(BOOK, {"vectorize.stored": Decimal(5_000_001)}).too_much_for_free
    cpu = BOOK.meters["workers.cpu_ms"]
    assert (cpu.free, cpu.free_request) == (None, 10)


@given(st.sampled_from(sorted(BOOK.meters)), _AMOUNTS, _AMOUNTS)
def test_cost_never_falls_when_usage_grows(meter: str, some: Decimal, more: Decimal) -> None:
    less, greater = sorted((some, more))
    assert price(BOOK, {meter: less}).total <= price(BOOK, {meter: greater}).total


PATTERNS = ("rag", "pipeline", "fullstack")


def worker(pattern: str) -> Worker:
    models = {
        "EMBEDDING_MODEL": "@cf/baai/bge-base-en-v1.5",
        "RERANKER_MODEL": "@cf/baai/bge-reranker-base",
        "CHAT_MODEL": "@cf/google/gemma-4-26b-a4b-it",
        "SUMMARY_MODEL": "@cf/google/gemma-4-26b-a4b-it",
    }
    dimensions = 768 if pattern == "rag" else 0
    return Worker(pattern, price_files.read_actions(pattern, {}), models, dimensions)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", ["hobby", "startup", "scale"])
def test_every_scenario_has_a_price_that_grows_with_it(pattern: str, name: str) -> None:
    scenario = price_files.read_scenario(pattern, name, {})
    totals = [
        price(BOOK, usage_of(worker(pattern), scenario.scaled(factor), BOOK)).total
        for factor in (1, 10, 100, 1000)
    ]
    assert totals == sorted(totals)
    assert totals[-1] > totals[0] >= BOOK.plan


def test_usage_is_what_an_action_uses_times_how_often() -> None:
    scenario = parse_scenario(
        "mine",
        {
            "requests": 1000,
            "mix": {"question": 0.5, "search": 0.5},
            "vectors": 100,
            "answer_tokens": 200,
        },
    )
    rag = worker("rag")
    question, search = rag.actions["question"], rag.actions["search"]
    usage = usage_of(rag, scenario, BOOK)
    assert usage["workers.requests"] == 1000
    assert usage["d1.rows_read"] == 500 * (
        question.meters["d1.rows_read"] + search.meters["d1.rows_read"]
    )
    assert usage["vectorize.queried"] == (1000 + 100) * 768
    assert usage["vectorize.stored"] == 100 * 768
    answered = {call.setting: call for call in question.models}["CHAT_MODEL"]
    alone = neurons(BOOK, rag.models["CHAT_MODEL"], answered.input_tokens, Decimal(200))
    assert alone == (answered.input_tokens * 9091 + 200 * 27273) / M
    assert usage["ai.neurons"] > 500 * alone


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mix": {"question": 0.5}}, "does not add up to 1"),
        ({"requests": None}, "has no 'requests'"),
    ],
)
def test_a_scenario_that_is_none(change: dict[str, Any], said: str) -> None:
    data: dict[str, Any] = {"requests": 1, "mix": {"question": 1}} | change
    with pytest.raises(ValueError, match=said):
        parse_scenario("mine", {key: value for key, value in data.items() if value is not None})


@pytest.mark.parametrize(
    ("cron", "runs"),
    [("*/10 * * * *", 4320), ("0 3 * * *", 30), ("0,30 * * * *", 1440), ("* * * * *", 43200)],
)
def test_runs_of_a_schedule(cron: str, runs: int) -> None:
    assert runs_a_month(cron) == runs


def test_servers_are_counted_up_by_their_assumptions() -> None:
    given_ = price_files.read_assumptions()
    usage = {
        "d1.storage": Decimal(100),
        "queues.operations": Decimal(3 * 2_592_000 * 10),
        "r2.storage": Decimal(350),
    }
    items = rented(
        given_,
        requests=Decimal(2_592_000 * 100),
        usage=usage,
        vectors=Decimal(2_500_000),
        tokens=Decimal(2_592_000 * 1500),
    )
    counted = {item.what: (int(item.count), item.cost) for item in items}
    # 100 requests a second, 5 times that at the peak, 50 a server.
    assert counted["application servers"] == (10, Decimal(240))
    assert counted["PostgreSQL"] == (2, Decimal(120))
    assert counted["servers for background work"] == (10, Decimal(240))
    assert counted["object storage"] == (1, Decimal(5) + Decimal(100) * Decimal("0.02"))
    assert counted["vector database"][0] == 3
    assert counted["GPU servers"][0] == 2
