"""Workers at workers.dev, for a machine that reaches the internet through a proxy."""

from __future__ import annotations

import contextlib
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path


def certified(folder: Path, *hosts: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for some hosts, and the certificate to trust, in ``folder``."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    names = ",".join(f"DNS:{host}" for host in hosts)
    subject = ["-subj", f"/CN={hosts[0]}", "-addext", f"subjectAltName={names}"]
    argv = ["openssl", "req", "-x509", *options, *subject, "-keyout", key, "-out", certificate]
    subprocess.run(argv, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


@contextlib.contextmanager
def edge(folder: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """A proxy behind which each Worker at test.workers.dev answers 200. Gives the environment of
    the machine, and the addresses that were asked for."""
    context, certificate = certified(folder, "*.test.workers.dev")
    asked: list[str] = []

    class Proxy(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            method, host, _ = self._head().split(" ", 2)
            assert method == "CONNECT"
            assert host.endswith(".test.workers.dev:443"), host
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with context.wrap_socket(self.connection, server_side=True) as secure:
                self.rfile = secure.makefile("rb")
                asked.append(host.removesuffix(":443") + self._head().split(" ", 2)[1])
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        def _head(self) -> str:
            first = self.rfile.readline().decode()
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            return first

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        "HTTPS_PROXY": f"http://127.0.0.1:{server.server_address[1]}",
        "NO_PROXY": "127.0.0.1,localhost",
        "SSL_CERT_FILE": str(certificate),
    }
    yield environment, asked
    server.shutdown()
    server.server_close()
