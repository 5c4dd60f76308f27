"""Remembers which patterns, in which version, may run code.

One line for each source, in the user's configuration directory. A source that changes is no longer
trusted: trust applies only to the version that was shown.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs

from cfpy.errors import FilesystemError
from cfpy.tools.files import write_atomically


def _file() -> Path:
    chosen = os.environ.get("CFPY_CONFIG_DIR")
    directory = Path(chosen) if chosen else platformdirs.user_config_path("cfpy", appauthor=False)
    return directory / "trusted.json"


def is_trusted(source: str, pin: str) -> bool:
    """Whether this very version (``pin``: a commit or a digest) was trusted before."""
    return _read().get(source) == pin


def trust(source: str, pin: str) -> None:
    """Remember that this version is trusted.

    Raises:
        FilesystemError: The configuration directory can't be written.
    """
    path = _file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FilesystemError(f"can't write {path}: {error.strerror or error}") from error
    write_atomically(path, json.dumps({**_read(), source: pin}, indent=2, sort_keys=True) + "\n")


def _read() -> dict[str, str]:
    try:
        found = json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError):
        # If the file is missing or damaged, nothing is trusted: that is safe, and --trust fixes it.
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
