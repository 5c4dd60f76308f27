"""Writes a file completely or not at all.

A file is replaced, which only needs permission for its directory. So whether the file itself may be
written is checked first: everything that changes a person's file asks :func:`refuse_read_only`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from cfpy.errors import FilesystemError


def refuse_read_only(path: Path) -> None:
    """Do nothing if ``path`` may be written, or does not exist.

    Raises:
        FilesystemError: It is read-only: nobody may write it, or this user may not.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    # The super-user may write everything, but a file that nobody may write is meant to stay.
    if not mode & 0o222 or not os.access(path, os.W_OK):
        raise FilesystemError(
            f"can't write {path}: it is read-only",
            hint="Nothing was changed. Allow changes of the file, then run the command again.",
        )


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Replace ``path``, or the target if it is a link; line ends and the file's mode are kept.

    Raises:
        FilesystemError: It can't be written. It was not changed.
    """
    scratch = None
    path = path.resolve()
    refuse_read_only(path)
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        with tempfile.NamedTemporaryFile(
            "w",
            dir=path.parent,
            prefix=f".{path.name}-",
            delete=False,
            encoding="utf-8",
            newline="",
        ) as file:
            scratch = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.chmod(mode)
        scratch.replace(path)
    except OSError as error:
        if scratch is not None:
            scratch.unlink(missing_ok=True)
        raise FilesystemError(
            f"can't write {path}: {error.strerror or error}", hint="The file was not changed."
        ) from error
