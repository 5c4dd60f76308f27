"""Warns about modules of the running project that no import finds."""

from __future__ import annotations

from collections.abc import Callable

from cfpy.local.local_runtime import Event
from cfpy.project.import_names import RENAME, shadowed_modules
from cfpy.project.project import Project

_LOADED = {"ready", "reloaded", "reload_failed", "start_failed"}


class ImportWarnings:
    """Passes events on; when the project was loaded, adds a warning for each module that no import
    finds, once."""

    def __init__(self, project: Project, on_event: Callable[[Event], None]) -> None:
        self._project = project
        self._on_event = on_event
        self._told: set[str] = set()

    def __call__(self, event: Event) -> None:
        self._on_event(event)
        if event.kind not in _LOADED:
            return
        for module in shadowed_modules(self._project):
            if module.path not in self._told:
                self._told.add(module.path)
                text = f"{module.message}. {RENAME}"
                self._on_event(Event("log", {"level": "warning", "text": text}))
