"""A WebSocket server on loopback that greets, and sends back what it gets."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socketserver
import threading
from collections.abc import Iterator

# RFC 6455, section 1.3.
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE = 8


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        headers = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        digest = hashlib.sha1(f"{headers['sec-websocket-key']}{_GUID}".encode()).digest()
        accept = base64.b64encode(digest).decode()
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        # In the same packet as nothing else: before a client can have accepted the socket.
        self.wfile.write(_frame(1, b"welcome"))
        while head := self.rfile.read(2):
            opcode, length = head[0] & 15, head[1] & 127
            mask = self.rfile.read(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(length)))
            self.wfile.write(_frame(opcode, data))
            if opcode == _CLOSE:
                return


def _frame(opcode: int, data: bytes) -> bytes:
    return bytes([128 | opcode, len(data)]) + data


@contextlib.contextmanager
def websocket_server() -> Iterator[str]:
    """Its address, which begins with ``ws://``."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
