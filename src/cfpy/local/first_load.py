"""Reports the first load of a Worker as what it is: a start, not a reload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cfpy.local.traces import not_loaded

_Told = tuple[str, Mapping[str, Any]]


class FirstLoad:
    """Passes events on, each a kind and its data, of a runtime that listens before its Worker is
    loaded: ``ready`` only once the Worker answers, and until then a failed load as
    ``start_failed``. That which has a ``url`` comes once it listens: requests to it are answered
    with the error."""

    def __init__(self) -> None:
        self._failed = False
        self._ready: _Told | None = None
        self._answers = False

    def told(self, kind: str, data: Mapping[str, Any]) -> Iterator[_Told]:
        """The events for one event."""
        if kind == "reload_failed":
            yield self._not_loaded(data)
        elif kind == "ready" and self._failed:
            self._ready = (kind, data)
            waits = f"Waiting for a fix. Until then {data['url']} answers with the error."
            yield "start_failed", {"text": waits, "url": data["url"]}
        elif kind == "reloaded" and not self._answers:
            self._answers, self._failed = True, False
            yield self._ready or (kind, data)
        else:
            self._answers = self._answers or kind == "ready"
            yield kind, data

    def _not_loaded(self, data: Mapping[str, Any]) -> _Told:
        self._failed = not self._answers
        kind, what = "start_failed", "the Worker can't start"
        if self._answers:
            kind, what = "reload_failed", "reload failed"
        return kind, {**data, "text": not_loaded(str(data["text"]), what)}
