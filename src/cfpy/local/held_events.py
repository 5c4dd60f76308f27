"""Keeps what a runtime prints until it is clear whether that matters."""

from __future__ import annotations

from collections.abc import Callable

from cfpy.local.local_runtime import Event


class Held:
    """Forwards events. With ``when_ready``, which is called then, it keeps the output of a runtime
    until that is ready: if another one is tried next, the errors of the first one are not shown."""

    def __init__(
        self, on_event: Callable[[Event], None], when_ready: Callable[[], None] | None
    ) -> None:
        self._on_event = on_event
        self._when_ready = when_ready
        self._hold = when_ready is not None
        self._held: list[Event] = []

    def __call__(self, event: Event) -> None:
        if self._hold and event.kind == "log":
            self._held.append(event)
            return
        if self._hold and self._when_ready and event.kind == "ready":
            self._when_ready()
        self.release()
        self._on_event(event)

    def release(self) -> None:
        """Forward the kept events, and keep no more."""
        self._hold = False
        for event in self._held:
            self._on_event(event)
        self._held.clear()
