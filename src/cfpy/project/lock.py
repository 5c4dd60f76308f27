"""One run at a time changes a project's files and its account."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cfpy.errors import FilesystemError, UsageError
from cfpy.project.config_file import NAMES


@contextlib.contextmanager
def alone(root: Path, config: Path | None = None, *, dry_run: bool = False) -> Iterator[None]:
    """Hold the project's lock: only one run at a time may change its account and its files.

    Args:
        root: The project's directory.
        config: Its configuration, if known.
        dry_run: Whether this run changes nothing: then it needs no lock, and no file for one.

    Raises:
        UsageError: Another run holds it.
        FilesystemError: The lock can't be created.
    """
    import filelock

    path = root / ".wrangler" / "cfpy" / "account.lock"
    # Without a project, there is nothing to lock: reading it reports the error.
    if dry_run or not any((root / name).is_file() for name in ([config] if config else NAMES)):
        yield
        return
    lock = filelock.FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = path.with_name(".gitignore")
        if not hidden.exists():
            # Not every project has .wrangler in its .gitignore.
            hidden.write_text("*\n", "utf-8")
        lock.acquire()
    except filelock.Timeout:
        raise UsageError(
            "another cfpy is changing this project or its account",
            hint="Wait until it has finished.",
        ) from None
    except OSError as error:
        raise FilesystemError(
            f"can't write {error.filename or path}: {error.strerror or error}",
            hint="cfpy keeps its lock there. Nothing was changed.",
        ) from error
    try:
        yield
    finally:
        lock.release()
