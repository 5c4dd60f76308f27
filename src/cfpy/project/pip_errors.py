"""Reads what pip prints when it fails, and what the programs print that it runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cfpy.errors import ToolNotFoundError

_SHOWN_ERRORS = 5
_SHOWN_OUTPUT = 8
_LONGEST = 300
_OUTPUT = re.compile(r"\[\d+ lines of output\]\n(.*?)\[end of output\]", re.DOTALL)
# FailedToPrepareCandidate in pip 26: the package, and the command.
_GIT = re.compile(r"ERROR: Failed to build '([^']+)' when git ")
_LOGIN = re.compile(r"(://)[^/@\s'\"]+@")


def errors_of(stderr: str) -> str:
    """The errors of pip, or its last lines; none longer than a few rows of a terminal."""
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR")]
    shown = (lines or stderr.splitlines())[-_SHOWN_ERRORS:]
    return "\n".join(
        line if len(line) <= _LONGEST else f"{line[:_LONGEST].rstrip()} ..." for line in shown
    )


def program_output(stderr: str) -> tuple[str, ...]:
    """The last lines of the program that failed, from what pip printed without a log."""
    found = _OUTPUT.search(stderr)
    return last_lines(line.strip() for line in found[1].splitlines()) if found else ()


def last_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """The last lines of a program's output that are not empty, without the logins of URLs."""
    return tuple(_LOGIN.sub(r"\1", line) for line in lines if line)[-_SHOWN_OUTPUT:]


def git_failure(stderr: str, output: Sequence[str]) -> ToolNotFoundError | None:
    """The error if git failed, with its own reason."""
    git = _GIT.search(stderr)
    if git is None:
        return None
    return ToolNotFoundError(
        "\n".join([f"git can't get the package {git[1]}:", *(output or [errors_of(stderr)])]),
        hint="Check its address and its branch or commit in pyproject.toml, and whether git has "
        "access to it.",
    )
