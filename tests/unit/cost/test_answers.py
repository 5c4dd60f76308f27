"""What the answers of a project add to its estimate, against amounts worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cfpy.cost import price_files
from cfpy.cost.pricing import neurons, price
from cfpy.cost.workload import Scenario, Worker, usage_of

MODELS = {
    "EMBEDDING_MODEL": "@cf/baai/bge-m3",
    "RERANKER_MODEL": "@cf/baai/bge-reranker-base",
    "CHAT_MODEL": "@cf/google/gemma-4-26b-a4b-it",
}
GOLDEN = Path(__file__).parents[2] / "golden" / "rag"
# The cron of rag runs every 5 minutes: 12 x 24 x 30 times in a month.
RUNS = 8_640


def usage(answers: Mapping[str, Any], scenario: Scenario) -> dict[str, Decimal]:
    worker = Worker("shop", price_files.read_actions("rag", answers), MODELS, 1024)
    return dict(usage_of(worker, scenario, price_files.read_book()))


def documents(number: int, **stored: int) -> Scenario:
    """A month in which documents are added, and nothing else happens."""
    gigabytes = {meter.replace("_", ".", 1): Decimal(gb) for meter, gb in stored.items()}
    mix = {"document": Decimal(1)}
    return Scenario(
        "mine", "", Decimal(number), mix, gigabytes, Decimal(0), Decimal(0), Decimal(RUNS)
    )


# Queue: 3 operations, a put and a get a document, a list a run. Originals: a put a document.
@pytest.mark.parametrize(
    ("answers", "operations", "class_a", "class_b", "calls"),
    [
        ({}, 0, 0, 0, 1_000_000 + RUNS),
        ({"queue": False, "originals": False}, 0, 0, 0, 1_000_000 + RUNS),
        ({"originals": True}, 0, 1_000_000, 0, 1_000_000 + RUNS),
        ({"queue": True}, 3_000_000, 1_000_000 + RUNS, 1_000_000, 2_000_000 + RUNS),
        (
            {"queue": True, "originals": True},
            *(3_000_000, 2_000_000 + RUNS, 1_000_000, 2_000_000 + RUNS),
        ),
    ],
)
def test_a_million_documents(
    answers: dict[str, Any], operations: int, class_a: int, class_b: int, calls: int
) -> None:
    used = usage(answers, documents(1_000_000))
    found = [used.get(f"{meter}", 0) for meter in ("queues.operations", "r2.class_a", "r2.class_b")]
    assert found == [operations, class_a, class_b]
    assert used["workers.requests"] == calls


def test_what_they_cost() -> None:
    book = price_files.read_book()
    used = usage({"queue": True, "originals": True}, documents(1_000_000, r2_storage=100))
    costs = {line.meter.id: line.cost for line in price(book, used).lines}
    # 3 million operations, of which 1 million are included, at $0.40 a million.
    assert costs["queues.operations"] == Decimal("0.80")
    # 2,008,640 writes, 1 million included; the rest counts as 2 whole millions at $4.50.
    assert costs["r2.class_a"] == Decimal("9.00")
    # 1 million reads of 10 million that are included.
    assert costs["r2.class_b"] == 0
    # 100 GB, 10 included, at $0.015.
    assert costs["r2.storage"] == Decimal("1.35")


@pytest.mark.parametrize(
    ("name", "pages"), [("hobby", 1_000), ("startup", 50_000), ("scale", 500_000)]
)
def test_originals_are_stored_with_100_kb_a_page(name: str, pages: int) -> None:
    stored = price_files.read_scenario("rag", name, {"originals": True}).stored
    assert stored["r2.storage"] == Decimal(pages) / 10_000
    assert "d1.storage" in stored
    assert "r2.storage" not in price_files.read_scenario("rag", name, {"queue": True}).stored


def test_every_answer_and_action_that_is_priced_exists() -> None:
    book = price_files.read_book()
    plain = price_files.read_actions("rag", {})
    full = price_files.read_actions("rag", {"queue": True, "originals": True})
    assert set(full) == set(plain)
    known = {*book.meters, "vectorize.queries", "vectorize.vectors"}
    assert all(set(action.meters) <= known for action in full.values())
    assert {name for name in plain if plain[name] != full[name]} == {"document", "cron"}


@pytest.mark.parametrize(
    ("case", "model"),
    [
        ("defaults", "@cf/google/gemma-4-26b-a4b-it"),
        ("english-llama", "@cf/meta/llama-3.1-8b-instruct-fp8"),
    ],
)
def test_a_project_tells_the_neurons_that_are_estimated(case: str, model: str) -> None:
    models, book = {**MODELS, "CHAT_MODEL": model}, price_files.read_book()
    used = {
        call.setting: neurons(book, models[call.setting], call.input_tokens, Decimal(written))
        for call in price_files.read_actions("rag", {})["question"].models
        for written in [250 if call.setting == "CHAT_MODEL" else 0]
    }
    said = (GOLDEN / case / "docs" / "costs.md").read_text("utf-8")
    answer, reranking = (round(used[name]) for name in ("CHAT_MODEL", "RERANKER_MODEL"))
    assert f"| an answer of 250 tokens from 5 passages | {answer}," in said
    assert f"| reranking 30 passages | {reranking}," in said


@pytest.mark.parametrize(
    ("pattern", "left_out"),
    [("rag", ["follow-ups", "images"]), ("pipeline", ["images"]), ("fullstack", [])],
)
def test_what_was_not_measured_is_named(pattern: str, left_out: list[str]) -> None:
    assert list(price_files.left_out(pattern)) == left_out
