"""While a Worker can't start, each request gets the reason."""

from __future__ import annotations

import http.client
import socket

import pytest

from cfpy.local.unavailable import answering


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE", "OPTIONS", "PROPFIND"])
def test_each_request_is_answered_with_the_reason(method: str) -> None:
    with answering("wrangler.toml:4: a comma is missing") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(
            method, "/any?thing", body=b"x" * 30_000_000 if method == "POST" else None
        )
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    expected = "The Worker does not run: wrangler.toml:4: a comma is missing\n"
    assert body == ("" if method == "HEAD" else expected)
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", port), timeout=20)
