"""Keeps what somebody else's template can take of this machine within bounds."""

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
    """A bound was reached; the message says which.

    No ``Exception``: Jinja takes any of those for a constant that can't be computed beforehand,
    and goes on.
    """


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Limit processor time, memory and the size of files.

    Only where the system can: Windows can't.

    Raises:
        TooMuchError: Inside of it, when a limit is reached.
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
    # Processor time, not time: somebody may think about a question.
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
    """What this process has mapped already, in bytes: at most, where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[0]) * resource.getpagesize()
    return 8 * 2**30
