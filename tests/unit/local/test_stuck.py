"""An edit that the process of the Worker does not take notice of is reported, once."""

from __future__ import annotations

import threading

import pytest

from cfpy.local.stuck import Attention


@pytest.fixture
def stuck() -> threading.Event:
    return threading.Event()


def attention(stuck: threading.Event, *, loaded: bool = True) -> Attention:
    made = Attention(stuck.set, patience=0.01, loading=1000)
    if loaded:
        made.event("ready")
    return made


def test_an_edit_that_is_not_heard_of_is_reported(stuck: threading.Event) -> None:
    watches = attention(stuck)
    watches.sent("src/entry.py")
    assert stuck.wait(10)
    assert watches.edited == "src/entry.py"


def test_an_edit_that_is_heard_of_is_not(stuck: threading.Event) -> None:
    watches = attention(stuck)
    watches.sent("src/entry.py")
    watches.event("heard")
    stuck.clear()
    assert not stuck.wait(0.1)


@pytest.mark.parametrize("loaded", [True, False])
def test_a_load_may_take_longer(stuck: threading.Event, loaded: bool) -> None:
    watches = attention(stuck, loaded=loaded)
    if loaded:
        watches.event("reloading")
    watches.sent("src/entry.py")
    assert not stuck.wait(0.1)
    watches.stop()
