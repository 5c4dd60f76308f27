"""Checks whether a server can listen on a port of this machine."""

from __future__ import annotations

import errno
import socket

from cfpy.errors import UsageError

TAKEN_HINT = "Stop the program that uses it, or choose another --port."


def refuse_taken(host: str, port: int) -> None:
    """Fail early if ``port`` of ``host`` is in use; 0 is any free port.

    The server reports other faults of an address when it starts.

    Raises:
        UsageError: It is taken.
    """
    if not port:
        return
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )
        with socket.socket(family, kind, protocol) as probe:
            # As in servers: a port whose last connection was just closed is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} of {host} is in use"
            raise UsageError(message, hint=TAKEN_HINT) from None
