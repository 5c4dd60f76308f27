"""Notices a Worker that uses the processor without a pause, such as in an endless loop: the process
that runs it can then not even take notice of the edit that ends the loop."""

from __future__ import annotations

import threading
from collections.abc import Callable

_PATIENCE_SECONDS = 5.0
# Imports may take long, and nothing else runs meanwhile.
_LOADING_SECONDS = 30.0
_LOADED = {"ready", "reloaded", "reload_failed"}


class Stuck:
    """What is put into the feed of a runtime whose process does not take notice of an edit."""


class Attention:
    """Calls ``on_stuck``, in a thread of its own, if an edit is not taken notice of in time."""

    def __init__(
        self,
        on_stuck: Callable[[], None],
        *,
        patience: float = _PATIENCE_SECONDS,
        loading: float = _LOADING_SECONDS,
    ) -> None:
        self._on_stuck = on_stuck
        self._patience = patience
        self._patience_of_load = loading
        self._loads = True
        self._waits: threading.Timer | None = None
        #: The edit that was sent last.
        self.edited = ""

    def sent(self, path: str) -> None:
        """The process was told of an edit of ``path``."""
        self.edited = path
        if self._waits is None:
            seconds = self._patience_of_load if self._loads else self._patience
            self._waits = threading.Timer(seconds, self._on_stuck)
            self._waits.daemon = True
            self._waits.start()

    def event(self, kind: str) -> None:
        """The process sent an event: for ``heard`` it has taken notice of what it was told."""
        if kind in _LOADED:
            self._loads = False
        elif kind == "reloading":
            self._loads = True
        elif kind == "heard":
            self.stop()

    def stop(self) -> None:
        """Stop waiting."""
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None
