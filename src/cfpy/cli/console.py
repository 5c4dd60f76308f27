"""All output, for people and scripts: text drawn by rich, or one JSON document.

Data goes to standard output, everything else (progress, errors, logs) to standard error. rich is
imported only if there is something to draw, never for ``--help``. All output is redacted: it does
not contain the known secrets of this run.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

from cfpy.errors import CancelledError
from cfpy.tools.invocation import Invocation
from cfpy.tools.redaction import KnownSecrets

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.status import Status

#: Version of the ``--json`` envelope. It stays for additions and goes up for other changes.
ENVELOPE_VERSION = 1
# The width of output that does not go to a terminal: more than any row needs.
_NO_LIMIT = 1_000_000
# The longest line of prose.
_PROSE = 100


# Spaces and styles at the end of a line.
_LINE_END = re.compile(r"(?: |\x1b\[[0-9;]*m)+$", re.MULTILINE)


def _without_spaces(end: re.Match[str]) -> str:
    return end[0].replace(" ", "")


def _no_color() -> bool:
    """Whether no escape codes are wanted, also where FORCE_COLOR is set: no-color.org."""
    return bool(os.environ.get("NO_COLOR"))


def has_terminal() -> bool:
    """Whether there is a terminal to ask on."""
    return _is_terminal(sys.stdin) and _is_terminal(sys.stdout)


def _is_terminal(stream: TextIO | None) -> bool:
    # A stream that was closed before Python started is ``None``.
    return stream is not None and stream.isatty()


@contextlib.contextmanager
def answering(output: Output, outcome: str) -> Iterator[None]:
    """While a question waits for its answer: Ctrl-C and Ctrl-D cancel the command.

    Raises:
        CancelledError: One of them was pressed; ``outcome`` is what that means.
    """
    try:
        yield
    except (EOFError, KeyboardInterrupt):
        output.note("")  # The cursor is still behind the question.
        raise CancelledError(outcome) from None


@dataclass
class Output:
    """The output of one run of the command line.

    ``json`` is set by the ``--json`` option of a command, ``quiet`` (no progress) and ``verbose``
    (each command that is started) by options of cfpy itself. A command sets ``lasts`` once it runs
    until Ctrl-C, which then is not an error. ``command`` is the name of the command, such as
    ``env add``; empty if it is not known. ``invocation`` has the options that select the project:
    every command line that is shown as a next step is built from it. ``config`` is the
    configuration file that the command uses; each JSON document names it. ``secrets`` are values
    that are never printed.
    """

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    lasts: bool = False
    command: str = ""
    invocation: Invocation = field(default_factory=Invocation)
    config: Path | None = None
    secrets: KnownSecrets = field(default_factory=lambda: KnownSecrets.of_environment(os.environ))
    _status: Status | None = field(default=None, repr=False)

    def data(self, command: str, data: Mapping[str, Any]) -> None:
        """Print the JSON document of a successful command."""
        self.end_progress()
        if self.config is not None:
            data = {"config": str(self.config), **data}
        document = {"version": ENVELOPE_VERSION, "command": command, "ok": True, "data": data}
        _print_json(self.secrets.redact_all(_resolved(document, self.invocation)))

    def error(self, code: str, exit_code: int, message: str, hint: str) -> None:
        """Print an error: as the JSON document, or as text on standard error."""
        self.end_progress()
        message = self.secrets.redact(self.invocation.resolve(message))
        hint = self.secrets.redact(self.invocation.resolve(hint))
        if self.json:
            error = {"code": code, "exit_code": exit_code, "message": message, "hint": hint}
            # If standard output failed, report it on standard error.
            with contextlib.suppress(OSError):
                named = {"version": ENVELOPE_VERSION, "command": self.command, "ok": False}
                _print_json({**named, "error": error})
                return
        from rich.text import Text

        console = self._console(stderr=True)
        console.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
        if hint:
            console.print(Text.assemble(("  next: ", "bold"), hint), soft_wrap=True)

    def show(self, *renderables: RenderableType) -> None:
        """Draw on standard output."""
        self.end_progress()
        from rich.table import Table

        from cfpy.cli.drawing import fitted

        console = self._console(stderr=False)
        for renderable in renderables:
            _resolve_texts(renderable, self.invocation)
            # Lines of text and trees are not wrapped, so that they can be pasted and piped; tables
            # fit the window.
            if not isinstance(renderable, Table):
                self._console(stderr=False, width=_NO_LIMIT).print(renderable, soft_wrap=True)
                continue
            with console.capture() as drawn:
                console.print(fitted(renderable, console))
            console.file.write(_LINE_END.sub(_without_spaces, drawn.get()))

    def prose(self, text: str, *, style: str = "", indent: str = "") -> None:
        """Print a sentence on standard output, with line breaks only between words, also where
        there is no terminal: never for what is pasted or parsed."""
        from textwrap import wrap

        from rich.text import Text

        text = self.invocation.resolve(text)
        width = min(self._console(stderr=False).width, _PROSE)
        wrapped = wrap(
            text,
            max(width, len(indent) + 1),
            initial_indent=indent,
            subsequent_indent=f"{indent}  " if indent else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        self.show(Text("\n".join(wrapped), style=style))

    @property
    def notes_are_read(self) -> bool:
        """Whether a person reads the notes: they go to a terminal, and no script asked for JSON."""
        return not self.json and _is_terminal(sys.stderr)

    def note(self, text: str, style: str = "") -> None:
        """Print a line on standard error."""
        self.end_progress()
        from rich.text import Text

        text = self.invocation.resolve(text)
        self._console(stderr=True).print(Text(text, style=style), soft_wrap=True)

    def progress(self, text: str) -> None:
        """Show the current step: with a spinner on a terminal, else as a line."""
        if self.quiet:
            return
        text = self.invocation.resolve(text)
        if not _is_terminal(sys.stderr) or _no_color():
            _print_line(f"{self.secrets.redact(text)}...")
            return
        if self._status is None:
            self._status = self._console(stderr=True).status(text)
            self._status.start()
        else:
            self._status.update(text)

    def uses(self, config: Path, *, unclear: bool) -> None:
        """Remember which configuration file the command uses; print it with --verbose, or if the
        user may expect another one."""
        self.config = config
        if self.verbose or (unclear and not self.quiet):
            self.end_progress()
            _print_line(f"Using {config}")

    def started(self, line: str) -> None:
        """Print a command that was started, with --verbose."""
        if self.verbose:
            self.end_progress()
            _print_line(f"$ {self.secrets.redact(line)}")

    def end_progress(self) -> None:
        """Remove the spinner."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _console(self, *, stderr: bool, width: int | None = None) -> Console:
        from rich.console import Console

        stream = sys.stderr if stderr else sys.stdout
        # rich would still write bold and dim.
        colors: Literal["auto"] | None = None if _no_color() else "auto"
        if stream is None:
            return Console(stderr=stderr, highlight=False)
        file = cast("TextIO", _Redacting(stream, self.secrets))
        # With forced colours and a width, draw as for a terminal.
        if not _is_terminal(stream) and not {"FORCE_COLOR", "COLUMNS"} <= os.environ.keys():
            # Programs that read a pipe or a file expect each row on one line.
            width = _NO_LIMIT
        if stderr:
            return Console(file=file, width=width, highlight=False, color_system=colors)
        from cfpy.cli.drawing import Piped

        return Piped(file=file, width=width, highlight=False, color_system=colors)


