"""A runtime that takes long to end is explained."""

from __future__ import annotations

import threading

import pytest

from cfpy.local import dev
from cfpy.local.local_runtime import Event


def test_a_slow_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev, "_SLOW_STOP_SECONDS", 0.0)
    told, said = threading.Event(), list[Event]()

    def tell(event: Event) -> None:
        said.append(event)
        told.set()

    with dev._told_if_slow(tell):
        assert told.wait(10)
    [event] = said
    assert "endless loop" in event.data["text"]


def test_a_quick_end_needs_no_words() -> None:
    said = list[Event]()
    with dev._told_if_slow(said.append):
        pass
    assert said == []
