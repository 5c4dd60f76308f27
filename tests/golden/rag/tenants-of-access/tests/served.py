"""The application behind HTTP, on a network that is not always well."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from access.tokens import HEADER
from client import Client
from fakes import World
from services import TOKEN

Fault = Callable[[http.server.BaseHTTPRequestHandler, bytes], None]


@dataclass
class Server:
    """The application behind HTTP. Each request takes one of the ``faults`` first, if there are."""

    faults: list[Fault | None] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    url: str = ""
    _world: World | None = None

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        self.sizes.append(len(body))
        fault = self.faults.pop(0) if self.faults else None
        if fault is None:
            # SQLite is used by the thread that opened it, and no other.
            self._world = self._world or World()
            # As Access does, for the people and machines that it lets in.
            headers = {HEADER.lower(): TOKEN}
            if "content-type" in handler.headers:
                headers["content-type"] = handler.headers["content-type"]
            sent = body if handler.command == "POST" else None
            path, _, query = unquote(handler.path).partition("?")
            more = {
                "headers": headers,
                "parameters": dict(parse_qsl(query, keep_blank_values=True)),
            }
            fault = answer(*self._world.call(handler.command, path, sent, **more))
        fault(handler, body)

    def documents(self) -> list[str]:
        """The ids that it holds."""
        reply = Client(self.url).call("GET", "/documents")
        return [document["id"] for document in reply["documents"]]


def handler_of(server: Server) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.answer(self)

        def do_POST(self) -> None:
            server.answer(self)

        def do_DELETE(self) -> None:
            server.answer(self)

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler


def answer(status: int, body: Any, **headers: str) -> Fault:
    """Answers with a body: bytes, or what becomes JSON."""

    def fault(handler: http.server.BaseHTTPRequestHandler, _body: bytes) -> None:
        sent = b"" if status == 204 else body
        content = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return fault


def hang_up(handler: http.server.BaseHTTPRequestHandler, _body: bytes) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def break_off(handler: http.server.BaseHTTPRequestHandler, _body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"documents": [')


@contextmanager
def serving() -> Iterator[Server]:
    """A server that listens."""
    server = Server()
    listener = http.server.HTTPServer(("127.0.0.1", 0), handler_of(server))
    server.url = f"http://127.0.0.1:{listener.server_address[1]}"
    # Polls often: a test waits for it to end.
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    listener.shutdown()
    listener.server_close()
