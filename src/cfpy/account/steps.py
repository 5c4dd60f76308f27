"""Runs changes of an account: several at once, each until the account shows the change."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from cfpy.errors import CfpyError, NotAuthenticatedError, ToolTimeoutError, WranglerError

_ATTEMPTS = 4
_LONGEST_WAIT_SECONDS = 60.0
# The API's error codes for temporary failures: too many requests, and internal errors.
_PASSING_CODES = (10001, 971, 10429)
# The messages of the API and wrangler for an existing name: D1, KV, R2, queues, Vectorize.
_EXISTS = ("already exists", "already taken", "already own", "duplicate_name", "duplicate title")
_UNCHANGED = "Nothing was changed."
_GO_ON = "Completed steps stay. Run the same command again to continue."
_PASSING_WORDS = ("fetch failed", "connection error", "internal", "rate limit")


def run_all(
    steps: Mapping[str, Callable[[], None]], depends_on: Mapping[str, Sequence[str]], at_once: int
) -> None:
    """Run each step after those that it depends on, the longest chains first.

    If a step fails, only the steps that depend on it are not run.

    Args:
        steps: The steps to run, by key.
        depends_on: For each step, the keys of the steps before it.
        at_once: How many run at the same time.

    Raises:
        Exception: The error of the first step that failed, after all others have finished.
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
                break  # The remaining steps depend on one that failed.
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                key = running.pop(future)
                if error := future.exception():
                    errors.append(error)
                else:
                    order.done(key)
    if errors:
        raise errors[0]


def _length(key: str, before: Mapping[str, Sequence[str]]) -> int:
    """The length of the longest chain of steps that begins with ``key``."""
    after = [other for other, needed in before.items() if key in needed]
    return 1 + max((_length(other, before) for other in after), default=0)


@contextlib.contextmanager
def under_way() -> Iterator[None]:
    """While an account is being changed, no error may claim that nothing was changed."""
    try:
        yield
    except CfpyError as error:
        error.hint = error.hint.replace(_UNCHANGED, _GO_ON)
        raise


def attempt(command: Callable[[], None], is_done: Callable[[], bool]) -> bool:
    """Run ``command``; retry it if it fails for a temporary reason.

    Args:
        command: One wrangler command.
        is_done: Reads the account, which decides: an answer can be lost, and somebody else may have
            made the same change.

    Returns:
        Whether this command made the change, as far as that can be known: it did not if the API's
        first answer is that the resource exists.

    Raises:
        WranglerError: It failed, and the account does not show the change.
        ToolTimeoutError: It did not finish, and the account does not show the change.
    """
    for number in range(_ATTEMPTS):
        try:
            command()
        except (WranglerError, ToolTimeoutError) as error:
            # If a command was stopped because it took too long, only its answer may be lost.
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


def is_refusal(error: BaseException) -> bool:
    """Whether the API has refused what a command asked for, so that nothing was changed: no answer
    was lost."""
    if isinstance(error, NotAuthenticatedError):
        return True
    return isinstance(error, WranglerError) and bool(error.api_code) and not _passes(error)


def may_exist(error: BaseException) -> bool:
    """Whether there may be what a command could not create, although the account does not show it:
    an answer was lost, or the API says so."""
    return not is_refusal(error) or any(said in str(error) for said in _EXISTS)


def _passes(error: WranglerError) -> bool:
    """Whether an error may be temporary."""
    text = (error.output or error.message).lower()
    if "sqlite" in text:
        return False  # Wrong SQL stays wrong, even if a table's name looks like a temporary error.
    return error.api_code in _PASSING_CODES or any(word in text for word in _PASSING_WORDS)
