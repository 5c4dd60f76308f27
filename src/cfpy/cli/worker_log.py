"""The log of a Worker under ``cfpy dev``: for a person at a terminal, or as it is."""

from __future__ import annotations

from cfpy.cli.console import Output
from cfpy.local import log_lines
from cfpy.local.traces import is_advice_of_pyodide, readable

_Request = tuple[str, str, int]
# A Worker logs a request just before or after its answer: so many requests may be in between.
_REMEMBERED = 32


class WorkerLog:
    """Prints the log of a Worker, and each request once.

    A Worker may log its requests itself, as those of the patterns do in JSON. On a terminal such a
    line is shown as a request with the fields that the Worker added, and a traceback below it with
    the error last. Elsewhere such lines stay as they are.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        # Requests of which the Worker, or the runtime, has told.
        self._logged: list[_Request] = []
        self._answered: list[_Request] = []

    def request(self, method: str, path: str, status: int, ms: float) -> None:
        """Show a request that the runtime answered, if the Worker has not logged it itself."""
        request = (method, path, status)
        if _take(self._logged, request):
            return
        _remember(self._answered, request)
        self._output.note(f"{method} {path} {status} {ms:.0f} ms", _style(status))

    def line(self, text: str, level: str) -> None:
        """Show a line, or several, of the Worker's log."""
        if is_advice_of_pyodide(text):
            return
        line = log_lines.parse(text)
        told = bool(line and line.request and _take(self._answered, line.request))
        if line and line.request and not told:
            _remember(self._logged, line.request)
        if line is None:
            # A script that asked for JSON may look for any frame.
            shown = text if self._output.json else readable(text)
            self._output.note(shown, "red" if level == "error" else "")
        elif not self._output.notes_are_read:
            self._output.note(text, "red" if level == "error" else "")
        else:
            if not told:
                style = _style(line.request[2]) if line.request else ""
                self._output.note(line.text, "red" if line.is_bad else style)
            if line.error:
                self._output.note(line.error, "red")


def _style(status: int) -> str:
    return "red" if status >= 500 else "dim"


def _take(requests: list[_Request], request: _Request) -> bool:
    """Remove a request; whether it was there."""
    if request not in requests:
        return False
    requests.remove(request)
    return True


def _remember(requests: list[_Request], request: _Request) -> None:
    requests.append(request)
    del requests[:-_REMEMBERED]
