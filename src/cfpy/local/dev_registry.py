"""The registry of the Workers that run on this machine, by which ``wrangler dev`` and ``cfpy dev``
find each other for service bindings (``getRegistryPath`` in wrangler 4.164.0 and ``DevRegistry`` in
its Miniflare)."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

#: The variable that names another folder.
REGISTRY = "WRANGLER_REGISTRY_PATH"
# A Worker writes its file again every 10 s; this old, it has ended without deleting it.
_STALE_SECONDS = 90


def registry_folder(environment: Mapping[str, str], home: Path) -> Path:
    """Where the Workers of this machine are registered: a file for each, with its name."""
    if given := environment.get(REGISTRY):
        return Path(given)
    old = home / ".wrangler"
    if old.is_dir():
        return old / "registry"
    config = "Library/Preferences" if sys.platform == "darwin" else ".config"
    return Path(environment.get("XDG_CONFIG_HOME") or home / config) / ".wrangler" / "registry"


def running_workers(folder: Path) -> frozenset[str]:
    """The names of the Workers that run now."""
    oldest = time.time() - _STALE_SECONDS
    try:
        return frozenset(file.name for file in folder.iterdir() if file.stat().st_mtime > oldest)
    except OSError:
        return frozenset()
