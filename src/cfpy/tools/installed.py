"""Finds out where this cfpy was installed from."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from cfpy import __version__
from cfpy.tools.installation import DISTRIBUTION, Installation, Installer, parse_direct_url

# The file that each installer leaves in the environment of a tool.
_MARKS = {"pipx_metadata.json": Installer.PIPX, "uv-receipt.toml": Installer.UV_TOOL}


def installation() -> Installation:
    """This cfpy, as its installer recorded it."""
    try:
        text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or ""
    except (metadata.PackageNotFoundError, OSError, ValueError):
        # There is none, or it can't be read, or it is not in UTF-8: the origin is not known.
        text = ""
    found = [kind for name, kind in _MARKS.items() if (Path(sys.prefix) / name).is_file()]
    known = parse_direct_url(text)
    return Installation(
        __version__,
        sys.executable,
        found[0] if found else Installer.PIP,
        address=str(known.get("address", "")),
        directory=str(known.get("directory", "")),
        editable=bool(known.get("editable")),
    )
