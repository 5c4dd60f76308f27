"""What `cfpy dev` says when it is ready."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cfpy.cli.commands.dev import DevView, cron_url
from cfpy.cli.console import Output
from cfpy.local.choosing import attempts
from cfpy.local.dev import DevInfo
from cfpy.local.local_runtime import Event
from cfpy.local.only_workerd import NEEDS_WORKERD
from cfpy.local.preparation import Runtime


def banner(
    capsys: pytest.CaptureFixture[str],
    *,
    delay: float | None = None,
    crons: tuple[str, ...] = (),
    documents: str = "",
) -> str:
    info = DevInfo(Runtime.NODE, "", "", "", delay, crons, "", Path("state"), {}, documents)
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


@pytest.mark.parametrize("as_json", [False, True])
def test_each_reason_is_told_once(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    view = DevView(Output(json=as_json))
    left_out = {"LISTS": f"it needs {NEEDS_WORKERD}", "PG": "it needs an address"}
    for _ in range(3):
        note = "for a long reason"
        view.start(DevInfo(Runtime.NODE, note, "", "", None, (), "", Path("state"), left_out))
        view.event(Event("ready", {"url": "http://127.0.0.1:8787/"}))
    captured = capsys.readouterr()
    assert (captured.out + captured.err).count("long reason") == 1
    said = "What uses LISTS fails with this runtime, and works with --runtime workerd\n"
    assert captured.err.count(said) == 1
    if not as_json:
        assert captured.out.count("Not available") == 1
        assert "LISTS" not in captured.out


def test_a_second_runtime_says_why_the_first_is_not_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = DevView(Output())
    for runtime, reason in attempts(Runtime.AUTO, ""):
        view.start(DevInfo(runtime, reason, "", "", None, (), "", Path("state"), {}))
    first, second = capsys.readouterr().err.splitlines()
    assert first == "Starting the workerd runtime..."
    assert re.match("Starting the node runtime: workerd could not download Pyodide", second)


def test_a_start_that_failed_is_told_without_a_banner(capsys: pytest.CaptureFixture[str]) -> None:
    view = DevView(Output())
    view.event(Event("start_failed", {"text": "the Worker can't start: src/entry.py:1: x"}))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "the Worker can't start: src/entry.py:1: x\n")


def test_it_says_what_converts_documents(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Documents pypdf, mammoth" in banner(capsys, documents="pypdf, mammoth")
    assert "Documents" not in banner(capsys)
