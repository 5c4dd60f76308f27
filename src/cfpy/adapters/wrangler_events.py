"""What wrangler writes about its work, as ND-JSON: WRANGLER_OUTPUT_FILE_PATH."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Deployment:
    """A version that is live. ``targets`` are where: addresses, schedules, queues. ``size`` is that
    of the upload, compressed, in bytes."""

    version_id: str
    targets: tuple[str, ...]
    size: int

    @property
    def url(self) -> str:
        """The first address, empty if there is none."""
        return next((target for target in self.targets if target.startswith("https://")), "")


def deployment_of(events: Sequence[Mapping[str, Any]]) -> Deployment | None:
    """What was deployed, if anything was."""
    for event in events:
        if event.get("type") == "deploy":
            targets = tuple(str(target) for target in event.get("targets") or ())
            size = int((event.get("bundle_size") or {}).get("gzip_bytes") or 0)
            return Deployment(str(event.get("version_id") or ""), targets, size)
    return None


def read_events(path: Path) -> list[dict[str, Any]]:
    """The events of one command, none if it wrote none. A line that a killed wrangler did not
    finish is left out."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_text("utf-8", "replace").split("\n"):
        with contextlib.suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return [event for event in found if isinstance(event, dict)]


def failure(events: Sequence[Mapping[str, Any]]) -> tuple[int, float | None]:
    """The API's code and the seconds to wait."""
    for event in reversed(events):
        if event.get("type") == "command-failed":
            wait = event.get("retry_after_ms")
            return int(event.get("code") or 0), None if wait is None else wait / 1000
    return 0, None
