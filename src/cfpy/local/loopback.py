"""HTTP servers of cfpy itself for the Workers of a run."""

from __future__ import annotations

import http.server
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any


class LoopbackServer:
    """A server on a free loopback port, for programs that have its random key.

    Args:
        handler: Creates the handler of a connection, each of which has a thread.
    """

    def __init__(self, handler: Callable[..., http.server.BaseHTTPRequestHandler]) -> None:
        self.key = secrets.token_hex(32)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    @property
    def address(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def admits(self, key: str) -> bool:
        """Whether ``key`` is the key; how long this takes shows nothing of it."""
        return secrets.compare_digest(key.encode(), self.key.encode())

    def start(self) -> None:
        """Answer requests from now on, in another thread."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Answer no more, after :meth:`start`."""
        self._server.shutdown()
        self._server.server_close()


class JsonHandler(http.server.BaseHTTPRequestHandler):
    """Answers the requests of a connection in JSON, if they have the key as a bearer token."""

    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: without this, the second waits 40 ms for a delayed
    # acknowledgement.
    disable_nagle_algorithm = True
    #: The server whose key is asked for. A handler sets it before the first request.
    loopback: LoopbackServer

    def refused(self, path: str) -> bool:
        """Whether a request was answered with an error: it has another key or another path."""
        given = self.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.loopback.admits(given):
            self.fail(401, "wrong key")
        elif self.path != path:
            self.fail(404, "no such path")
        else:
            return False
        return True

    def fail(self, status: int, message: str) -> None:
        """Answer with an error."""
        # The body may not have been read, so this connection can't be reused.
        self.close_connection = True
        self.answer(status, self.error(message))

    def error(self, message: str) -> Mapping[str, Any]:
        """The document for an error, in the form of the service that this stands in for."""
        raise NotImplementedError

    def answer(self, status: int, document: Mapping[str, Any]) -> None:
        """Answer with a document."""
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Log nothing: this is cfpy's own traffic."""
