"""The real cfpy in a process of its own, without the 0.7 s in which Python imports it.

A server that has imported cfpy is forked for each run: the same code, arguments, environment,
streams and exit codes as ``python -m cfpy``. Tests of how a process starts, of several at once, or
of what ends one, start Python themselves.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

_OF_THIS_THREAD = threading.local()


def run_cfpy(
    *arguments: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run ``cfpy ARGUMENTS`` and wait for its end; a signal that ended it gives a negative code."""
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("stdin", "stdout", "stderr")]
        streams[0].write_text(stdin, "utf-8")
        request = {
            "arguments": arguments,
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
            "streams": [str(path) for path in streams],
        }
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        out, err = (path.read_text("utf-8") for path in streams[1:])
    return subprocess.CompletedProcess(["cfpy", *arguments], code, out, err)


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


def _server() -> subprocess.Popen[str]:
    """It runs one at a time, so each thread has its own."""
    server: subprocess.Popen[str] | None = getattr(_OF_THIS_THREAD, "server", None)
    if server is None:
        argv = [sys.executable, __file__]
        server = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(server.kill)
        _OF_THIS_THREAD.server = server
    return server


def _serve() -> None:
    _import_everything()
    # A collection in a child would write to all the memory that it shares with this process.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become_cfpy(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become_cfpy(request: dict[str, Any]) -> NoReturn:
    for number, path in enumerate(request["streams"]):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.path[:0] = filter(None, request["env"].get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = ["cfpy", *request["arguments"]]
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
