"""The Worker itself: Pyodide, R2, a queue and D1, with a stand-in for Workers AI."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conftest import PROJECT
from test_urls import HOSTILE
from worker_client import GRACE as OTHER_TOKEN
from worker_client import TOKEN, send

# The queue waits for a second, the model for nothing.
FINISH_SECONDS = 120


def pdf(text: bytes) -> bytes:
    """A PDF with one line of text."""
    shown = b"BT /F 24 Tf 9 700 Td (%s) Tj ET" % text
    data, begins = b"%PDF-1.4\n", []
    for number, content in enumerate(
        (
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R"
            b"/Resources<</Font<</F 5 0 R>>>>>>",
            b"<</Length %d>>stream\n%s\nendstream" % (len(shown), shown),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ),
        1,
    ):
        begins.append(len(data))
        data += b"%d 0 obj%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % begin for begin in begins)
    end = b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(data)
    return data + b"xref\n0 6\n0000000000 65535 f \n" + table + end


def upload(url: str, name: str, body: Any, **headers: str) -> dict[str, Any]:
    response, content = send(url, "POST", f"/files?name={quote(name)}", body, **headers)
    assert response.status == 202, content
    return dict(json.loads(content))


def finished(url: str, job: dict[str, Any]) -> dict[str, Any]:
    """The job, when it is finished."""
    deadline = time.monotonic() + FINISH_SECONDS
    while job["status"] not in ("done", "failed"):
        assert time.monotonic() < deadline, job
        time.sleep(0.2)
        job = json.loads(send(url, "GET", f"/jobs/{job['id']}")[1])
    return job


def test_it_is_healthy(worker_url: str) -> None:
    response, body = send(worker_url, "GET", "/health", token="")
    assert (response.status, json.loads(body)) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.txt", b"The whale is a mammal. It breathes air."),
        ("größe.md", b"# Whales\n\nThe whale is a mammal. It breathes air."),
        ("a.html", b"<p>The whale is a mammal. It breathes air.</p><script>no()</script>"),
        ("a.csv", b"animal,fact\nwhale,The whale is a mammal."),
        ("a.json", b'{"fact": "The whale is a mammal. It breathes air."}'),
        ("a.pdf", pdf(b"The whale is a mammal. It breathes air.")),
        # Its name is wrong.
        ("b.csv", pdf(b"The whale is a mammal. It breathes air.")),
    ],
)
def test_a_file_becomes_a_summary(worker_url: str, name: str, body: bytes) -> None:
    job = finished(worker_url, upload(worker_url, name, body))
    assert (job["status"], job["name"], job["error"]) == ("done", name, None)
    assert "The whale is a mammal" in job["result"]["summary"]
    assert "no()" not in job["result"]["summary"]


def test_a_form_and_a_body_of_unknown_length(worker_url: str) -> None:
    form = (
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\n\r\n'
        b"The form holds a whale.\r\n--b--\r\n"
    )
    kind = "multipart/form-data; boundary=b"
    response, content = send(worker_url, "POST", "/files", form, Content_Type=kind)
    assert response.status == 202, content
    job = finished(worker_url, json.loads(content))
    assert job["result"]["summary"] == "The form holds a whale."
    chunked = upload(worker_url, "c.txt", iter([b"Chunk by chunk", b" comes a whale."]))
    assert finished(worker_url, chunked)["result"]["summary"] == "Chunk by chunk comes a whale."


@pytest.mark.parametrize(
    ("name", "body", "said", "text"),
    [
        ("a.CSV", "Name;Ort\nJürgen;Köln", "text/csv; charset=windows-1252", "Jürgen, Ort: Köln"),
        ("a.csv", "sep=;\nName;Ort\nJürgen;Köln", "application/x-www-form-urlencoded", "Ort: Köln"),
        ("a.txt", "漢字とかな。", "text/plain; charset=shift_jis", "漢字とかな"),
        ("a.txt", "汉字。", "text/plain; charset=gbk", "汉字"),
        ("a.txt", "한글.", "text/plain; charset=euc-kr", "한글"),
        ("a.txt", "漢字。", "text/plain; charset=big5", "漢字"),
        ("a.tsv", 'id\tnote\n1\t"' + "whale " * 25_000 + '"', "; charset=utf-16", "id: 1, note"),
    ],
)
def test_a_file_in_a_charset_that_is_declared(
    worker_url: str, name: str, body: str, said: str, text: str
) -> None:
    data = body.encode(said.partition("charset=")[2] or "utf-8")
    job = finished(worker_url, upload(worker_url, name, data, Content_Type=said))
    assert (job["status"], job["error"]) == ("done", None)
    assert text in job["result"]["summary"]


def test_a_long_file_is_summarised_whole(worker_url: str) -> None:
    text = "".join(f"Sentence number {number} is about whales. " for number in range(6000))
    job = finished(worker_url, upload(worker_url, "long.txt", text.encode()))
    assert (job["status"], job["result"]["characters"]) == ("done", len(text.strip()))


def test_a_file_that_is_no_text_fails_and_says_why(worker_url: str) -> None:
    job = finished(worker_url, upload(worker_url, "a.txt", b"\xff\x00\x80"))
    assert (job["status"], job["attempts"]) == ("failed", 1)
    assert "UTF-8" in job["error"]


def test_a_compressed_body(worker_url: str) -> None:
    body = gzip.compress(b"Whales. " * 100_000)
    path = "/files?name=a.txt"
    for coding in ("deflate", "br", "gzip, gzip"):
        response, content = send(worker_url, "POST", path, body, Content_Encoding=coding)
        assert (response.status, json.loads(content)["code"]) == (415, "unsupported-encoding")
    job = upload(worker_url, "a.txt", body, Content_Encoding="gzip")
    assert finished(worker_url, job)["result"]["characters"] == 799_999


def test_a_webhook_is_tried_when_the_job_is_done(worker_url: str) -> None:
    path = "/files?name=a.txt&webhook=https%3A%2F%2Freceiver.nowhere%2Fa"
    job = finished(worker_url, json.loads(send(worker_url, "POST", path, b"Whales.")[1]))
    deadline = time.monotonic() + FINISH_SECONDS
    while not job["webhook"]["attempts"] or not job["webhook"]["error"]:
        assert time.monotonic() < deadline, job
        time.sleep(0.2)
        job = json.loads(send(worker_url, "GET", f"/jobs/{job['id']}")[1])
    assert job["webhook"]["url"] == "https://receiver.nowhere/a"
    assert job["webhook"]["error"] == "The server could not be reached."
    secret = json.loads(send(worker_url, "GET", "/webhook-secret")[1])["secret"]
    assert secret.startswith("whsec_")


def test_the_same_key_is_the_same_job(worker_url: str) -> None:
    first = upload(worker_url, "k.txt", b"Once.", Idempotency_Key="test-key")
    again = upload(worker_url, "k.txt", b"Once.", Idempotency_Key="test-key")
    assert first["id"] == again["id"]


def test_a_job_is_its_owners_alone(worker_url: str) -> None:
    job = upload(worker_url, "mine.txt", b"Mine.")
    path = f"/jobs/{job['id']}"
    assert send(worker_url, "GET", path, token=OTHER_TOKEN)[0].status == 404
    assert send(worker_url, "DELETE", path, token=OTHER_TOKEN)[0].status == 404
    listed = json.loads(send(worker_url, "GET", "/jobs", token=OTHER_TOKEN)[1])
    assert listed["jobs"] == []
    finished(worker_url, job)
    assert send(worker_url, "DELETE", path)[0].status == 204
    assert send(worker_url, "GET", path)[0].status == 404


@pytest.mark.parametrize("address", HOSTILE)
def test_hostile_addresses_are_refused(worker_url: str, address: str) -> None:
    response, content = send(worker_url, "POST", "/files", {"file_url": address})
    assert response.status == 422, content
    assert json.loads(content)["errors"][0]["pointer"] == "#/file_url"


@pytest.mark.parametrize(
    ("method", "path", "body", "token", "status"),
    [
        ("GET", "/jobs", None, "wrong", 401),
        ("GET", "/nothing", None, TOKEN, 404),
        ("PUT", "/files", b"x", TOKEN, 405),
        ("POST", "/files?name=a.txt", b"x" * 5_000_001, TOKEN, 413),
        ("POST", "/files?name=a.exe", b"MZ", TOKEN, 415),
        ("POST", "/files?name=a.txt", b"", TOKEN, 422),
        # 6,000 brackets in Base64, which would overflow the stack of a JSON parser.
        ("GET", "/jobs?cursor=" + "W1tb" * 2000, None, TOKEN, 422),
    ],
)
def test_errors_are_problem_details(
    worker_url: str, method: str, path: str, body: Any, token: str, status: int
) -> None:
    response, content = send(worker_url, method, path, body, token)
    assert response.status == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(content)["status"] == status


def test_the_sweep_runs(worker_url: str) -> None:
    response, content = send(worker_url, "GET", "/cdn-cgi/handler/scheduled?cron=*/10+*+*+*+*")
    assert response.status == 200, content


def test_the_page_is_served_and_may_load_nothing_from_elsewhere(worker_url: str) -> None:
    response, body = send(worker_url, "GET", "/", token="")
    assert response.status == 200
    assert b"<!doctype html>" in body
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_many_files_at_once_and_none_is_lost(worker_url: str) -> None:
    script = Path("scripts") / "load.py"
    argv = [sys.executable, str(script), "--url", worker_url, "--jobs", "100"]
    done = subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["done"] == 100
