"""Signals that end a command, whatever its main thread waits for.

Python runs a handler between two of its instructions. A signal that arrives behind the last one
before a system call is kept until that call returns, and the next line of a Worker or of a person
may never come: https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers.
So a thread sees each signal as well, and sends it again until the handler has run.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
import time
from types import FrameType

# Of signals: more than a pipe holds.
_MANY = 1 << 20
# Long enough for a handler that is about to run, and not noticed by who waits for the end.
_PAUSE_SECONDS = 0.1


class _Handled:
    """How many signals were handled."""

    count = 0
    numbers: frozenset[int] = frozenset()


def raise_on(number: signal.Signals, exception: type[BaseException]) -> None:
    """Raise ``exception`` in the main thread, which calls this, when the signal arrives."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        _Handled.count += 1
        raise exception

    _Handled.numbers |= {number}
    signal.signal(number, handle)
    _listen()


@functools.cache
def _listen() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # A full pipe has what the thread needs.
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    arguments = (reader, threading.main_thread().ident)
    threading.Thread(target=_repeat, args=arguments, daemon=True).start()


def _repeat(reader: int, main_thread: int) -> None:
    handled = 0
    while arrived := os.read(reader, _MANY):
        numbers = _Handled.numbers.intersection(arrived)
        if numbers and _Handled.count == handled:
            time.sleep(_PAUSE_SECONDS)
        while numbers and _Handled.count == handled:
            signal.pthread_kill(main_thread, min(numbers))
            time.sleep(_PAUSE_SECONDS)
        handled = _Handled.count
        _forget(reader)


def _forget(reader: int) -> None:
    """What was sent again, or came before the handler ran, was handled with the first."""
    os.set_blocking(reader, False)
    with contextlib.suppress(BlockingIOError):
        os.read(reader, _MANY)
    os.set_blocking(reader, True)
