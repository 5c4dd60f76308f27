"""Answers in place of the Worker while a run waits for a fix, so that no client waits for it."""

from __future__ import annotations

import contextlib
import functools
import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

# What is read of a request's body: a client that still sends it would not see the answer.
_BODY_BYTES = 1024 * 1024


@contextlib.contextmanager
def answering_for(host: str, port: int, text: str) -> Iterator[None]:
    """Answer each request to ``port`` of ``host`` with 503 and ``text``, unless the port is 0 or
    taken."""
    try:
        server = _server(host, port, functools.partial(_Reason, text)) if port else None
    except OSError:
        server = None
    if server is None:
        yield
        return
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(
    host: str, port: int, handler: Callable[..., http.server.BaseHTTPRequestHandler]
) -> http.server.ThreadingHTTPServer:
    address = None if host == "*" else host
    flags = socket.AI_PASSIVE
    [(family, _, _, _, found), *_] = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=flags
    )

    class Server(http.server.ThreadingHTTPServer):
        address_family = family
        daemon_threads = True

    return Server((str(found[0]), port), handler)


class _Reason(http.server.BaseHTTPRequestHandler):
    timeout = 5

    def __init__(self, text: str, *args: Any) -> None:
        self._text = text
        super().__init__(*args)

    def __getattr__(self, name: str) -> Callable[[], None]:
        # Of any method.
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        length = self.headers.get("content-length", "")
        with contextlib.suppress(OSError):
            self.rfile.read(min(int(length), _BODY_BYTES) if length.isdigit() else 0)
        body = f"{self._text}\n".encode()
        self.send_response(HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.send_header("retry-after", "1")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Print nothing: the terminal shows the error already."""
