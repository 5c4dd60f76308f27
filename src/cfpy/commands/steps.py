"""Runs one change of an account until the account shows it."""

from __future__ import annotations

import time
from collections.abc import Callable

from cfpy.errors import WranglerError

_ATTEMPTS = 4
_LONGEST_WAIT_SECONDS = 60.0
# The API's own numbers for "later": too many requests, and failures of its own.
_PASSING_CODES = (10001, 971, 10429)
_PASSING_WORDS = ("fetch failed", "connection error", "internal", "rate limit")


def attempt(command: Callable[[], None], is_done: Callable[[], bool]) -> None:
    """Run ``command``, again where it fails for a reason that passes.

    Args:
        command: One wrangler command.
        is_done: Reads the account. What counts is what is there: an answer can be lost, and
            somebody else may have been quicker.

    Raises:
        WranglerError: It failed, and the account does not show the change.
    """
    for number in range(_ATTEMPTS):
        try:
            command()
        except WranglerError as error:
            if is_done():
                return
            if number == _ATTEMPTS - 1 or not _passes(error):
                raise
            wait = error.retry_after if error.retry_after is not None else 2.0**number
            time.sleep(min(wait, _LONGEST_WAIT_SECONDS))
        else:
            return


def _passes(error: WranglerError) -> bool:
    """Whether an error may be gone in a moment."""
    text = error.message.lower()
    return error.api_code in _PASSING_CODES or any(word in text for word in _PASSING_WORDS)
