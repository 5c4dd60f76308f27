"""HTTP servers of cfpy itself for the Workers of a run."""

from __future__ import annotations

import http.server
import secrets
import threading
from collections.abc import Callable


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
