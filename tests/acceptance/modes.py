"""Folders that can't be written, also for root."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

# From linux/prctl.h and linux/capability.h.
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1


def obey_modes() -> None:
    """Before a child starts: also root may not write what its mode forbids."""
    if os.getuid() == 0:
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)


@contextlib.contextmanager
def read_only(root: Path) -> Iterator[None]:
    """Takes away the right to write below a folder for a while."""
    paths = [path for path in (root, *root.rglob("*")) if not path.is_symlink()]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(path.stat().st_mode | 0o200)
