"""The server of conversions: what it refuses, and what becomes of a document that fails."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest

from cfpy.errors import ToolTimeoutError
from cfpy.local.markdown.__main__ import answer
from cfpy.local.markdown.formats import SUPPORTED
from cfpy.local.markdown.server import MAX_BODY, MarkdownServer
from cfpy.tools.process import Completed


class InProcess:
    """Converts in this process; documents with certain names end as a killed process does."""

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout: float = 0.0) -> Completed:
        assert argv[1:] == ("-I", "-m", "cfpy.local.markdown")
        assert timeout > 0
        name = json.loads(stdin)["name"]
        if name.startswith("slow"):
            raise ToolTimeoutError("python", timeout)
        if name.startswith("killed"):
            return Completed(tuple(argv), -9, "", "")
        return Completed(tuple(argv), 0, answer(stdin), "")


@pytest.fixture(scope="module")
def server() -> Iterator[MarkdownServer]:
    with MarkdownServer(InProcess()) as server:
        yield server


def ask(
    server: MarkdownServer, body: Any, *, key: str | None = None, path: str = "/transformer"
) -> tuple[int, Any]:
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    headers = {"authorization": f"Bearer {server.key if key is None else key}"}
    method = "GET" if body is None else "POST"
    connection.request(method, where.path + path, None if body is None else body, headers)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    return answer.status, document


def asked(*documents: tuple[str, bytes], **options: Any) -> str:
    files = [
        {"name": name, "mimeType": "", "data": base64.b64encode(data).decode()}
        for name, data in documents
    ]
    return json.dumps({"files": files, "options": {"conversionOptions": options}})


def test_results_are_in_order_each_with_an_id(server: MarkdownServer) -> None:
    body = asked(("a.html", b"<h1>A</h1>"), ("b.pdf", b"no PDF"), ("c.csv", b"x,y\n1,2\n"))
    status, answer = ask(server, body)
    first, second, third = answer["result"]
    assert status == 200
    assert (first["name"], first["format"], first["data"]) == ("a.html", "markdown", "# A\n")
    assert (second["name"], second["format"]) == ("b.pdf", "error")
    assert third["data"] == "| x | y |\n| --- | --- |\n| 1 | 2 |\n"
    assert len({first["id"], second["id"], third["id"]}) == 3


def test_the_formats_of_the_service_are_listed(server: MarkdownServer) -> None:
    status, answer = ask(server, None, path="/supported")
    assert status == 200
    assert {item["extension"]: item["mimeType"] for item in answer["result"]} == SUPPORTED


@pytest.mark.parametrize(
    ("body", "key", "path", "status"),
    [
        (asked(), "wrong", "/transformer", 401),
        (asked(), None, "/other", 404),
        ("{", None, "/transformer", 400),
        ("[]", None, "/transformer", 400),
        ('{"files": [{"data": ""}]}', None, "/transformer", 400),
        ('{"files": [{"name": "a"}]}', None, "/transformer", 400),
        (asked(pdf={"metadata": "no"}), None, "/transformer", 400),
        ("", None, "/transformer", 413),
    ],
)
def test_what_it_refuses(
    server: MarkdownServer, body: str, key: str | None, path: str, status: int
) -> None:
    refused, answer = ask(server, body, key=key, path=path)
    assert refused == status
    assert answer["errors"][0]["message"]


def test_a_request_that_is_too_large_is_not_read(server: MarkdownServer) -> None:
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    connection.putrequest("POST", f"{where.path}/transformer")
    connection.putheader("authorization", f"Bearer {server.key}")
    connection.putheader("content-length", str(MAX_BODY + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize(
    ("name", "words"),
    [("slow.pdf", "took more than 30 s"), ("killed.pdf", "too much memory or time")],
)
def test_a_process_that_ends_early_fails_its_document_only(
    server: MarkdownServer, name: str, words: str
) -> None:
    status, answer = ask(server, asked((name, b"%PDF-1.4"), ("a.html", b"<p>A</p>")))
    failed, converted = answer["result"]
    assert status == 200
    assert (failed["name"], failed["mimeType"]) == (name, "application/pdf")
    assert words in failed["error"]
    assert converted["data"] == "A\n"
