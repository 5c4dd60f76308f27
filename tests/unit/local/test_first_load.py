"""A Worker that can't be loaded at the start is not ready, and was not reloaded."""

from __future__ import annotations

from typing import Any

from cfpy.local.first_load import FirstLoad

READY = ("ready", {"url": "http://127.0.0.1:8787/"})
RELOADED = ("reloaded", {"ms": 5})
FAILED = (
    "reload_failed",
    {
        "text": "Traceback (most recent call last):\n"
        '  File "src/entry.py", line 7, in <module>\nNameError: x'
    },
)


def told(*events: tuple[str, dict[str, Any]]) -> list[tuple[str, str]]:
    first = FirstLoad()
    found = [each for event in events for each in first.told(*event)]
    return [(kind, str(data.get("text", "")).partition("\n")[0]) for kind, data in found]


def test_it_is_ready_once_it_answers() -> None:
    assert told(FAILED, READY, ("reloading", {}), FAILED, RELOADED, FAILED, RELOADED) == [
        ("start_failed", "the Worker can't start: src/entry.py:7: NameError: x"),
        (
            "start_failed",
            "Waiting for a fix. Until then http://127.0.0.1:8787/ answers with the error.",
        ),
        ("reloading", ""),
        ("start_failed", "the Worker can't start: src/entry.py:7: NameError: x"),
        ("ready", ""),
        ("reload_failed", "reload failed: src/entry.py:7: NameError: x"),
        ("reloaded", ""),
    ]


def test_requests_are_let_through_to_the_error() -> None:
    first = FirstLoad()
    found = [data.get("url", "") for event in (FAILED, READY) for _, data in first.told(*event)]
    assert found == ["", "http://127.0.0.1:8787/"]


def test_a_worker_that_loads_is_ready_at_once() -> None:
    assert told(READY, FAILED, RELOADED) == [
        ("ready", ""),
        ("reload_failed", "reload failed: src/entry.py:7: NameError: x"),
        ("reloaded", ""),
    ]


def test_a_fix_may_come_before_the_server_listens() -> None:
    assert [kind for kind, _ in told(FAILED, RELOADED, READY)] == [
        "start_failed",
        "reloaded",
        "ready",
    ]
