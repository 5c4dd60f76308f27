"""How work grows with its input: a ratio, as no two machines take the same time."""

from __future__ import annotations

import time
from collections.abc import Callable

TIMES = 8


def growth(work: Callable[[int], object], size: int) -> float:
    """How much more processor time ``TIMES`` as much input takes.

    Work that goes through its input once takes ``TIMES`` as much, work that goes through all of it
    again at each step ``TIMES ** 2``.
    """

    def seconds(amount: int) -> float:
        started = time.process_time()
        work(amount)
        return time.process_time() - started

    small = min(seconds(size) for _ in range(3))
    return min(seconds(TIMES * size) for _ in range(2)) / max(small, 1e-4)
