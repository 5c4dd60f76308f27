"""Locks the local data of a run: two runtimes that write to the same SQLite file lose requests."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from cfpy.errors import FilesystemError, UsageError

_ELSEWHERE = "Use another directory: --persist-to DIR"


@contextlib.contextmanager
def alone_with(state: Path) -> Iterator[None]:
    """Lock the local data in ``state``.

    Raises:
        UsageError: Another run uses it.
        FilesystemError: It can't be kept there.
    """
    import filelock

    lock = filelock.FileLock(state / "cfpy-dev.lock", timeout=0)
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        raise UsageError(
            f"another cfpy dev uses the data in {state}",
            hint="Stop it, or use another directory for this one: --persist-to DIR",
        ) from None
    except OSError as error:
        why = "it is not a directory" if isinstance(error, FileExistsError) else error.strerror
        raise FilesystemError(
            f"can't keep local data in {state}: {why}", hint=_ELSEWHERE
        ) from error
    try:
        _refuse_read_only(state)
        yield
    finally:
        lock.release()


def _refuse_read_only(state: Path) -> None:
    """workerd would end with a number of SQLite's, or fail each request."""
    data = state / "v3"
    places = (
        data,
        *(place for depth in ("*", "*/*", "*/*/*.sqlite") for place in data.glob(depth)),
    )
    for place in places:
        if place.exists() and not os.access(place, os.W_OK):
            raise FilesystemError(
                f"can't keep local data in {state}: {place} can't be written",
                hint=f"Correct its permissions. {_ELSEWHERE}",
            )


@contextlib.contextmanager
def alone_with_each(states: Iterable[Path], main: Path) -> Iterator[None]:
    """Lock ``states``, the data of the Workers next to the main one, which has ``main``."""
    with contextlib.ExitStack() as stack:
        for own in {*states} - {main}:
            stack.enter_context(alone_with(own))
        yield
