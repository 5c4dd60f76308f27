"""Writes a file completely or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cfpy.errors import FilesystemError


def write_atomically(path: Path, text: str) -> None:
    """Replace ``path``, or the target if it is a link; line ends and the file's mode are kept.

    Raises:
        FilesystemError: It can't be written. It was not changed.
    """
    scratch = None
    path = path.resolve()
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
