"""Turns exceptions into messages and exit codes; the only place that does so."""

from __future__ import annotations

import errno
import os
import signal
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
import typer.core

from cfpy.cli.console import Output
from cfpy.cli.lazy import LazyGroup
from cfpy.cli.meant import say_what_is_meant
from cfpy.cli.signals import raise_on
from cfpy.errors import CfpyError, FilesystemError

_BUG = 70
_FILESYSTEM = FilesystemError.exit_code
_INTERRUPTED = 130
_AGAIN = "Run the same command again. Completed steps stay."
_TERMINATED = 143
# Errors of the disk, its permissions or what is in a place, which any command can have.
_OF_THE_DISK = frozenset(
    getattr(errno, name)
    for name in (
        *("EACCES", "EDQUOT", "EFBIG", "EIO", "ELOOP", "ENAMETOOLONG", "ENOSPC", "EPERM", "EROFS"),
        *("ESTALE", "EEXIST", "EISDIR", "ENOTDIR"),
    )
    if hasattr(errno, name)
)


class Terminated(BaseException):
    """SIGTERM as an exception, so that everything cleans up before the exit."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C.

    A separate class, because ``python -m`` exits by SIGINT instead of with cfpy's exit code if
    KeyboardInterrupt itself passes through an ``exec`` of a string, which importing a dataclass
    does.
    """


class ErrorBoundary(LazyGroup):
    """The root command group: runs a command and reports its errors."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = tuple(args)
        try:
            return list(super().parse_args(ctx, args))
        except Exception as error:
            if not _is_usage(error) or "--json" not in given:
                raise
            output = ctx.ensure_object(Output)
            output.json = True
            if getattr(error, "option_name", "") == "--json":
                output.error("usage", 2, "--json comes after a command", "See cfpy --help")
                raise typer.Exit(2) from None
            raise typer.Exit(_report_usage(output, error)) from None

    def invoke(self, ctx: Any) -> Any:
        output = ctx.ensure_object(Output)
        output.command = _name_of(self, (*ctx._protected_args, *ctx.args))
        in_json = "--json" in (*ctx._protected_args, *ctx.args)
        raise_on(signal.SIGTERM, Terminated)
        # If cfpy was started with SIGINT ignored (nohup, a background job), it stays ignored.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            raise_on(signal.SIGINT, Interrupted)
        try:
            return super().invoke(ctx)
        except CfpyError as error:
            output.error(error.code, error.exit_code, error.message, error.hint)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            if output.lasts:
                output.note("stopped")
            else:
                output.error("interrupted", _INTERRUPTED, "interrupted", _AGAIN)
            raise typer.Exit(_INTERRUPTED) from None
        except Terminated:
            output.end_progress()
            raise typer.Exit(_TERMINATED) from None
        except BrokenPipeError:
            # The reader (`cfpy patterns | head -1`) has closed the pipe. Redirect stdout, or the
            # interpreter reports an error when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise typer.Exit(0) from None
        except OSError as error:
            if error.errno not in _OF_THE_DISK:
                raise typer.Exit(_report_bug(output, error)) from None
            where = f"{error.filename}: " if error.filename else ""
            there = "there" if where else "of the disks with the project and your home directory"
            hint = f"Check the permissions and the free space {there}, then run the command again."
            output.error("filesystem", _FILESYSTEM, f"{where}{error.strerror}", hint)
            raise typer.Exit(_FILESYSTEM) from None
        except Exception as error:
            if _is_usage(error):
                say_what_is_meant(error)
            if _is_usage(error) and in_json:
                # Typer stops parsing a command line at an error, which may be before --json.
                output.json = True
                raise typer.Exit(_report_usage(output, error)) from None
            if isinstance(error, typer.Exit | typer.Abort) or _is_usage(error):
                _redact(output, error)
                raise
            raise typer.Exit(_report_bug(output, error)) from None


def _name_of(group: Any, words: Sequence[str]) -> str:
    """The command that ``words`` call, without its options; empty for none of this group."""
    name = next((word for word in words if word in group.commands), "")
    below = group.commands[name] if name else None
    if not hasattr(below, "commands"):
        return name
    return f"{name} {_name_of(below, words[words.index(name) + 1 :])}".strip()


def _report_bug(output: Output, error: Exception) -> int:
    message = f"this is a bug in cfpy: {type(error).__name__}: {error}"
    output.error("bug", _BUG, message, f"The traceback is in {_write_log(output)}")
    return _BUG


def _report_usage(output: Output, error: Any) -> int:
    command = error.ctx.command_path if error.ctx else "cfpy"
    output.error("usage", error.exit_code, error.format_message(), f"See {command} --help")
    return int(error.exit_code)


def _is_usage(error: Exception) -> bool:
    """Whether Typer itself reports ``error``: a wrong option or argument."""
    return hasattr(error, "exit_code") and hasattr(error, "show")


def _redact(output: Output, error: Any) -> None:
    """Typer prints its own errors, which quote the command line."""
    if isinstance(getattr(error, "message", None), str):
        error.message = output.secrets.redact(error.message)


def _write_log(output: Output) -> Path:
    import tempfile  # only for bugs

    prefix = f"cfpy-{time.strftime('%Y%m%d-%H%M%S')}-"
    # Readable only by the user, and with a name that nobody can have created before.
    number, name = tempfile.mkstemp(".log", prefix)
    with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(output.secrets.redact(traceback.format_exc()))
    return Path(name)
