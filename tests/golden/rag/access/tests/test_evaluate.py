"""What the evaluation measures, and how it shows that."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import evaluate
from client import Client
from documents import File, find
from evaluate import read_questions
from measures import Found, Question, ndcg, neurons, recall, reciprocal_rank, retrieval
from report import page
from served import serving

PROJECT = Path(__file__).parent.parent
PRICES = {"embedding": 1000, "reranker": 100, "chat_input": 10_000, "chat_output": 30_000}


def test_measures_by_hand() -> None:
    assert recall(["a", "b"], ["x", "b", "b"]) == 0.5
    assert reciprocal_rank(["b"], ["x", "x", "b"]) == pytest.approx(1 / 3)
    assert reciprocal_rank(["b"], ["x"]) == 0
    assert ndcg(["a", "b"], ["a", "a", "b"]) == 1
    # The one document at the second place: 1 / log2(3).
    assert ndcg(["b"], ["x", "x", "b"]) == pytest.approx(0.6309, abs=1e-4)
    assert ndcg(["a", "b"], ["x"]) == 0


def test_questions_without_an_answer_are_no_misses() -> None:
    found = Found(["x"], [100], 5.0)
    results = [(Question("q", "k", ["x"], {}), found), (Question("q", "k", [], {}), found)]
    assert retrieval(results) == {"recall": 1, "MRR": 1, "nDCG": 1, "ms": 5}


def test_neurons_of_each_mode() -> None:
    results = [(Question("q" * 40, "k", ["x"], {}), Found(["x"], [360], 5.0))]
    assert neurons("text", results, PRICES) == 0
    # 10 tokens of a question; 30 times 100 tokens of question and passage.
    assert neurons("hybrid", results, PRICES) == pytest.approx(0.01)
    assert neurons("reranked", results, PRICES) == pytest.approx(0.01 + 0.3)


def test_the_questions_name_documents_that_exist() -> None:
    folders = [PROJECT / "corpus", PROJECT / "eval" / "library"]
    ids = {file.name for file in find(folders) if isinstance(file, File)}
    questions = read_questions(sorted((PROJECT / "eval").glob("*.jsonl")))
    assert len(questions) >= 100
    assert {name for question in questions for name in question.relevant} <= ids
    assert len({question.text + str(question.wanted) for question in questions}) == len(questions)


def test_it_measures_and_writes_and_fails_below_a_threshold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "questions.jsonl"
    asked = {"question": "What does <b> the ferry cost?", "kind": "paraphrase", "relevant": ["a"]}
    other = {"question": "sourdough bread", "kind": "unanswerable", "relevant": []}
    questions.write_text("\n".join(json.dumps(item) for item in (asked, other)))
    report = tmp_path / "report"
    with serving() as server:
        client = Client(server.url)
        client.call("POST", "/documents", {"id": "a", "text": "The ferry costs 24 crowns."})
        client.call("POST", "/documents", {"id": "b", "text": "The comet came in 1953."})
        monkeypatch.chdir(PROJECT)
        argv = ["evaluate", str(questions), "--url", server.url, "--report", str(report)]
        monkeypatch.setattr(sys, "argv", argv)
        evaluate.main()
        result = json.loads(report.with_suffix(".json").read_text())
        assert list(result["modes"]) == ["vector", "text", "hybrid", "reranked"]
        assert {row["recall"] for row in result["modes"].values()} == {1}
        assert (result["answers"]["refusal"], result["wrong"]) == (1, [])
        assert "| reranked | 1.000  |" in capsys.readouterr().out
        asked["relevant"] = ["c"]
        questions.write_text(json.dumps(asked))
        with pytest.raises(SystemExit, match="recall is 0.000, below"):
            evaluate.main()


def test_the_page_shows_questions_as_they_are() -> None:
    row = {"recall": 1.0, "MRR": 1.0, "nDCG": 1.0, "time": 1.0, "neurons": 1.0, "dollars": 0.0}
    wrong = {"question": "<b>&", "kind": "k", "score": 0.5}
    result = {
        "questions": 1,
        "top_k": 5,
        "modes": {"text": row},
        "nDCG by kind": {"k": {"text": 1.0}},
        "answers": {"refusal": 0.0, "citation": 1.0, "neurons": 1.0, "dollars": 0.0},
        "wrong": [wrong],
    }
    assert "<td>&lt;b&gt;&amp;<td>k<td>0.500" in page(result)
    assert "<b>" not in page(result)
    assert evaluate.below(result, {"refusal": 0.5, "recall": 1.0}) == [
        "refusal is 0.000, below 0.5"
    ]