def _resolved(data: Any, invocation: Invocation) -> Any:
    """A document whose marked commands are command lines of this run."""
    if isinstance(data, str):
        return invocation.resolve(data)
    if isinstance(data, Mapping):
        return {key: _resolved(value, invocation) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_resolved(value, invocation) for value in data]
    return data


def _resolve_texts(renderable: object, invocation: Invocation) -> None:
    """The same for what is drawn: lines, and the cells of a table."""
    from rich.table import Table
    from rich.text import Text

    if isinstance(renderable, Table):
        for column in renderable.columns:
            for number, cell in enumerate(column._cells):
                if isinstance(cell, str):
                    column._cells[number] = invocation.resolve(cell)
                _resolve_texts(cell, invocation)
    elif isinstance(renderable, Text):
        resolved = invocation.resolve(renderable.plain)
        if resolved != renderable.plain:
            renderable.plain = resolved


class _Redacting:
    """A stream that redacts secrets. Everything else is delegated."""

    def __init__(self, stream: TextIO, secrets: KnownSecrets) -> None:
        self._stream = stream
        self._secrets = secrets

    def write(self, text: str) -> int:
        return self._stream.write(self._secrets.redact(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _print_line(text: str) -> None:
    """Print a line on standard error, in one piece: steps that run at once do the same."""
    print(f"{text}\n", end="", file=sys.stderr, flush=True)


def _print_json(document: Mapping[str, Any]) -> None:
    import json

    # Answers may be dates, which YAML has and JSON does not.
    print(json.dumps(document, ensure_ascii=False, default=str), flush=True)
