"""Requests wait at the port of a run while no Worker runs."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from cfpy.local.gate import Gate

SECONDS = 30


class Worker:
    """A server that answers each connection with what `answer` does."""

    def __init__(self, answer: Callable[[socket.socket, bytes], None]) -> None:
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.asked: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        # Otherwise the thread that accepts keeps it open.
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._meet, args=(connection,), daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while data := connection.recv(2**20):
                self.asked.append(data)
                self._answer(connection, data)


def saying(text: str, last: bytes = b"\r\n\r\n") -> Callable[[socket.socket, bytes], None]:
    """Answer when `last`, the end of a request, was read."""
    whole = f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
    return lambda connection, data: connection.sendall(whole if data.endswith(last) else b"")


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate("127.0.0.1", 0)
    yield made
    made.stop()


def ask(gate: Gate, method: str = "GET", body: bytes | None = None) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=SECONDS)
    try:
        connection.request(method, "/any", body)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Retry-After", ""), answer.read().decode()
    finally:
        connection.close()


class Asking(threading.Thread):
    """A request that is under way."""

    def __init__(self, gate: Gate, *request: object) -> None:
        super().__init__(daemon=True)
        self._request = (gate, *request)
        self.answer: tuple[int, str, str] | None = None
        self.start()

    def run(self) -> None:
        self.answer = ask(*self._request)  # type: ignore[arg-type]


@pytest.mark.parametrize("request_", [("GET",), ("POST", b"x" * 500_000 + b"!"), ("HEAD",)])
def test_requests_wait_for_the_worker(gate: Gate, request_: tuple[object, ...]) -> None:
    asking = [Asking(gate, *request_) for _ in range(3)]
    asking[0].join(0.2)
    assert asking[0].is_alive()
    worker = Worker(saying("first", last=b"!" if request_[0] == "POST" else b"\r\n\r\n"))
    gate.open(worker.port)
    for each in asking:
        each.join(SECONDS)
        assert each.answer == (200, "", "" if request_ == ("HEAD",) else "first")
    worker.stop()


def test_a_new_worker_answers_at_the_same_port(gate: Gate) -> None:
    for name in ("first", "second"):
        worker = Worker(saying(name))
        gate.open(worker.port)
        assert ask(gate) == (200, "", name)
        gate.hold()
        worker.stop()
    asking = Asking(gate)
    gate.open(worker.port)
    asking.join(0.2)
    # Nothing listens there: it waits as well.
    assert asking.is_alive()
    third = Worker(saying("third"))
    gate.open(third.port)
    asking.join(SECONDS)
    assert asking.answer == (200, "", "third")
    third.stop()


@pytest.mark.parametrize(
    ("method", "body", "answer"),
    [
        ("GET", None, (200, "", "second")),
        (
            "POST",
            b"x",
            (
                503,
                "0",
                "The Worker started again in the middle of this request. Send it again.\n",
            ),
        ),
    ],
)
def test_a_request_that_was_cut_off(
    gate: Gate, method: str, body: bytes | None, answer: tuple[int, str, str]
) -> None:
    """It is sent again if it only reads."""
    begun, ends = threading.Event(), threading.Event()

    def hang(connection: socket.socket, _: bytes) -> None:
        begun.set()
        ends.wait(SECONDS)
        connection.close()

    first, second = Worker(hang), Worker(saying("second"))
    gate.open(first.port)
    asking = Asking(gate, method, body)
    assert begun.wait(SECONDS)
    gate.hold()
    ends.set()
    gate.open(second.port)
    asking.join(SECONDS)
    assert asking.answer == answer
    first.stop()
    second.stop()


def test_an_answer_that_was_cut_off_is_not_mixed_with_another(gate: Gate) -> None:
    begun, ends = threading.Event(), threading.Event()

    def half(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        begun.set()
        ends.wait(SECONDS)
        connection.close()

    first, second = Worker(half), Worker(saying("second"))
    gate.open(first.port)
    with socket.create_connection(("127.0.0.1", gate.port), timeout=SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert begun.wait(SECONDS)
        gate.hold()
        gate.open(second.port)
        ends.set()
        received = b"".join(iter(lambda: client.recv(2**16), b""))
    assert received.endswith(b"\r\n\r\nhalf")
    assert second.asked == []
    first.stop()
    second.stop()


def test_a_worker_that_drops_a_connection_is_not_asked_again(gate: Gate) -> None:
    """Without a new start, that is its answer."""
    worker = Worker(lambda connection, _: connection.close())
    gate.open(worker.port)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(gate)
    assert len(worker.asked) == 1
    worker.stop()


def test_both_sides_speak_when_they_like(gate: Gate) -> None:
    """As in a WebSocket."""
    worker = Worker(lambda connection, data: connection.sendall(data.upper()))
    gate.open(worker.port)
    with socket.create_connection(("127.0.0.1", gate.port), timeout=SECONDS) as client:
        for word in (b"one", b"two"):
            client.sendall(word)
            assert client.recv(10) == word.upper()
    worker.stop()


def test_who_waits_for_too_long_is_told() -> None:
    gate = Gate("127.0.0.1", 0, patience=0.05)
    assert ask(gate) == (503, "1", "The Worker is still starting. Send the request again.\n")
    gate.stop()
    # The port is free again.
    socket.create_server(("127.0.0.1", gate.port)).close()


@pytest.mark.parametrize(
    ("host", "outside"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("*", "127.0.0.1")],
)
def test_every_address_of_a_host_is_served(host: str, outside: str) -> None:
    gate = Gate(host, 0)
    worker = Worker(saying("here"))
    gate.open(worker.port)
    assert ask(gate) == (200, "", "here")
    assert gate.outside(f"https://127.0.0.1:{worker.port}/") == f"https://{outside}:{gate.port}/"
    worker.stop()
    gate.stop()
