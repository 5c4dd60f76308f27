"""What an evaluation measures. Documents are in the order of their best passages."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_CHARACTERS_A_TOKEN = 4
# The rules of the prompt; passages that a reranker reads, at most.
_PROMPT_TOKENS = 200
_CANDIDATES = 30


@dataclass(frozen=True)
class Question:
    """A question, and the ids of all documents that it takes to answer it; none can, if none."""

    text: str
    kind: str
    relevant: Sequence[str]
    wanted: Mapping[str, str]


@dataclass(frozen=True)
class Found:
    """What a search found: the document of each passage, best first, and its length."""

    documents: Sequence[str]
    characters: Sequence[int]
    milliseconds: float


@dataclass(frozen=True)
class Answered:
    """What became of a question that was answered."""

    grounded: bool
    citations_valid: bool
    characters: int
    best_score: float


def recall(relevant: Sequence[str], found: Sequence[str]) -> float:
    """The share of the relevant documents that were found."""
    return len(set(relevant) & set(found)) / len(set(relevant))


def reciprocal_rank(relevant: Sequence[str], found: Sequence[str]) -> float:
    """1 / the rank of the first passage of a relevant document; 0 without one."""
    return next((1 / rank for rank, name in enumerate(found, 1) if name in relevant), 0.0)


def ndcg(relevant: Sequence[str], found: Sequence[str]) -> float:
    """Normalized discounted cumulative gain: 1 where the relevant documents come first."""
    ranked = list(dict.fromkeys(found))
    gains = [1 / math.log2(rank + 1) for rank, name in enumerate(ranked, 1) if name in relevant]
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, len(set(relevant)) + 1))
    return sum(gains) / ideal


def retrieval(results: Sequence[tuple[Question, Found]]) -> dict[str, float]:
    """The measures of a mode, 0 to 1, and its median time in milliseconds."""
    known = [(q.relevant, found.documents) for q, found in results if q.relevant]
    return {
        "recall": mean([recall(*pair) for pair in known]),
        "MRR": mean([reciprocal_rank(*pair) for pair in known]),
        "nDCG": mean([ndcg(*pair) for pair in known]),
        "ms": statistics.median([found.milliseconds for _, found in results] or [0.0]),
    }


def answers(results: Sequence[tuple[Question, Answered]]) -> dict[str, float]:
    """``refusal``: answered where it can be and refused where not. ``citation``: no citation
    names a passage that does not exist."""
    return {
        "refusal": mean([answer.grounded == bool(q.relevant) for q, answer in results]),
        "citation": mean([answer.citations_valid for _, answer in results]),
    }


def neurons(
    mode: str, results: Sequence[tuple[Question, Found]], prices: Mapping[str, float]
) -> float:
    """Neurons that a search takes, about, on average: tokens are characters / 4."""
    asked = mean([len(question.text) for question, _ in results])
    passage = mean([size for _, found in results for size in found.characters])
    tokens = 0.0 if mode == "text" else asked * prices["embedding"]
    if mode == "reranked":
        tokens += _CANDIDATES * (asked + passage) * prices["reranker"]
    return tokens / _CHARACTERS_A_TOKEN / 1_000_000


def answer_neurons(
    found: Sequence[Found], answered: Sequence[Answered], prices: Mapping[str, float]
) -> float:
    """Neurons of the chat model for an answer, about, on average."""
    read = mean([sum(item.characters) for item in found]) / _CHARACTERS_A_TOKEN + _PROMPT_TOKENS
    written = mean([item.characters for item in answered]) / _CHARACTERS_A_TOKEN
    return (read * prices["chat_input"] + written * prices["chat_output"]) / 1_000_000


def mean(values: Sequence[float]) -> float:
    """The mean, 0 of nothing."""
    return sum(values) / len(values) if values else 0.0
