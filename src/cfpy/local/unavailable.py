"""Answers requests while a Worker can't start: with the reason, until a fix is saved."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator

from cfpy.local.ports import LOOPBACK

_CHUNK = 2**16


@contextlib.contextmanager
def answering(reason: str) -> Iterator[int]:
    """Answer each request to a port of this machine, which the context gets, with 503 and
    ``reason``, for as long as it lasts."""
    server = _ReasonServer(reason)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield int(server.socket.getsockname()[1])
    finally:
        server.shutdown()
        server.server_close()


class _ReasonServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, reason: str) -> None:
        self.body = f"The Worker does not run: {reason}\n".encode()
        super().__init__((LOOPBACK, 0), _ReasonHandler)

    def server_bind(self) -> None:
        # Without the look-up of the host's name in HTTPServer, which may take seconds.
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = str(self.server_address[0]), 0


class _ReasonHandler(http.server.BaseHTTPRequestHandler):
    timeout = 10
    server: _ReasonServer

    def __getattr__(self, name: str) -> Callable[[], None]:
        # What the base class looks up for a method, whichever it is.
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "")
        left = int(length) if length.isdecimal() else 0
        # Otherwise a client that still sends may not read the answer.
        while left > 0 and (data := self.rfile.read(min(left, _CHUNK))):
            left -= len(data)
        self.send_response(503)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.send_header("Retry-After", "1")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the terminal shows the reason."""
