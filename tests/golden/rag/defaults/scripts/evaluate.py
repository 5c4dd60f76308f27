"""Measures how well the Worker answers, on questions whose answers are known.

    python3 scripts/evaluate.py
    API_TOKEN=... python3 scripts/evaluate.py --url https://example.workers.dev

Each line of the golden file has a `question`, the id of the document that holds the answer as
`relevant` (null where none does) and maybe a `filter`. Ingest the documents first. Run it after
each change of a model, of MIN_SCORE or of the chunking: it exits with 1 when a measure falls below
its threshold. Every question costs one answer of the chat model.

- recall: questions whose document is among the first k passages
- MRR: the mean of 1 / rank of the document's first passage
- refusal: unanswerable questions that got no answer, and answerable ones that got one
- citation: answers whose citations all name a passage that exists
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from client import CallError, Client, argument_parser, make_client

_THRESHOLDS = {"recall": 0.9, "MRR": 0.8, "refusal": 0.85, "citation": 1.0}


@dataclass(frozen=True)
class Outcome:
    """What became of one question. ``rank`` counts from 1; 0 is: not found, or nothing to find."""

    question: str
    answerable: bool
    rank: int
    best_score: float
    grounded: bool
    citations_valid: bool


def ask(client: Client, item: dict[str, Any], top_k: int) -> Outcome:
    """Ask one question of the golden set, for passages and for an answer."""
    question, relevant, wanted = item["question"], item["relevant"], item.get("filter", {})
    parameters = urlencode({"q": question, "top_k": top_k, **wanted})
    sources = client.call("GET", f"/search?{parameters}")["sources"]
    ranks = [source["id"] for source in sources if source["document_id"] == relevant]
    answer = client.call("POST", "/query", {"query": question, "top_k": top_k, "filter": wanted})
    return Outcome(
        question=question,
        answerable=relevant is not None,
        rank=ranks[0] if ranks else 0,
        best_score=sources[0]["score"] if sources else 0.0,
        grounded=answer["grounded"],
        citations_valid=not answer["dropped_citations"],
    )


def measure(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Each measure, 0 to 1."""
    answerable = [outcome for outcome in outcomes if outcome.answerable]
    return {
        "recall": _mean([outcome.rank > 0 for outcome in answerable]),
        "MRR": _mean([1 / outcome.rank if outcome.rank else 0 for outcome in answerable]),
        "refusal": _mean([outcome.grounded == outcome.answerable for outcome in outcomes]),
        "citation": _mean([outcome.citations_valid for outcome in outcomes]),
    }


def main() -> None:
    """Run the script."""
    parser = argument_parser("Measure how well the Worker answers a golden set of questions.")
    parser.add_argument("--golden", type=Path, default=Path("eval/golden.jsonl"))
    parser.add_argument("--top-k", type=int, default=5)
    options = parser.parse_args()
    client = make_client(options.url)
    lines = options.golden.read_text("utf-8").splitlines()
    try:
        outcomes = [ask(client, json.loads(line), options.top_k) for line in lines if line]
    except CallError as error:
        sys.exit(str(error))
    print("rank  score   answer  question")
    for outcome in outcomes:
        rank = str(outcome.rank or "-") if outcome.answerable else ""
        verdict = "yes" if outcome.grounded else "no"
        mark = " " if outcome.grounded == outcome.answerable else "!"
        print(f"{rank:>4}  {outcome.best_score:.4f}  {verdict:<5}{mark}  {outcome.question}")
    measures = measure(outcomes)
    print()
    for name, value in measures.items():
        verdict = "ok" if value >= _THRESHOLDS[name] else f"below {_THRESHOLDS[name]}"
        print(f"{name:<9} {value:.2f}  {verdict}")
    if any(value < _THRESHOLDS[name] for name, value in measures.items()):
        sys.exit(1)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


if __name__ == "__main__":
    main()
