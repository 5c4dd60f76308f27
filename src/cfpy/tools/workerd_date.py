"""The compatibility date of the pinned workerd. Pure, but for a file of the installation."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

_LOCK = Path(__file__).parent / "npm" / "package-lock.json"


def workerd_date() -> date:
    """The latest compatibility date of the pinned workerd, which its version contains; wrangler's
    default is the same."""
    lock = json.loads(_LOCK.read_text("utf-8"))
    version = str(lock["packages"]["node_modules/workerd"]["version"])
    return datetime.strptime(version.split(".")[1], "%Y%m%d").date()
