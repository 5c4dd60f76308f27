"""Reads the events that wrangler writes as ND-JSON to WRANGLER_OUTPUT_FILE_PATH."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Deployment:
    """A version: a live one, or one that was uploaded and has no ``targets``. They are its URLs,
    schedules and queues. ``size`` is the compressed size of the upload, in bytes."""

    version_id: str
    targets: tuple[str, ...]
    size: int

    @property
    def url(self) -> str:
        """The first URL, empty if there is none."""
        return next((target for target in self.targets if target.startswith("https://")), "")


def deployment_of(events: Sequence[Mapping[str, Any]]) -> Deployment | None:
    """The deployment or the uploaded version in ``events``, if there is one."""
    for event in events:
        if event.get("type") in ("deploy", "version-upload"):
            targets = tuple(str(target) for target in event.get("targets") or ())
            size = int((event.get("bundle_size") or {}).get("gzip_bytes") or 0)
            return Deployment(str(event.get("version_id") or ""), targets, size)
    return None


def read_events(path: Path) -> list[dict[str, Any]]:
    """The events of one command; empty if it wrote none. An unfinished line of a killed wrangler is
    left out."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_text("utf-8", "replace").split("\n"):
        with contextlib.suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return [event for event in found if isinstance(event, dict)]


def failure(events: Sequence[Mapping[str, Any]]) -> tuple[int, float | None]:
    """The API's error code and the seconds to wait before a retry."""
    for event in reversed(events):
        if event.get("type") == "command-failed":
            wait = event.get("retry_after_ms")
            return int(event.get("code") or 0), None if wait is None else wait / 1000
    return 0, None
