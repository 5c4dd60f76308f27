"""The log of `cfpy dev`: each request once, readable on a terminal, unchanged elsewhere."""

from __future__ import annotations

import io
import json
import sys

import pytest

from cfpy.cli.console import Output
from cfpy.cli.worker_log import WorkerLog

TRACE = 'Traceback (most recent call last):\n  File "src/a.py", line 1, in f\nValueError: no\n'


def request_line(path: str = "/a", status: int = 200, **more: str) -> str:
    level = "error" if more else "info"
    return json.dumps({"level": level, "method": "GET", "path": path, "status": status} | more)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error as a terminal, within the test: pytest replaces it between its phases."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("NO_COLOR", "1")
    return stream


def test_on_a_terminal_a_request_is_one_line_whichever_report_is_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = on_terminal(monkeypatch)
    log = WorkerLog(Output())
    log.line(request_line("/a", 502, error=TRACE), "log")
    log.request("GET", "/a", 502, 3.2)
    log.request("GET", "/b", 502, 3.2)
    log.line(request_line("/b", 502, error=TRACE), "log")
    shown = terminal.getvalue()
    assert shown.count("GET /a 502") == shown.count("GET /b 502") == 1
    assert shown.count(TRACE) == 2
    # The next one is another.
    log.request("GET", "/a", 502, 3.2)
    assert terminal.getvalue().count("GET /a 502") == 2


def test_on_a_terminal_an_uncaught_exception_ends_with_its_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = on_terminal(monkeypatch)
    WorkerLog(Output()).line(f"PythonError: {TRACE}    at new_error (x.js:1:2)\n", "error")
    assert terminal.getvalue() == TRACE


@pytest.mark.parametrize("output", [Output(), Output(json=True)])
def test_elsewhere_lines_stay_as_they_are(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    line = request_line("/a", 502, error=TRACE)
    log = WorkerLog(output)
    log.line(line, "log")
    log.request("GET", "/a", 502, 3.2)
    log.request("GET", "/b", 200, 3.2)
    assert capsys.readouterr().err.splitlines() == [line, "GET /b 200 3 ms"]


def test_with_json_a_terminal_is_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    WorkerLog(Output(json=True)).line(request_line(), "log")
    assert terminal.getvalue() == request_line() + "\n"


def test_lines_of_requests_that_never_end_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    log = WorkerLog(Output())
    for number in range(40):
        log.line(request_line(f"/{number}"), "log")
    log.request("GET", "/0", 200, 1.0)
    log.request("GET", "/39", 200, 1.0)
    shown = terminal.getvalue().splitlines()
    assert shown.count("GET /0 200") == 1
    assert "GET /0 200 1 ms" in shown
    assert "GET /39 200 1 ms" not in shown


def test_advice_that_is_wrong_in_a_worker_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    log = WorkerLog(Output())
    for line in (
        "The module 'yaml' is included in the Pyodide distribution, but it is not installed.",
        "You can install it by calling:",
        '  await micropip.install("pyyaml") in Python, or',
        '  await pyodide.loadPackage("pyyaml") in JavaScript',
        "See https://pyodide.org/en/stable/usage/loading-packages.html for more details.",
        "The module is loaded.",
    ):
        log.line(line, "error")
    assert capsys.readouterr().err == "The module is loaded.\n"
