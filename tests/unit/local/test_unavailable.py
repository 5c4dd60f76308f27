"""While a Worker can't start, each request gets the reason."""

from __future__ import annotations

import http.client
import socket

import pytest

from cfpy.local.unavailable import answering


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE", "OPTIONS"])
def test_each_request_is_answered_with_the_reason(method: str) -> None:
    port = free_port()
    with answering("127.0.0.1", port, "wrangler.toml:4: a comma is missing"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(method, "/any?thing", body=b"x" * 100_000 if method == "POST" else None)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    expected = "The Worker does not run: wrangler.toml:4: a comma is missing\n"
    assert body == ("" if method == "HEAD" else expected)
    # The port is free again.
    socket.create_server(("127.0.0.1", port)).close()


def test_a_port_that_is_taken_is_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        entered = False
        with answering("127.0.0.1", server.getsockname()[1], "no"):
            entered = True
    assert entered
