"""Checks whether a Worker answers: repeats the request until it does, or the time is over.

If a host name is not in DNS, the version is not at fault: a new name at workers.dev, or a custom
domain, takes a while to appear. So this case is distinguished from a bad answer.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from cfpy.tools.http_client import HttpClient

#: Seconds that one answer, or a part of it, may take.
TIMEOUT_SECONDS = 15.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 8.0
# The host of an Access application's login: developers.cloudflare.com/cloudflare-one/
# access-controls/applications/http-apps/authorization-cookie/validating-json.
_ACCESS = ".cloudflareaccess.com"


class Clock(Protocol):
    """A clock: seconds since any start, and a way to wait."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True)
class Answer:
    """The result of one request. ``said`` describes it in words, ``resolved`` is false if the host
    has no address, ``healthy`` is whether the check passed."""

    said: str
    healthy: bool = False
    resolved: bool = True


def ask(client: HttpClient, address: str) -> Answer:
    """Send one request to ``address``. It never raises an error, because the version is already
    live."""
    try:
        answer = client.get(address)
    except (httpx.InvalidURL, ValueError):
        return Answer("it is not a valid URL")
    except httpx.HTTPError as error:
        # With a proxy, the proxy resolves the host.
        if _is_unknown_host(error) and client.proxy_of(error) is None:
            host = urlsplit(address).hostname
            return Answer(f"the name {host} is not in DNS, as seen from here", resolved=False)
        return Answer(client.describe(error))
    said = f"{answer.status_code} {answer.reason_phrase}"
    if answer.url.host.endswith(_ACCESS):
        # The client has followed its redirection.
        said = "Cloudflare Access asks for a login, so what is behind it was not asked"
        return Answer(said, healthy=True)
    if answer.status_code == 404:
        return Answer(f"{said}: it answers, but has no such resource", healthy=True)
    return Answer(said, healthy=answer.is_success)


def wait_for_answer(
    once: Callable[[], Answer],
    seconds: float,
    progress: Callable[[str], None],
    clock: Clock,
) -> Answer:
    """Repeat the check until it passes, or ``seconds`` are over.

    Args:
        once: Sends one request.
        seconds: How long it may take; with 0, there is one request.
        progress: Called with the last answer and the remaining seconds.
        clock: Tells the time and waits.

    Returns:
        The last answer.
    """
    deadline = clock.now() + seconds
    for pause in _pauses():
        answer = once()
        left = deadline - clock.now()
        if answer.healthy or left <= 0:
            return answer
        progress(f"{answer.said}; trying again for {left:.0f} s")
        clock.sleep(min(pause, left))
    raise AssertionError("unreachable")


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _is_unknown_host(error: BaseException) -> bool:
    """Whether ``error`` was caused by a host without an address: httpx wraps the socket's error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
