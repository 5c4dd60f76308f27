"""The only module that starts processes: with argument lists, never a shell, and in their own
process groups.

Killing only a tool's launcher would leave its children running (wrangler's ``bin`` script starts
another node, which starts workerd), so each command runs in its own process group, which is stopped
as a whole.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from cfpy.errors import ToolNotFoundError, ToolTimeoutError

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_STOP_SECONDS = 8.0


@dataclass(frozen=True)
class Completed:
    """The result of a finished process: its exit status and its output without ANSI codes."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    def tail(self, lines: int = 15) -> str:
        """Its last non-empty lines, for an error message: of standard error, or else of standard
        output."""
        for stream in (self.stderr, self.stdout):
            text = [line.rstrip() for line in stream.splitlines() if line.strip()]
            if text:
                return "\n".join(text[-lines:])
        return ""


class Runner(Protocol):
    """Runs a command and waits for it."""

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run ``argv`` and wait.

        Args:
            argv: The program and its arguments. Never put secrets here: use ``stdin``.
            cwd: Working directory.
            env: The whole environment of the child; ``None`` inherits ours.
            stdin: Text for standard input; ``None`` means empty input, so that nothing can prompt.
            timeout: Seconds after which the whole process group is killed.

        Raises:
            ToolNotFoundError: The program does not exist.
            ToolTimeoutError: It did not end in time.
        """
        ...


class SubprocessRunner:
    """The real :class:`Runner`.

    Args:
        on_start: Called with each command as it would be typed. It contains no secrets: those are
            passed through standard input or the environment.
    """

    def __init__(self, on_start: Callable[[str], None] = lambda _line: None) -> None:
        self._on_start = on_start

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        self._on_start(shlex.join(argv))
        process = _popen(argv, cwd=cwd, env=env, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(stdin or "", timeout=timeout)
        except subprocess.TimeoutExpired:
            _kill_group(process)
            raise ToolTimeoutError(Path(argv[0]).name, timeout or 0.0) from None
        except BaseException:
            _kill_group(process)
            raise
        return Completed(tuple(argv), process.returncode, strip_ansi(out), strip_ansi(err))


class ChildProcess:
    """A long-running child process with line-based input and output.

    Its standard input stays open while this object exists, so that the child sees an end-of-file
    when cfpy exits, even if cfpy is killed.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        on_stderr: Callable[[str], None],
    ) -> None:
        self._process = _popen(argv, cwd=cwd, env=env, stderr=subprocess.PIPE)
        self._stderr = threading.Thread(
            target=_forward, args=(self._process.stderr, on_stderr), daemon=True
        )
        self._stderr.start()

    def write_line(self, text: str) -> None:
        """Send one line to the child's standard input."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(text + "\n")
            self._process.stdin.flush()

    def lines(self) -> Iterator[str]:
        """Lines of the child's standard output, until it is closed."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield strip_ansi(line.rstrip("\n"))

    def stop(self) -> int:
        """Ask the group to stop, kill remaining processes after some seconds, and return the
        status."""
        if self._process.poll() is None:
            self._signal_group(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        # The leader may have exited while its children still run.
        _kill_group(self._process)
        self._stderr.join(1.0)
        return self._process.returncode

    def wait(self) -> int:
        """Wait until the child exits by itself."""
        status = self._process.wait()
        self._stderr.join(1.0)
        return status

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def run_attached(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run a command on cfpy's terminal, in cfpy's process group; return its exit status.

    Ctrl-C reaches the command, too: it may clean up before cfpy continues.
    """
    with subprocess.Popen(list(argv), cwd=cwd, env=dict(env)) as process:
        try:
            return process.wait()
        except BaseException:
            # A terminal sends its signals to the whole group; other senders may signal only cfpy.
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            process.kill()
            raise


def strip_ansi(text: str) -> str:
    """``text`` without terminal escape codes."""
    return _ANSI.sub("", text)


def _popen(
    argv: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stderr: int,
) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise ToolNotFoundError(
            f"can't run {argv[0]}: {error.strerror}",
            hint="Check that it is installed and executable.",
        ) from error


def _kill_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _forward(stream: IO[str] | None, sink: Callable[[str], None]) -> None:
    assert stream is not None
    for line in stream:
        sink(strip_ansi(line.rstrip("\n")))
