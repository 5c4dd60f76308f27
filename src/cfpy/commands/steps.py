"""Runs changes of an account: each until the account shows it, several at once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from cfpy.errors import CfpyError, ToolTimeoutError, WranglerError

_ATTEMPTS = 4
_LONGEST_WAIT_SECONDS = 60.0
# The API's own numbers for "later": too many requests, and failures of its own.
_PASSING_CODES = (10001, 971, 10429)
# What the API and wrangler say of a name that is taken: D1, KV, R2, queues, Vectorize.
_EXISTS = ("already exists", "already taken", "already own", "duplicate_name", "duplicate title")
_UNCHANGED = "Nothing was changed."
_GO_ON = "What was done before stays. Run the same command again to go on."
_PASSING_WORDS = ("fetch failed", "connection error", "internal", "rate limit")


def run_all(
    steps: Mapping[str, Callable[[], None]], depends_on: Mapping[str, Sequence[str]], at_once: int
) -> None:
    """Run each step after those that it depends on, the longest chains first.

    A step that fails stops those that depend on it, and no other.

    Args:
        steps: What to run, by key.
        depends_on: Keys of steps, by the key of the step that comes after them.
        at_once: How many run at the same time.

    Raises:
        Exception: What the first step that failed raised, when all the others have ended.
    """
    before = {key: [other for other in depends_on.get(key, ()) if other in steps] for key in steps}
    order = TopologicalSorter(before)
    order.prepare()
    errors: list[BaseException] = []
    with ThreadPoolExecutor(at_once) as pool:
        running: dict[Future[None], str] = {}
        while order.is_active():
            ready = sorted(order.get_ready(), key=lambda key: -_length(key, before))
            running |= {pool.submit(steps[key]): key for key in ready}
            if not running:
                break  # What is left depends on a step that failed.
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                key = running.pop(future)
                if error := future.exception():
                    errors.append(error)
                else:
                    order.done(key)
    if errors:
        raise errors[0]


def _length(key: str, before: Mapping[str, Sequence[str]]) -> int:
    """How many steps the longest chain has that begins with ``key``."""
    after = [other for other, needed in before.items() if key in needed]
    return 1 + max((_length(other, before) for other in after), default=0)


@contextlib.contextmanager
def under_way() -> Iterator[None]:
    """While an account is being changed no error claims that it was not."""
    try:
        yield
    except CfpyError as error:
        error.hint = error.hint.replace(_UNCHANGED, _GO_ON)
        raise


def attempt(command: Callable[[], None], is_done: Callable[[], bool]) -> bool:
    """Run ``command``, again where it fails for a reason that passes.

    Args:
        command: One wrangler command.
        is_done: Reads the account. What counts is what is there: an answer can be lost, and
            somebody else may have been quicker.

    Returns:
        Whether it was this command, as far as can be known: it was not if the first thing that the
        API says is that what it should create exists.

    Raises:
        WranglerError: It failed, and the account does not show the change.
        ToolTimeoutError: It did not end, and neither does the account.
    """
    for number in range(_ATTEMPTS):
        try:
            command()
        except (WranglerError, ToolTimeoutError) as error:
            # Of a command that was stopped because it took too long, the answer alone may be lost.
            if is_done():
                return number > 0 or not any(said in error.message for said in _EXISTS)
            if isinstance(error, ToolTimeoutError):
                raise
            if number == _ATTEMPTS - 1 or not _passes(error):
                raise
            wait = error.retry_after if error.retry_after is not None else 2.0**number
            time.sleep(min(wait, _LONGEST_WAIT_SECONDS))
        else:
            return True
    raise AssertionError("unreachable")


def _passes(error: WranglerError) -> bool:
    """Whether an error may be gone in a moment."""
    text = (error.output or error.message).lower()
    if "sqlite" in text:
        return False  # SQL that is wrong stays so, whatever its tables are called.
    return error.api_code in _PASSING_CODES or any(word in text for word in _PASSING_WORDS)
