"""The real cfpy in a process of its own, without the half second in which Python imports it.

A server that has imported cfpy is forked for each run: the same code, arguments, environment,
streams, signals and exit codes as ``python -m cfpy``. Tests of how a process starts, and of what a
machine without something does, start Python themselves.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

# What stands in for the console script where a shell starts cfpy.
_COMMAND = """\
#!{python} -SE
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
request = [sys.argv[1:], os.getcwd(), dict(os.environ)]
socket.send_fds(server, [json.dumps(request).encode()], [0, 1, 2])
server.shutdown(socket.SHUT_WR)
sys.exit(int(server.makefile().read().split()[1]) % 256)
"""


class Forked:
    """A cfpy that runs, with what ``subprocess.Popen`` has of it; a signal that ended it gives a
    negative code."""

    def __init__(
        self,
        arguments: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        streams: Sequence[IO[Any]],
    ) -> None:
        self.returncode: int | None = None
        # One ends what another one waits for: neither may keep the connection open.
        self._waiting = threading.Lock()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(_address())
        request = [list(arguments), str(cwd), dict(env)]
        numbers = [stream.fileno() for stream in streams]
        socket.send_fds(self._server, [json.dumps(request).encode()], numbers)
        self._server.shutdown(socket.SHUT_WR)
        self.pid = int(self._read_line())

    def _read_line(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            line += self._server.recv(1) or b"\n"
        return line.decode()

    def wait(self, timeout: float | None = None) -> int:
        with self._waiting:
            if self.returncode is None:
                self._server.settimeout(timeout)
                try:
                    self.returncode = int(self._read_line())
                except (TimeoutError, BlockingIOError) as error:
                    raise subprocess.TimeoutExpired("cfpy", timeout or 0) from error
                self._server.close()
            return self.returncode

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_cfpy(
    *arguments: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run ``cfpy ARGUMENTS`` and wait for its end; a signal that ended it gives a negative code."""
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as given,
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as err,
    ):
        given.write(stdin)
        given.seek(0)
        environment = os.environ if env is None else env
        code = Forked(arguments, cwd or Path.cwd(), environment, (given, out, err)).wait()
        for stream in (out, err):
            stream.seek(0)
        return subprocess.CompletedProcess(["cfpy", *arguments], code, out.read(), err.read())


def document(arguments: Sequence[str], cwd: Path, **options: Any) -> tuple[int, dict[str, Any]]:
    """Run ``cfpy ARGUMENTS --json``; its exit code and its document. With ``options`` of
    ``subprocess.run`` it is a Python of its own, which starts in what they describe."""
    done: subprocess.CompletedProcess[str]
    if options:
        argv = [sys.executable, "-m", "cfpy", *arguments, "--json"]
        options = {"stdin": subprocess.DEVNULL, "env": os.environ} | options
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False, **options)
    else:
        done = run_cfpy(*arguments, "--json", cwd=cwd)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def write_command(path: Path) -> None:
    """An executable that is ``cfpy`` for shells."""
    path.write_text(_COMMAND.format(python=sys.executable, address=_address()))
    path.chmod(0o755)


@functools.cache
def _address() -> str:
    """The socket of the server, which is started when it is first asked for."""
    folder = tempfile.TemporaryDirectory(prefix="cfpy-")
    atexit.register(folder.cleanup)
    address = str(Path(folder.name) / "forks")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        server = subprocess.Popen([sys.executable, __file__], stdin=listening)
    atexit.register(server.kill)
    return address


def _serve() -> None:
    _import_everything()
    # A collection in a child would write to all the memory that it shares with this process.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=0) as listening:
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.detach()
                _run_one(connection)
            connection.close()
            while _ended():
                pass


def _ended() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _run_one(connection: socket.socket) -> NoReturn:
    """Tell the number of the process that is cfpy, and its exit code when it has ended."""
    text, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while part := connection.recv(1 << 20):
        text += part
    child = os.fork()
    if child == 0:
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        _become_cfpy(*json.loads(text))
    for number in (*streams, 0, 1, 2):
        os.close(number)
    # A test that is over waits no longer.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    connection.sendall(b"%d\n" % child)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.sendall(b"%d\n" % code)
    os._exit(0)


def _become_cfpy(arguments: list[str], cwd: str, env: dict[str, str]) -> NoReturn:
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    # As `interruptible()` of dev_process does, whoever started the server.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = ["cfpy", *arguments]
    from cfpy.cli.app import main

    code: str | int | None = None
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    assert not isinstance(code, str)
    _end(code or 0)


def _end(code: int) -> NoReturn:
    """Without taking down each of the imported modules, which is most of the work of a run."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _import_everything() -> None:
    """cfpy, and what it imports late."""
    import cfpy

    for room in ("account", "bindings", "cli", "cost", "local", "patterns", "project", "tools"):
        path = Path(cfpy.__file__).parent / room
        for module in pkgutil.iter_modules([str(path)], f"cfpy.{room}."):
            importlib.import_module(module.name)
    for name in ("copier", "pydantic", "rich.status", "rich.table", "tomlkit", "typer._adapters"):
        importlib.import_module(name)


if __name__ == "__main__":
    _serve()
