"""Converts TOML values to JSON: dates and numbers that JSON does not have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any


def as_json(value: Any) -> Any:
    """A value from a TOML file, in which values that JSON does not have are converted as in
    wrangler.

    wrangler 4.164 turns the file into JSON with JavaScript's ``JSON.stringify``: dates and times
    become strings with milliseconds (``toISOString`` of ``TomlDate`` in smol-toml), and ``inf`` and
    ``nan`` become null.
    """
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, datetime | time):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
