"""Colours: none with NO_COLOR, and no spaces at the end of a line with them."""

from __future__ import annotations

import io
import re
import sys

import pytest
from rich.text import Text

from cfpy.cli import drawing
from cfpy.cli.console import Output
from cfpy.cli.tree_view import draw_files

ROWS = (("x", "node", "a sentence of several words"), ("ok", "a-much-longer-name", "short"))
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
# With a terminal, the spinner begins with it.
_HIDE_CURSOR = "\x1b[?25l"
FILES = ["README.md", "src/a-file-with-a-very-long-name-indeed.py", "src/deep/er/and/deeper/x.py"]


class Stream(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(monkeypatch: pytest.MonkeyPatch, columns: int, terminal: bool = True) -> str:
    stream = Stream() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    output = Output()
    for header in (True, False):
        table = drawing.table("sign", "name", "meaning", header=header)
        for row in ROWS:
            first, *others = row
            table.add_row(Text(first, style="bold red"), *(Text(c, style="dim") for c in others))
        table.add_row(Text("end", style="bold"), Text("", style="dim"), "")
        output.show(table)
    output.show(Text("bold", style="bold"), *draw_files("mine", FILES, whole=True))
    output.prose("a sentence " * 20, style="green")
    output.note("a note", "yellow")
    output.error("usage", 2, "an error", "a hint")
    output.progress("Doing it")
    output.end_progress()
    return stream.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("columns", [20, 40, 80])
def test_no_color_wins(columns: int, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in drawn(monkeypatch, columns, terminal)


def test_an_empty_no_color_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[1m" in drawn(monkeypatch, 80)


@pytest.mark.parametrize("columns", range(10, 90, 5))
def test_no_line_ends_with_spaces(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = drawn(monkeypatch, columns)
    assert "\x1b[" in text
    plain = _STYLE.sub("", text.partition(_HIDE_CURSOR)[0]).splitlines()
    assert [line for line in plain if line != line.rstrip(" ")] == []


@pytest.mark.parametrize("columns", [1, 20, 80])
def test_a_tree_is_never_cropped(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _STYLE.sub("", drawn(monkeypatch, columns))
    for name in {part for file in FILES for part in file.split("/")}:
        assert name in text


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_prose_breaks_between_words(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    lines = [line for line in drawn(monkeypatch, columns).splitlines() if "sentence a" in line]
    assert lines
    for line in lines:
        assert len(line) <= min(columns, 100)
        assert {"a", "sentence"} >= set(line.split())
