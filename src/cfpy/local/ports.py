"""Checks whether a server can listen at an address of this machine."""

from __future__ import annotations

import errno
import socket

from cfpy.errors import UsageError

TAKEN_HINT = "Stop the program that uses it, or choose another --port; --port 0 picks a free one."
_HOST_HINT = "Choose another --host: 127.0.0.1 for this machine alone, 0.0.0.0 for its network."
#: Every address, as miniflare and wrangler write it.
EVERY = "*"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``, as in ``hasPage`` of ``page_answer.mjs``."""
    return host in ("127.0.0.1", "localhost", "::1", "[::1]")


def refuse_unusable(host: str, port: int) -> None:
    """Fail early if no server can listen on ``port`` of ``host``; 0 is any free port.

    Raises:
        UsageError: The port is taken or not allowed, or the host is not one of this machine.
    """
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            None if host == EVERY else host,
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        with socket.socket(family, kind, protocol) as probe:
            # As in servers: a port whose last connection was just closed is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (socket.gaierror, UnicodeError):
        raise UsageError(f"can't find the address of --host {host!r}", hint=_HOST_HINT) from None
    except OSError as error:
        if port == 0 and error.errno == errno.EADDRINUSE:
            # Every free port is waiting after its last connection. The server gets one of them.
            return
        raise _refusal(host, port, error) from None


def _refusal(host: str, port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"port {port} of {host} is in use", hint=TAKEN_HINT)
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = "Choose a --port from 1024 up: lower ones often need the rights of the system."
        return UsageError(f"this user may not listen on port {port} of {host}", hint=hint)
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return UsageError(f"{host} is not an address of this machine", hint=_HOST_HINT)
    message = f"can't listen on port {port} of {host}: {error.strerror or error}"
    return UsageError(message, hint=_HOST_HINT)
