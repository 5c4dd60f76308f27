"""The real `cfpy logs` and the real `wrangler tail`, with a stand-in for its WebSocket."""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudflare_api import CloudflareApi
from dev_process import STOP_SECONDS, interruptible

# RFC 6455, section 1.3
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
EVENT = {
    "outcome": "ok",
    "scriptName": "shop",
    "exceptions": [],
    "logs": [{"message": ["stored a file"], "level": "log", "timestamp": 1790000000000}],
    "eventTimestamp": 1790000000000,
    "event": {
        "request": {"url": "https://shop.test/files", "method": "POST", "headers": {}, "cf": {}},
        "response": {"status": 202},
    },
}


class Tail(socketserver.StreamRequestHandler):
    """Accepts a WebSocket, sends one event, and waits until the other side goes."""

    def handle(self) -> None:
        headers = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        key = hashlib.sha1((headers["sec-websocket-key"] + _GUID).encode()).digest()
        answer = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {base64.b64encode(key).decode()}",
            f"Sec-WebSocket-Protocol: {headers['sec-websocket-protocol']}",
        ]
        self.wfile.write("\r\n".join([*answer, "", ""]).encode())
        data = json.dumps(EVENT).encode()
        self.wfile.write(b"\x81\x7e" + len(data).to_bytes(2, "big") + data)
        while self.rfile.read(1):
            pass


@pytest.fixture
def tail(api: CloudflareApi) -> Iterator[None]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tail) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        api.tail_url = f"ws://127.0.0.1:{server.server_address[1]}/"
        yield
        server.shutdown()


@pytest.mark.usefixtures("tail")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_requests_and_logs_come_as_they_happen(
    options: tuple[str, ...], live: Path, cfpy: Any, api: CloudflareApi
) -> None:
    argv = [sys.executable, "-m", "cfpy", "logs", *options]
    with interruptible():
        process = subprocess.Popen(
            argv, cwd=live, env=cfpy.environment(), stdout=subprocess.PIPE, text=True
        )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "stored a file" in said and (not options or line.rstrip() == "}"):
            break
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_SECONDS) == 130
    if options:
        assert json.loads(said)["event"]["response"]["status"] == 202
    else:
        assert "POST https://shop.test/files - Ok" in said
    assert "DELETE" in api.mutations[-1], "the tail is taken away again"


def test_what_is_not_deployed_has_no_logs(make: Any, cfpy: Any) -> None:
    code, document = cfpy("logs", make("rag"))
    assert (code, document["error"]["hint"]) == (2, "cfpy up")
