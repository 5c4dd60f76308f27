"""Reports the first load of a Worker as what it is: a start, not a reload."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from cfpy.local.traces import not_loaded

if TYPE_CHECKING:
    from cfpy.local.local_runtime import Event


class FirstLoad:
    """Passes events of a runtime on that listens before its Worker is loaded: ``ready`` only once
    the Worker answers; and until then a failed load as ``start_failed``."""

    def __init__(self) -> None:
        self._failed = False
        self._ready: Event | None = None
        self._answers = False

    def told(self, event: Event) -> Iterator[Event]:
        """The events for ``event``."""
        if event.kind == "reload_failed":
            yield self._not_loaded(event)
        elif event.kind == "ready" and self._failed:
            self._ready = event
            waits = f"Waiting for a fix. Until then {event.data['url']} answers with the error."
            yield replace(event, kind="start_failed", data={"text": waits})
        elif event.kind == "reloaded" and not self._answers:
            self._answers = True
            self._failed = False
            yield self._ready or event
        else:
            self._answers = self._answers or event.kind == "ready"
            yield event

    def _not_loaded(self, event: Event) -> Event:
        self._failed = not self._answers
        kind, what = ("start_failed", "the Worker can't start")
        if self._answers:
            kind, what = "reload_failed", "reload failed"
        text = not_loaded(str(event.data["text"]), what)
        return replace(event, kind=kind, data={**event.data, "text": text})
