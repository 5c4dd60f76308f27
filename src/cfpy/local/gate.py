"""The port of a run, which stays open while the Worker starts, and starts again.

The runtimes listen on a port of their own each time, which only this machine reaches. A request
that comes while no Worker runs waits for the next one, as behind the proxy of ``wrangler dev``
(ProxyWorker in its 4.164.0); so does one that the end of a Worker cut off, if it only reads. Bytes
are passed on as they are: WebSockets, streams and TLS need nothing more.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from cfpy.local.ports import LOOPBACK, accessible, listen

# How long a request waits for a Worker.
_PATIENCE_SECONDS = 60.0
_EVERY_SECONDS = 0.03
_CHUNK = 2**16
# More of a request is not kept to be sent again.
_MOST_KEPT = 2**18
_REQUEST = re.compile(rb"([A-Z]+) \S+ HTTP/1\.[01]\r\n")
_NOT_YET = "The Worker is still starting. Send the request again."
_IN_BETWEEN = "The Worker started again in the middle of this request. Send it again."


class Gate:
    """Listens on ``port`` of ``host``; 0 picks a free one.

    Raises:
        UsageError: It can't.
    """

    def __init__(self, host: str, port: int, *, patience: float = _PATIENCE_SECONDS) -> None:
        self._sockets = listen(host, port)
        self._host = host
        self._patience = patience
        self.port = int(self._sockets[0].getsockname()[1])
        # The port of the Worker; ``None`` while none runs.
        self._worker: int | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()

    def open(self, port: int) -> None:
        """Pass requests on to ``port`` of this machine."""
        self._worker = port

    def hold(self) -> None:
        """Let requests wait, because the Worker is about to end."""
        self._worker = None

    def stop(self) -> None:
        """Listen no more, and close all connections."""
        self._over.set()
        self._thread.join()

    def outside(self, url: str) -> str:
        """The address of the Worker at ``url``, as others know it."""
        return f"{urlsplit(url).scheme}://{accessible(self._host)}:{self.port}/"

    async def _serve(self) -> None:
        servers = [await asyncio.start_server(self._meet, sock=each) for each in self._sockets]
        while not self._over.is_set():
            await asyncio.sleep(_EVERY_SECONDS)
        for server in servers:
            server.close()

    async def _meet(self, incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError), contextlib.closing(outgoing):
            await _Conversation(self, incoming, outgoing).run()

    async def connect(self) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to the Worker and its port; ``None`` if there was none for too long."""
        clock = asyncio.get_running_loop().time
        end = clock() + self._patience
        while clock() < end:
            if (port := self._worker) is not None:
                with contextlib.suppress(OSError):
                    return (port, *await asyncio.open_connection(LOOPBACK, port))
            await asyncio.sleep(_EVERY_SECONDS)
        return None

    def left(self, port: int) -> bool:
        """Whether the Worker at ``port`` is not the one that runs."""
        return self._worker != port


class _Conversation:
    """What one client sends, and is answered."""

    def __init__(
        self, gate: Gate, incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter
    ) -> None:
        self._gate = gate
        self._incoming = incoming
        self._outgoing = outgoing
        # What was sent since the last answer.
        self._unanswered = b""
        self._ended = False

    async def run(self) -> None:
        # A connection without a request, as browsers open them, needs no Worker yet.
        self._unanswered = await self._incoming.read(_CHUNK)
        again = bool(self._unanswered)
        while again:
            found = await self._gate.connect()
            if found is None:
                self._refuse(_NOT_YET, after=1)
                return
            port, answers, requests = found
            with contextlib.closing(requests):
                await self._exchange(answers, requests)
            again = self._is_cut_off(port)

    async def _exchange(
        self, answers: asyncio.StreamReader, requests: asyncio.StreamWriter
    ) -> None:
        """Pass on both directions, until the Worker ends the connection."""
        requests.write(self._unanswered)
        sending = asyncio.ensure_future(self._send(requests))
        try:
            while data := await _read(answers):
                self._unanswered = b""
                self._outgoing.write(data)
                await self._outgoing.drain()
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await sending

    async def _send(self, requests: asyncio.StreamWriter) -> None:
        while not self._ended:
            try:
                data = await self._incoming.read(_CHUNK)
            except OSError:
                # The Worker is to notice that nobody waits for its answer.
                requests.transport.abort()
                return
            self._ended = not data
            self._unanswered += data if len(self._unanswered) <= _MOST_KEPT else b""
            requests.write(data)
            await requests.drain()
        requests.write_eof()

    def _is_cut_off(self, port: int) -> bool:
        """Whether the Worker at ``port`` ended for another one before it answered, and the request
        can be sent again: only if it reads, as in ``wrangler dev``."""
        request = _REQUEST.match(self._unanswered)
        if request is None or not self._gate.left(port):
            return False
        if request[1] in (b"GET", b"HEAD") and len(self._unanswered) <= _MOST_KEPT:
            return True
        self._refuse(_IN_BETWEEN, after=0)
        return False

    def _refuse(self, why: str, *, after: int) -> None:
        self._outgoing.write("\r\n".join(_refusal(why, after)).encode())


async def _read(stream: asyncio.StreamReader) -> bytes:
    """What comes next; empty at the end, however that comes."""
    try:
        return await stream.read(_CHUNK)
    except OSError:
        return b""


def _refusal(why: str, after: int) -> Iterator[str]:
    yield "HTTP/1.1 503 Service Unavailable"
    yield "Content-Type: text/plain; charset=utf-8"
    yield f"Content-Length: {len(why) + 1}"
    yield f"Retry-After: {after}"
    yield "Connection: close"
    yield ""
    yield f"{why}\n"
