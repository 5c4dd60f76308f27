"""The Worker itself: Pyodide, D1, assets, and stand-ins for Workers AI and Vectorize."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import PROJECT
from worker_client import TOKEN, send


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, f"scripts/{name}.py", *arguments]
    return subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def url(worker_url: str) -> str:
    """A Worker that has read the sample corpus."""
    done = script("ingest", "corpus", "--url", worker_url, "--wait")
    assert done.returncode == 0, done.stderr
    return worker_url


def test_it_is_healthy(url: str) -> None:
    response, body = send(url, "GET", "/health", token="")
    assert (response.status, json.loads(body)) == (200, {"status": "ok"})
    assert response.headers["X-Request-Id"]


def test_the_corpus_is_ingested_once(url: str) -> None:
    done = script("ingest", "corpus", "--url", url)
    *lines, summary = done.stdout.splitlines()
    assert {line.split()[0] for line in lines} == {"unchanged"}
    assert summary == f"0 ingested, {len(lines)} unchanged, 0 skipped"


def test_a_question_is_answered_from_the_right_document(url: str) -> None:
    response, body = send(url, "POST", "/query", {"query": "How much is a ferry ticket?"})
    answer = json.loads(body)
    assert response.status == 200
    assert answer["grounded"]
    assert {source["id"] for source in answer["citations"]} <= {s["id"] for s in answer["sources"]}
    assert "visitors/ferry" in answer["sources"][0]["document_id"]


def test_a_question_that_no_document_answers_is_refused(url: str) -> None:
    _, body = send(url, "POST", "/query", {"query": "What is the capital of Mongolia?"})
    answer = json.loads(body)
    assert (answer["grounded"], answer["sources"]) == (False, [])


def test_an_answer_streams(url: str) -> None:
    question = {"query": "Who founded the observatory?", "stream": True}
    response, body = send(url, "POST", "/query", question)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    names = [line for line in body.decode().splitlines() if line.startswith("event: ")]
    assert names[0] == "event: sources"
    assert names[-1] == "event: done"
    assert names.count("event: token") > 1


def test_a_filter_on_language(url: str) -> None:
    _, body = send(url, "GET", "/search?q=ferry&lang=de")
    assert {source["metadata"]["lang"] for source in json.loads(body)["sources"]} == {"de"}


def found(url: str, query: str) -> dict[str, str]:
    """Texts of the first passages that a search finds, by document."""
    _, body = send(url, "GET", f"/search?q={query}")
    return {source["document_id"]: source["text"] for source in json.loads(body)["sources"]}


def test_a_document_lives_and_dies(url: str) -> None:
    name = "boats/yellow.md"
    for colour in ("yellow", "purple"):
        text = f"The {colour} submarine is moored at the north pier. " * 100
        document = {"id": name, "title": "Submarine", "text": text}
        for expected in ("indexed", "unchanged"):
            response, body = send(url, "POST", "/documents", document)
            assert json.loads(body)["documents"][0]["status"] == expected, response.status
        state = "pending"
        while state == "pending":
            # Searches find the document all the time, once they have found it.
            assert colour == "yellow" or name in found(url, "submarine")
            _, body = send(url, "GET", "/documents/boats%2Fyellow.md")
            state = json.loads(body)["state"]
            time.sleep(0.2)
        assert (state, json.loads(body)["chunks"] > 1) == ("searchable", True)
        assert f"The {colour} submarine" in found(url, "submarine")[name]
    assert send(url, "GET", "/cdn-cgi/handler/scheduled")[0].status == 200
    response, _ = send(url, "DELETE", "/documents/boats/yellow.md")
    assert response.status == 204
    assert name not in found(url, "submarine")


@pytest.mark.parametrize(
    ("method", "path", "body", "token", "status"),
    [
        ("GET", "/documents", None, "wrong", 401),
        ("GET", "/nothing", None, TOKEN, 404),
        ("PATCH", "/documents", {}, TOKEN, 405),
        ("POST", "/documents", {"text": "x" * 4_100_000}, TOKEN, 413),
        ("POST", "/query", {"query": "x", "filter": {"colour": "red"}}, TOKEN, 422),
    ],
)
def test_errors_are_problem_details(
    url: str, method: str, path: str, body: Any, token: str, status: int
) -> None:
    response, content = send(url, method, path, body, token)
    assert response.status == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(content)["status"] == status


def test_the_page_is_served_and_may_load_nothing_from_elsewhere(url: str) -> None:
    response, body = send(url, "GET", "/", token="")
    assert response.status == 200
    assert b"<!doctype html>" in body
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_it_finds_and_answers_well_enough(url: str, tmp_path: Path) -> None:
    # A few of the questions, and one way to search: `scripts/evaluate.py` asks all of them.
    few = ("eval/handbook.jsonl", "--every", "4", "--mode", "reranked")
    done = script("evaluate", *few, "--url", url, "--report", str(tmp_path / "report"))
    assert done.returncode == 0, done.stdout + done.stderr
