"""Limits the resources that somebody else's template can use on this machine."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

_SECONDS = 10.0
_BYTES_MORE = 2 * 2**30
_LARGEST_FILE = 200_000_000


class TooMuchError(BaseException):
    """A limit was reached; the message names it.

    Not an ``Exception``: Jinja takes those as a sign that a constant can't be computed in advance,
    and continues.
    """


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Limit processor time, memory and the size of files.

    Does nothing on systems without limits, such as Windows.

    Raises:
        TooMuchError: Inside the block, when a limit is reached.
    """
    if sys.platform == "win32":
        yield
        return
    import resource

    limits = {
        resource.RLIMIT_AS: _address_space() + _BYTES_MORE,
        resource.RLIMIT_FSIZE: _LARGEST_FILE,
    }
    before = {kind: resource.getrlimit(kind) for kind in limits}
    # Processor time, not elapsed time: the user may think about a question.
    handler = signal.signal(signal.SIGVTALRM, _too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS, 1.0)
    try:
        for kind, (soft, hard) in before.items():
            wanted = limits[kind] if soft == resource.RLIM_INFINITY else min(soft, limits[kind])
            resource.setrlimit(kind, (wanted, hard))
        yield
    except MemoryError:
        raise TooMuchError("takes too much memory") from None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, handler)
        for kind, limit in before.items():
            resource.setrlimit(kind, limit)


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TooMuchError("takes too long")


def _address_space() -> int:
    """The bytes that this process has already mapped; the maximum if the system does not report
    it."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[0]) * resource.getpagesize()
    return 8 * 2**30
