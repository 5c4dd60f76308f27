"""Measures how well the Worker finds and answers, on questions whose answers are known.

    python3 scripts/ingest.py corpus eval/library --wait
    python3 scripts/evaluate.py

Each line of a file of questions has a `question`, its `kind`, the ids of the documents that hold
the answer as `relevant` (none, if nothing does), and maybe a `filter`. Ingest the documents first.
It compares searches by vectors, by words, by both, and by both with the reranker, which answers
use; then it asks for answers. It exits with 1 when a measure is below its threshold in
eval/evaluation.toml. Run it after each change of a model, of MIN_SCORE or of the chunking.

- recall: the share of the documents needed that are among the first k passages
- MRR: the mean of 1 / rank of the first passage that helps
- nDCG: how near the order is to the best one
- refusal: unanswerable questions that got no answer, and answerable ones that got one
- citation: answers whose citations all name a passage that exists
"""

from __future__ import annotations

import json
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from client import CallError, Client, argument_parser, make_client
from measures import Answered, Found, Question, answer_neurons, answers, neurons, retrieval
from report import page, table

_MODES = ("vector", "text", "hybrid", "reranked")
_FOLDER = Path("eval")


def read_questions(paths: Sequence[Path]) -> list[Question]:
    """The questions of some files."""
    lines = [line for path in paths for line in path.read_text("utf-8").splitlines() if line]
    return [
        Question(item["question"], item["kind"], item["relevant"], item.get("filter", {}))
        for item in map(json.loads, lines)
    ]


def search(client: Client, question: Question, mode: str, top_k: int) -> Found:
    """Search for a question's passages."""
    parameters = {"q": question.text, "top_k": top_k, "mode": mode, **question.wanted}
    start = time.perf_counter()
    sources = client.call("GET", f"/search?{urlencode(parameters)}")["sources"]
    return Found(
        documents=[source["document_id"] for source in sources],
        characters=[len(source["heading"]) + len(source["text"]) for source in sources],
        milliseconds=(time.perf_counter() - start) * 1000,
    )


def ask(client: Client, question: Question, top_k: int) -> Answered:
    """Ask a question for its answer."""
    body = {"query": question.text, "top_k": top_k, "filter": dict(question.wanted)}
    answer = client.call("POST", "/query", body)
    return Answered(
        grounded=answer["grounded"],
        citations_valid=not answer["dropped_citations"],
        characters=len(answer["answer"]) if answer["sources"] else 0,
        best_score=max((source["score"] for source in answer["sources"]), default=0.0),
    )


def evaluate(
    client: Client, questions: Sequence[Question], modes: Sequence[str], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that is measured, as JSON."""
    top_k, prices = settings["top_k"], settings["prices"]
    by_mode: dict[str, dict[str, float]] = {}
    by_kind: dict[str, dict[str, float]] = {}
    kinds = list(dict.fromkeys(question.kind for question in questions if question.relevant))
    for mode in modes:
        print(f"searching: {mode}", file=sys.stderr)
        found = [search(client, question, mode, top_k) for question in questions]
        results = list(zip(questions, found, strict=True))
        by_mode[mode] = retrieval(results) | {"neurons": neurons(mode, results, prices)}
        for kind in kinds:
            of_kind = [pair for pair in results if pair[0].kind == kind]
            by_kind.setdefault(kind, {})[mode] = retrieval(of_kind)["nDCG"]
    fastest = min(measured["ms"] for measured in by_mode.values())
    for measured in by_mode.values():
        measured["time"] = measured.pop("ms") / fastest
        measured["dollars"] = measured["neurons"] / 1000 * prices["thousand_neurons"]
    print("answering", file=sys.stderr)
    answered = [ask(client, question, top_k) for question in questions]
    spent = answer_neurons(found, answered, prices)
    return {
        "questions": len(questions),
        "top_k": top_k,
        "modes": by_mode,
        "nDCG by kind": by_kind,
        "answers": answers(list(zip(questions, answered, strict=True)))
        | {"neurons": spent, "dollars": spent / 1000 * prices["thousand_neurons"]},
        "wrong": [
            {"question": question.text, "kind": question.kind, "score": answer.best_score}
            for question, answer in zip(questions, answered, strict=True)
            if answer.grounded != bool(question.relevant)
        ],
    }


def below(result: Mapping[str, Any], thresholds: Mapping[str, float]) -> list[str]:
    """The measures of the last mode, and of the answers, that are below their thresholds."""
    measured = {**list(result["modes"].values())[-1], **result["answers"]}
    return [
        f"{name} is {measured[name]:.3f}, below {least}"
        for name, least in thresholds.items()
        if measured[name] < least
    ]


def main() -> None:
    """Run the script."""
    parser = argument_parser("Measure how well the Worker finds and answers.")
    parser.add_argument("questions", nargs="*", type=Path, help="files (default: eval/*.jsonl)")
    parser.add_argument("--mode", action="append", choices=_MODES, help="default: all of them")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth question")
    parser.add_argument(
        "--report", type=Path, default=_FOLDER / "report", help="writes .json and .html"
    )
    options = parser.parse_args()
    settings = tomllib.loads((_FOLDER / "evaluation.toml").read_text("utf-8"))
    questions = read_questions(options.questions or sorted(_FOLDER.glob("*.jsonl")))
    client = make_client(options.url)
    modes = options.mode or _MODES
    try:
        result = evaluate(client, questions[:: options.every], modes, settings)
    except CallError as error:
        sys.exit(str(error))
    print(table(result))
    options.report.with_suffix(".json").write_text(json.dumps(result, indent=2), "utf-8")
    options.report.with_suffix(".html").write_text(page(result), "utf-8")
    if failed := below(result, settings["thresholds"]):
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
