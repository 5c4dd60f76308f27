"""One run at a time changes a project's files and its account."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cfpy.errors import UsageError
from cfpy.project.config_file import NAMES


@contextlib.contextmanager
def alone(root: Path, config: Path | None = None) -> Iterator[None]:
    """Hold the project's lock: only one run at a time may change its account and its files.

    Args:
        root: The project's directory.
        config: Its configuration, if known.

    Raises:
        UsageError: Another run holds it.
    """
    import filelock

    path = root / ".wrangler" / "cfpy" / "account.lock"
    # Without a project, there is nothing to lock: reading it reports the error.
    if not any((root / name).is_file() for name in ([config] if config else NAMES)):
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(".gitignore")
    if not hidden.exists():
        # Not every project has .wrangler in its .gitignore.
        hidden.write_text("*\n", "utf-8")
    try:
        with filelock.FileLock(path, timeout=0):
            yield
    except filelock.Timeout:
        raise UsageError(
            "another cfpy is changing this project or its account",
            hint="Wait until it has finished.",
        ) from None
