"""Measure how well the Worker answers, on questions whose answers are known.

    python scripts/evaluate.py [--golden eval/golden.jsonl] [--k 5]

Each line of the golden file has a `question` and the `source` that answers it, or null where no
document does. Ingest the documents first. Run this after each change of a model, of MIN_SCORE or of
the chunking; it exits with 1 when a measure falls below its threshold.

- recall@k: questions whose source is among the first k passages
- MRR: mean of 1 / rank of that passage
- refusals: unanswerable questions that were refused, and answerable ones that were not
- citations: answers whose citations name passages that were shown, and that cite at least one
"""

import json
from pathlib import Path
from urllib.parse import urlencode

from client import Client, client, parser

THRESHOLDS = {"recall@k": 0.85, "MRR": 0.75, "refusals": 0.8, "citations": 0.9}


def measure(api: Client, golden: list[dict[str, str | None]], k: int) -> dict[str, float]:
    """All measures, 0 to 1."""
    ranks: list[float] = []
    refusals: list[bool] = []
    citations: list[bool] = []
    for item in golden:
        question, source = item["question"], item["source"]
        if source is not None:
            found = api.call("GET", "/search?" + urlencode({"q": question, "top_k": k}))["results"]
            rank = next((r["n"] for r in found if r["source"] == source), None)
            ranks.append(1 / rank if rank else 0)
            print(f"rank {rank or '-':<3} {question}")
        answer = api.call("POST", "/query", {"query": question, "top_k": k})
        refused = not answer["grounded"]
        refusals.append(refused == (source is None))
        if not refused:
            numbers = {source["n"] for source in answer["sources"]}
            citations.append(set(answer["citations"]) <= numbers)
        elif source is None:
            print(f"refused  {question}")
    return {
        "recall@k": mean([rank > 0 for rank in ranks]),
        "MRR": mean(ranks),
        "refusals": mean(refusals),
        "citations": mean(citations),
    }


def mean(values: list[float] | list[bool]) -> float:
    return sum(values) / len(values) if values else 0.0


def main() -> None:
    arguments = parser((__doc__ or "").splitlines()[0])
    arguments.add_argument("--golden", type=Path, default=Path("eval/golden.jsonl"))
    arguments.add_argument("--k", type=int, default=5)
    options = arguments.parse_args()
    lines = options.golden.read_text("utf-8").splitlines()
    measures = measure(client(options), [json.loads(line) for line in lines if line], options.k)
    print()
    for name, value in measures.items():
        verdict = "ok" if value >= THRESHOLDS[name] else f"BELOW {THRESHOLDS[name]}"
        print(f"{name:<10} {value:.2f}  {verdict}")
    if any(value < THRESHOLDS[name] for name, value in measures.items()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
