"""Reads wrangler's answers: its errors and its token, or that it took too long."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from cfpy.errors import (
    NotAuthenticatedError,
    NotLoggedInError,
    ProjectError,
    ToolTimeoutError,
    WranglerError,
    WranglerTimeoutError,
)
from cfpy.tools.invocation import command
from cfpy.tools.process import Completed, Runner
from cfpy.tools.toolchain import arguments_of_wrangler

_CODE = re.compile(r"\[code: (\d+)\]")
_SENTENCE = re.compile(r"^\s*(\S.*\[code: \d+\])", re.MULTILINE)
_UNVERIFIED = re.compile(r"\(/user/tokens/verify\) failed\.\s+.*\[code: 10000\]")
_LOGGED_OUT = re.compile(r"not logged in|wrangler login|CLOUDFLARE_API_TOKEN", re.IGNORECASE)
# Errors of the configuration, which wrangler reads before it does anything (readConfig in 4.164.0).
# Warnings have the same headline.
_CONFIGURATION = re.compile(
    r"ERROR\] (?:Processing [^\n]* configuration:(?P<what>.*?)(?=\n\S|\Z))"
    r"|ERROR\] (?P<flag>The `python_workers` compatibility flag[^\n]*)",
    re.DOTALL,
)
# Lines about its log files, and its own JavaScript stack: that has absolute paths, the stack of a
# Worker that fails to start does not.
_ASIDE = re.compile(
    r"Logs were written to|If you think this is a bug"
    r"|^\s+at .*(?:[( ](?:/|file:|node:|[A-Z]:\\).*:\d+:\d+|\(<anonymous>|\(index \d+)\)*$"
)
# The error that such a stack is of; it may have been told before.
_THROWN = re.compile(r"^\(?(?:error handler also failed: )?\w*Error: ")
_LINES = 15
# A failed [build]: wrangler 4.164.0 dumps the whole JavaScript error, with all the output again.
_BUILD = re.compile(r"Running custom build `(.*)` failed", re.DOTALL)
_BUILD_STATUS = re.compile(r"Process exited with non-zero status \((\w+)\)")
_BUILD_OUTPUT = re.compile(r"\[custom build\] (?!Running: )(.*\S)")
_BUILD_LINES = 20


class InTime:
    """A runner that explains the consequences if wrangler takes too long."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        try:
            return self._runner.run(argv, cwd=cwd, env=env, stdin=stdin, timeout=timeout)
        except ToolTimeoutError as error:
            arguments = arguments_of_wrangler(argv)
            words = takewhile(lambda part: not part.startswith("-"), arguments)
            raise WranglerTimeoutError(
                f"wrangler {' '.join(words)} did not finish within {timeout or 0:.0f} seconds",
                argv=("wrangler", *arguments),
                returncode=-1,
                output="",
                hint="It may have succeeded. Check the network, then run the same command "
                "again: existing resources are kept.",
            ) from error


def token_of(done: Completed, config: Path | None = None) -> str:
    """The token that ``wrangler auth token --json`` printed.

    Args:
        done: The command.
        config: The configuration that it read, if cfpy named one.

    Raises:
        ProjectError: wrangler does not accept the configuration.
        NotLoggedInError: Nobody is logged in.
        NotAuthenticatedError: It is a global API key.
        WranglerError: wrangler can't tell.
    """
    found = _json_object(done.stdout) if done.returncode == 0 else {}
    if isinstance(token := found.get("token"), str):
        return token
    if found.get("type") == "api_key":
        raise NotAuthenticatedError(
            "CLOUDFLARE_API_KEY is set. It is a global API key, which cfpy does not support",
            hint="Such a key has all your permissions. Create a token instead, at "
            "dash.cloudflare.com/profile/api-tokens, and set CLOUDFLARE_API_TOKEN to it.",
        )
    # Never show its standard output: it may contain the token.
    said = "\n".join(_told(done.stderr))
    if done.returncode and (faults := _CONFIGURATION.search(said)):
        raise ProjectError(
            f"wrangler does not accept it:\n{(faults['what'] or faults['flag']).strip()}",
            path=config or Path("the configuration"),
            hint="Fix it, then run the same command again.",
        )
    if done.returncode == 0 or not said.strip() or _LOGGED_OUT.search(said):
        raise not_logged_in()
    raise WranglerError(
        f"can't get the login from wrangler:\n{said.strip()}",
        argv=("wrangler", "auth", "token", "--json"),
        returncode=done.returncode,
        output=said.strip(),
        hint="To use no login of wrangler, set CLOUDFLARE_API_TOKEN.",
    )


def codes_in(text: str) -> list[int]:
    """The API's error codes in an error message of wrangler."""
    return [int(code) for code in _CODE.findall(text)]


def complaint(done: Completed) -> str:
    """wrangler's error, without its log files and JavaScript stacks; or a message that it printed
    nothing, as when the system killed it."""
    if failed := _BUILD.search(done.stderr):
        return _failed_build(done, failed[1])
    told = _told(done.stderr) or _told(done.stdout)
    if told:
        return "\n".join(told[-_LINES:])
    return f"wrangler printed nothing and exited with status {done.returncode}"


def api_said(done: Completed) -> str:
    """The API's own sentences in wrangler's error, in one line; or all of the error."""
    return "; ".join(dict.fromkeys(_SENTENCE.findall(done.stderr))) or complaint(done)


def token_is_dead(done: Completed) -> bool:
    """Whether wrangler could not even find out what kind of token it is. After an error it asks who
    is logged in."""
    return bool(_UNVERIFIED.search(done.stderr))


def _told(text: str) -> list[str]:
    lines: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        thrown = _THROWN.sub("", line)
        again = thrown != line and any(thrown in earlier for earlier in lines)
        if not again and not _ASIDE.search(line):
            lines.append(line.rstrip())
    return lines


def _failed_build(done: Completed, line: str) -> str:
    """The command of a [build], its exit code, and its last lines."""
    status = _BUILD_STATUS.search(done.stderr)
    how = f"exited with status {status[1]}" if status else "could not run"
    if status and not status[1].isdigit():
        how = "was killed"
    output = _BUILD_OUTPUT.findall(done.stdout)[-_BUILD_LINES:]
    return "\n".join([f"the command of [build] {how}: {line}", *(f"  {text}" for text in output)])


def _json_object(text: str) -> Mapping[str, Any]:
    """The JSON object at the end of ``text``; empty if there is none."""
    for start in (found.start() for found in re.finditer(r"^\{", text, re.MULTILINE)):
        with contextlib.suppress(ValueError):
            document = json.loads(text[start:])
            return document if isinstance(document, dict) else {}
    return {}


def not_logged_in() -> NotLoggedInError:
    """The error if there is no login."""
    return NotLoggedInError(
        "nobody is logged in to Cloudflare",
        hint=f"Run {command('wrangler', 'login')}, or set CLOUDFLARE_API_TOKEN.",
    )
