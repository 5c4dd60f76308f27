"""Remembers that workerd could not download its Pyodide bundle on this machine."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from cfpy.tools.toolchain import cache_directory

# How long a failed download is remembered, in seconds.
_RETRY_AFTER = 24 * 3600.0
#: Why another runtime is used, and what to do, for the banner.
NOT_DOWNLOADED = (
    "workerd could not download Pyodide, its Python; cfpy tries again after 24 hours, or now with "
    "--runtime workerd"
)


def was_missing() -> bool:
    """Whether the last download failed, and was not long ago."""
    with contextlib.suppress(OSError):
        # It is negative if the clock was set back.
        return 0 <= time.time() - _marker().stat().st_mtime < _RETRY_AFTER
    return False


def remember_missing() -> None:
    """A download has failed now."""
    with contextlib.suppress(OSError):
        _marker().parent.mkdir(parents=True, exist_ok=True)
        _marker().touch()


def forget_missing() -> None:
    """workerd has it now."""
    with contextlib.suppress(OSError):
        _marker().unlink(missing_ok=True)


def _marker() -> Path:
    return cache_directory() / "workerd-bundle-missing"
