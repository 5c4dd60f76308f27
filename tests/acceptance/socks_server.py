"""A SOCKS proxy on loopback (RFC 1928, no authentication), which counts what it connects."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Iterator


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        client: socket.socket = self.request
        _, count = client.recv(2)
        client.recv(count)
        client.sendall(b"\x05\x00")
        _, command, _, kind = client.recv(4)
        assert command == 1
        if kind == 1:
            host = socket.inet_ntoa(client.recv(4))
        else:
            assert kind == 3
            host = client.recv(client.recv(1)[0]).decode()
        port = int.from_bytes(client.recv(2), "big")
        self.server.connected.append((host, port))  # type: ignore[attr-defined]
        with socket.create_connection((host, port), timeout=30) as upstream:
            client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            with contextlib.suppress(OSError):
                _pump(client, upstream)


def _pump(one: socket.socket, other: socket.socket) -> None:
    while True:
        ready, _, _ = select.select([one, other], [], [])
        for source in ready:
            data = source.recv(65_536)
            if not data:
                return
            (other if source is one else one).sendall(data)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.connected: list[tuple[str, int]] = []


@contextlib.contextmanager
def socks_proxy() -> Iterator[_Server]:
    with _Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
