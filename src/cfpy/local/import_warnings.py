"""Warns about modules of the running project that no import finds, and about a main module that
answers no request."""

from __future__ import annotations

from collections.abc import Callable

from cfpy.local.local_runtime import Event
from cfpy.project.entry_class import FIX, no_entry_class
from cfpy.project.import_names import RENAME, shadowed_modules
from cfpy.project.project import Project

_LOADED = {"ready", "reloaded", "reload_failed", "start_failed"}


class ImportWarnings:
    """Passes events on; when the project was loaded, adds a warning for each module that no import
    finds, and for a main module without its class, once."""

    def __init__(self, project: Project, on_event: Callable[[Event], None]) -> None:
        self._project = project
        self._on_event = on_event
        self._told: set[str] = set()

    def __call__(self, event: Event) -> None:
        self._on_event(event)
        if event.kind not in _LOADED:
            return
        found = [f"{each.message}. {RENAME}" for each in shadowed_modules(self._project)]
        loaded = event.kind in ("ready", "reloaded")
        if loaded and (missing := no_entry_class(self._project)):
            found.append(f"{missing}. {FIX}")
        for text in found:
            if text not in self._told:
                self._told.add(text)
                self._on_event(Event("log", {"level": "warning", "text": text}))
