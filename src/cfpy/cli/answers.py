"""What ``cfpy new`` and ``cfpy update`` share: answers, trust, and a pattern's messages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfpy.cli.console import Output, answering
from cfpy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cfpy.patterns.pattern import Pattern


def merge_answers(file: Path | None, options: Sequence[str]) -> dict[str, Any]:
    """Answers from a file, overridden by ``KEY=VALUE`` options.

    Raises:
        UsageError: An option has no ``=``, or the file can't be read.
    """
    from cfpy.patterns.new import read_answers_file

    answers = {} if file is None else read_answers_file(file)
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise UsageError(
                f"--answer {option!r} is not KEY=VALUE", hint="For example: --answer auth=access"
            )
        answers[key] = value
    return answers


def asks_for_trust(output: Output) -> Callable[[Pattern], bool]:
    """Asks whether a pattern may run its code, and shows all of it."""

    def ask(pattern: Pattern) -> bool:
        assert pattern.origin is not None
        output.note(f"{pattern.origin.source} ({pattern.origin.pin[:12]}) wants to run:", "bold")
        for line in pattern.unsafe:
            output.note(f"  {line}", "yellow")
        with answering(output, "Nothing was created or changed."):
            return input("Do you trust it? [y/N] ").strip().lower() in ("y", "yes")

    return ask


def tells(output: Output) -> Callable[[str], None]:
    """Shows a pattern's messages, unless --quiet is given, and stops the spinner, because a
    question may follow."""

    def tell(text: str) -> None:
        output.end_progress()
        # Remove control characters: a pattern's message must not move the cursor or change colours.
        plain = "".join(sign for sign in text.rstrip() if sign.isprintable() or sign in "\n\t")
        if plain and not output.quiet:
            output.note(plain)

    return tell
