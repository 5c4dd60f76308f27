"""Whether a Worker answers: asked again until it does, or for as long as that may take.

A name that is not in DNS says nothing of the version behind it: a new name at workers.dev, or a
custom domain, takes a while to be known. So that is told apart from an answer that is bad.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from cfpy.adapters.http_client import HttpClient

#: How long one answer, or a part of it, may take.
TIMEOUT_SECONDS = 15.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 8.0


class Clock(Protocol):
    """What tells the time, in seconds from any start, and waits."""

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
    """What came of asking once. ``said`` is that in words, ``resolved`` is false if the host has no
    address, ``healthy`` says whether the Worker answers as it should."""

    said: str
    healthy: bool = False
    resolved: bool = True


def ask(client: HttpClient, address: str) -> Answer:
    """Ask ``address`` once. What comes of it is never an exception: the version is live."""
    try:
        answer = client.get(address)
    except (httpx.InvalidURL, ValueError):
        return Answer("it is not an address that can be asked")
    except httpx.HTTPError as error:
        # By a proxy it is the proxy that finds the host.
        if _is_unknown_host(error) and client.proxy_of(error) is None:
            host = urlsplit(address).hostname
            return Answer(f"the name {host} is not in DNS, as seen from here", resolved=False)
        return Answer(client.describe(error))
    said = f"{answer.status_code} {answer.reason_phrase}"
    if answer.status_code == 404:
        return Answer(f"{said}: it answers, and has no such resource", healthy=True)
    return Answer(said, healthy=answer.is_success)


def wait_for_answer(
    once: Callable[[], Answer],
    seconds: float,
    progress: Callable[[str], None],
    clock: Clock,
) -> Answer:
    """Ask until the answer is as it should be, or ``seconds`` are over.

    Args:
        once: Asks once.
        seconds: How long it may take; with 0 it is asked once.
        progress: Told what the last answer was and how many seconds are left.
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
        progress(f"{answer.said}; asking again, for {left:.0f} s more")
        clock.sleep(min(pause, left))
    raise AssertionError("unreachable")


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _is_unknown_host(error: BaseException) -> bool:
    """Whether ``error`` comes of a host that has no address: httpx wraps what the socket said."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
