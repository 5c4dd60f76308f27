"""Listens at an address of this machine."""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import Any

from cfpy.errors import UsageError

TAKEN_HINT = "Stop the program that uses it, or choose another --port; --port 0 picks a free one."
_HOST_HINT = "Choose another --host: 127.0.0.1 for this machine alone, 0.0.0.0 for its network."
#: Every address, as miniflare and wrangler write it.
EVERY = "*"
#: Where only this machine reaches a server.
LOOPBACK = "127.0.0.1"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``, as in ``hasPage`` of ``page_answer.mjs``."""
    return host in ("127.0.0.1", "localhost", "::1", "[::1]")


def accessible(host: str) -> str:
    """How a URL names ``host`` for this machine, as Miniflare does (getAccessibleHost in its
    5.20261117.0-beta)."""
    if host in (EVERY, "0.0.0.0", "::"):  # noqa: S104 - nothing listens here
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def listen(host: str, port: int) -> tuple[socket.socket, ...]:
    """Sockets that listen on ``port`` of ``host``, one for each of its addresses; 0 is any free
    port.

    Raises:
        UsageError: The port is taken or not allowed, or the host is not one of this machine.
    """
    try:
        first, *others = socket.getaddrinfo(
            None if host == EVERY else host,
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        found = [_listening(first[0], first[4])]
    except (socket.gaierror, UnicodeError):
        raise UsageError(f"can't find the address of --host {host!r}", hint=_HOST_HINT) from None
    except OSError as error:
        raise _refusal(host, port, error) from None
    chosen = found[0].getsockname()[1]
    for family, _, _, _, address in others:
        # The first one is enough: a machine may have no IPv6.
        with contextlib.suppress(OSError):
            found.append(_listening(family, (address[0], chosen, *address[2:])))
    return tuple(found)


def _listening(family: int, address: Any) -> socket.socket:
    server = socket.socket(family, socket.SOCK_STREAM)
    try:
        # As in servers: a port whose last connection was just closed is free.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        server.listen()
    except BaseException:
        server.close()
        raise
    return server


def _refusal(host: str, port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE and port == 0:
        return UsageError(f"no port of {host} is free", hint=_HOST_HINT)
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"port {port} of {host} is in use", hint=TAKEN_HINT)
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = "Choose a --port from 1024 up: lower ones often need the rights of the system."
        return UsageError(f"this user may not listen on port {port} of {host}", hint=hint)
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return UsageError(f"{host} is not an address of this machine", hint=_HOST_HINT)
    message = f"can't listen on port {port} of {host}: {error.strerror or error}"
    return UsageError(message, hint=_HOST_HINT)
