"""A running `cfpy dev`, and requests to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from forked import Forked

# The first start on a fresh machine installs wrangler and pyodide.
START_SECONDS = 300.0
# A guard against hanging: whatever ends, ends earlier.
STOP_SECONDS = 120.0


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Processes started in here end at SIGINT.

    They inherit it ignored where whoever started pytest ignores it, as a shell does for what it
    runs in the background; cfpy then goes on, as it should, and the test waits for ever.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass
class Answer:
    """An HTTP response, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Dev:
    """A running `cfpy dev`."""

    process: Forked | subprocess.Popen[str]
    data: dict[str, Any]
    project: Path
    log: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.data["url"])

    def connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request; a body that is no text, bytes or iterator goes as JSON."""
        if body is not None and not isinstance(body, str | bytes) and not hasattr(body, "send"):
            body = json.dumps(body)
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def wait_for_log(self, text: str, seconds: float = 120.0) -> str:
        """The first line on standard error that holds `text`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self.log):
                if text in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"{text!r} not in:\n" + "\n".join(self.log))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=STOP_SECONDS)


def start_dev(
    project: Path,
    *arguments: str,
    env: dict[str, str] | None = None,
    forked: bool = True,
    **options: Any,
) -> Dev:
    """Start `cfpy dev --json` in `project` and wait until it is ready. Not `forked`, or with
    `options` of `subprocess.Popen`, it is a Python of its own, which starts in what they describe.
    """
    arguments = ("dev", "--json", "--port", "0", *arguments)
    # What is not about the delay of a local Vectorize does not wait for it.
    environment = {"CFPY_VECTORIZE_DELAY": "0", **os.environ, **(env or {})}
    (out, told), (err, said) = (map(os.fdopen, os.pipe(), ("r", "w")) for _ in range(2))
    process: Forked | subprocess.Popen[str]
    with Path(os.devnull).open() as nothing, told, said:
        if options or not forked:
            with interruptible():
                process = subprocess.Popen(
                    [sys.executable, "-m", "cfpy", *arguments],
                    cwd=project,
                    env=environment,
                    stdin=nothing,
                    stdout=told,
                    stderr=said,
                    text=True,
                    **options,
                )
        else:
            process = Forked(arguments, project, environment, (nothing, told, said))
    dev = Dev(process, {}, project)

    def collect() -> None:
        for line in err:
            dev.log.append(line.rstrip("\n"))

    threading.Thread(target=collect, daemon=True).start()
    timer = threading.Timer(START_SECONDS, process.kill)
    timer.start()
    document = json.loads(out.readline() or '{"ok": false, "error": "no output"}')
    timer.cancel()
    if not document["ok"]:
        process.wait(timeout=STOP_SECONDS)
        raise AssertionError(f"cfpy dev failed: {document['error']}\n" + "\n".join(dev.log))
    dev.data = document["data"]
    return dev


def write_project(root: Path, files: dict[str, str]) -> Path:
    """Write a project's files below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def children(pid: int) -> list[int]:
    """All processes below `pid`."""
    listed = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout.split()
    pairs = list(zip(map(int, listed[::2]), map(int, listed[1::2]), strict=True))
    found, frontier = [], [pid]
    while frontier:
        parent = frontier.pop()
        below = [child for child, its_parent in pairs if its_parent == parent]
        found += below
        frontier += below
    return found


def wait_until_gone(pids: list[int], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, "processes were left behind"
        time.sleep(0.05)
