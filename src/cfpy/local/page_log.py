"""The log of a run in workerd for its page at ``/__cfpy``, as server-sent events."""

from __future__ import annotations

import functools
import http.server
import json
import threading
import time
from collections import deque
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import Any

from cfpy.local.local_runtime import Event
from cfpy.local.loopback import LoopbackServer

#: The names under which the Worker in front gets the address of the log, and its key.
ADDRESS = "CFPY_EVENTS_URL"
KEY = "CFPY_EVENTS_KEY"

_HISTORY = 500
# A reader that has gone is noticed when something is written to it.
_ALIVE_SECONDS = 15.0
_Line = bytes | None


class PageLog:
    """Serves the events of a run on a free loopback port, behind a random key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._history: deque[bytes] = deque(maxlen=_HISTORY)
        self._readers: set[SimpleQueue[_Line]] = set()
        self.server = LoopbackServer(functools.partial(_LogHandler, self))
        self.server.start()

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables for wrangler, which gives them to the Worker in front."""
        return {ADDRESS: f"{self.server.address}/", KEY: self.server.key}

    def add(self, event: Event) -> None:
        """Send ``event`` to the page."""
        at = round(time.time() * 1000)
        line = f"data: {json.dumps({'event': event.kind, **event.data, 'at': at})}\n\n".encode()
        with self._lock:
            self._history.append(line)
            for reader in self._readers:
                reader.put(line)

    def read(self) -> SimpleQueue[_Line]:
        """The last lines, and each new one; ``None`` is the end."""
        lines: SimpleQueue[_Line] = SimpleQueue()
        with self._lock:
            for line in self._history:
                lines.put(line)
            self._readers.add(lines)
        return lines

    def leave(self, lines: SimpleQueue[_Line]) -> None:
        """End what :meth:`read` began."""
        with self._lock:
            self._readers.discard(lines)

    def close(self) -> None:
        with self._lock:
            for reader in self._readers:
                reader.put(None)
        self.server.stop()


class _LogHandler(http.server.BaseHTTPRequestHandler):
    def __init__(self, log: PageLog, *args: Any) -> None:
        self._log = log
        super().__init__(*args)

    def do_GET(self) -> None:
        if not self._log.server.admits(self.headers.get("x-cfpy-key", "")):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        lines = self._log.read()
        try:
            while (line := self._next(lines)) is not None:
                self.wfile.write(line)
        except OSError:
            pass  # It has gone.
        finally:
            self._log.leave(lines)

    @staticmethod
    def _next(lines: SimpleQueue[_Line]) -> _Line:
        try:
            return lines.get(timeout=_ALIVE_SECONDS)
        except Empty:
            return b":\n\n"

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""
