"""While a run waits for a fix, its port answers with the reason."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest

from cfpy.local import waiting


class Sent:
    """A handler's answer, without a connection."""

    def __init__(self, method: str, headers: dict[str, str], body: bytes) -> None:
        self.status: int | None = None
        self.given: dict[str, str] = {}
        self.written = b""
        self.unread = body
        handler = waiting._Reason.__new__(waiting._Reason)
        handler._text = "src/a.js: boom"
        handler.command = method
        handler.headers = headers  # type: ignore[assignment]
        handler.rfile = self  # type: ignore[assignment]
        handler.wfile = self  # type: ignore[assignment]
        handler.send_response = self.respond  # type: ignore[assignment,method-assign]
        handler.send_header = self.given.__setitem__  # type: ignore[assignment,method-assign]
        handler.end_headers = lambda: None  # type: ignore[method-assign]
        getattr(handler, f"do_{method}")()

    def respond(self, status: HTTPStatus) -> None:
        self.status = int(status)

    def read(self, size: int) -> bytes:
        found, self.unread = self.unread[:size], self.unread[size:]
        return found

    def write(self, data: bytes) -> None:
        self.written += data


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PURGE", "OPTIONS"])
def test_any_request_is_answered_with_the_reason(method: str) -> None:
    sent = Sent(method, {"content-length": "4"}, b"body")
    assert (sent.status, sent.written, sent.unread) == (503, b"src/a.js: boom\n", b"")
    assert sent.given["content-length"] == str(len(sent.written))
    assert sent.given["retry-after"] == "1"


def test_head_has_no_body_and_a_wrong_length_is_not_waited_for() -> None:
    assert Sent("HEAD", {}, b"").written == b""
    assert Sent("POST", {"content-length": "many"}, b"body").status == 503


def test_without_a_port_it_only_waits(tmp_path: Path) -> None:
    with waiting.answering_for("127.0.0.1", 0, "boom"):
        (tmp_path / "reached").touch()
    assert (tmp_path / "reached").exists()
