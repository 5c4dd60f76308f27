"""What `cfpy dev` says when it is ready."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.cli.commands.dev import DevView, cron_url
from cfpy.cli.console import Output
from cfpy.local.dev import DevInfo
from cfpy.local.local_runtime import Event
from cfpy.local.preparation import Runtime


def banner(
    capsys: pytest.CaptureFixture[str], *, delay: float | None = None, crons: tuple[str, ...] = ()
) -> str:
    info = DevInfo(Runtime.NODE, "", "", "", delay, crons, "", Path("state"), {})
    view = DevView(Output())
    view.start(info)
    view.event(Event("ready", {"url": "http://127.0.0.1:8787/"}))
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("delay", "words"),
    [(2.0, "changes are visible after 2 s"), (0.25, "after 0.25 s"), (0.0, "no delay")],
)
def test_it_says_when_changes_of_an_index_are_visible(
    capsys: pytest.CaptureFixture[str], delay: float, words: str
) -> None:
    assert words in banner(capsys, delay=delay)


def test_a_project_without_an_index_or_cron_hears_of_neither(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = banner(capsys)
    assert "Ready http://127.0.0.1:8787/" in said
    assert "Vectorize" not in said
    assert "Cron" not in said


@pytest.mark.parametrize(
    ("cron", "parameter"),
    [
        ("*/10 * * * *", "*/10+*+*+*+*"),
        ("0 3 L * ?", "0+3+L+*+%3F"),
        ("0 3 * * 6#1", "0+3+*+*+6%231"),
    ],
)
def test_it_says_how_to_run_each_cron(
    capsys: pytest.CaptureFixture[str], cron: str, parameter: str
) -> None:
    address = f"http://127.0.0.1:8787/cdn-cgi/handler/scheduled?cron={parameter}"
    assert cron_url("http://127.0.0.1:8787/", cron) == address
    assert f"{cron}: to run it, open {address}" in banner(capsys, crons=("0 * * * *", cron))


def test_after_a_restart_only_what_is_new_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    view = DevView(Output())
    ready = Event("ready", {"url": "http://127.0.0.1:8787/"})
    shown = []
    for crons in ((), (), ("0 * * * *",), ("0 * * * *",)):
        view.start(DevInfo(Runtime.NODE, "", "", "", None, crons, "", Path("state"), {}))
        capsys.readouterr()
        view.event(ready)
        captured = capsys.readouterr()
        shown.append((captured.out.split("  ")[0].split("\n")[0], captured.err))
    again = "Ready on http://127.0.0.1:8787/\n"
    assert shown == [("Ready", ""), ("", again), ("Cron", again), ("", again)]


def test_a_start_that_failed_is_told_without_a_banner(capsys: pytest.CaptureFixture[str]) -> None:
    view = DevView(Output())
    view.event(Event("start_failed", {"text": "the Worker can't start: src/entry.py:1: x"}))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "the Worker can't start: src/entry.py:1: x\n")
