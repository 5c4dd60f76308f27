"""From `cfpy dev` to the first answer, and from an edit to the new one.

The peer is plain `wrangler dev` with the same handler in JavaScript, the same data and the same
stand-ins: what it starts is one workerd; cfpy starts one too, and Python. The third line of a
pattern is the same edit in a Python Worker that imports nothing: what is above it is the time that
the pattern's imports take in Pyodide.
"""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "runtime"))

from comparison import Target  # noqa: E402
from latency import REQUESTS, prepared  # noqa: E402

from cfpy.tools.process import SubprocessRunner  # noqa: E402
from cfpy.tools.toolchain import Toolchain  # noqa: E402
from dev_process import start_dev, write_project  # noqa: E402

EMPTY = "an empty Python Worker: an edit, to the new answer"
TARGETS = tuple(
    target
    for name in REQUESTS
    for target in (
        Target(f"{name}: cfpy dev, to the first answer", f"{name} in JavaScript: start", None),
        Target(f"{name}: an edit, to the new answer", f"{name} in JavaScript: an edit", None),
        Target(f"{name}: an edit, to the new answer", EMPTY, None),
    )
)
PROBE = "/edited"
# Both answer the probe with a number that an edit changes.
PYTHON = """

from workers import Response as _Response
_answer = Default.fetch


async def _probe(self, request):
    return _Response("NUMBER") if request.url.endswith("/edited") else await _answer(self, request)


Default.fetch = _probe
"""
SCRIPT = "async fetch(request, env) {\n    if (request.url.endsWith('/edited')) return new Response('NUMBER');"  # noqa: E501
BARE = {
    "wrangler.toml": 'name = "empty"\nmain = "src/entry.py"\ncompatibility_date = "2026-11-17"\n'
    'compatibility_flags = ["python_workers"]\n',
    "src/entry.py": "from workers import Response, WorkerEntrypoint\n\n\n"
    "class Default(WorkerEntrypoint):\n"
    '    async def fetch(self, request):\n        return Response("")\n',
}


def measure(rounds: int) -> dict[str, float]:
    """Median seconds of at most five starts and edits."""
    rounds = min(rounds, 5)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        project = write_project(Path(scratch, "empty"), BARE)
        entry = project / "src" / "entry.py"
        found[EMPTY] = python_times(entry, entry.read_text(), rounds)[1]
    for name in REQUESTS:
        with tempfile.TemporaryDirectory() as scratch:
            project, peer = prepared(name, Path(scratch))
            entry = project / "src" / ("main.py" if name == "fullstack" else "entry.py")
            starts, edits = python_times(entry, entry.read_text(), rounds)
            found[f"{name}: cfpy dev, to the first answer"] = starts
            found[f"{name}: an edit, to the new answer"] = edits
            starts, edits = script_times(peer, rounds)
            found[f"{name} in JavaScript: start"] = starts
            found[f"{name} in JavaScript: an edit"] = edits
    return {name: statistics.median(values) for name, values in found.items()}


def python_times(entry: Path, source: str, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of starts, and of edits."""
    starts, edits = [], []
    for number in range(rounds + 1):
        entry.write_text(source + PYTHON.replace("NUMBER", "0"))
        begin = time.perf_counter()
        dev = start_dev(entry.parent.parent, "--runtime", "node")
        try:
            wait_for(dev.url + PROBE[1:], "0")
            took = time.perf_counter() - begin
            changed = time.perf_counter()
            entry.write_text(source + PYTHON.replace("NUMBER", "1"))
            wait_for(dev.url + PROBE[1:], "1")
            if number:
                starts.append(took)
                edits.append(time.perf_counter() - changed)
        finally:
            dev.stop()
    return starts, edits


def script_times(peer: Path, rounds: int) -> tuple[list[float], list[float]]:
    """The same for the JavaScript Worker under wrangler dev."""
    start_dev(peer).stop()  # Derives the configurations that wrangler is given here, and migrates.
    services = peer / ".wrangler" / "cfpy" / "local-services.json"
    if services.is_file():
        config = json.loads(services.read_text())
        services.write_text(json.dumps(config | {"secrets": {"required": []}}))
    script = peer / "src" / "index.js"
    source = script.read_text()
    starts, edits = [], []

    def write(number: int) -> None:
        probed = SCRIPT.replace("NUMBER", str(number))
        script.write_text(source.replace("async fetch(request, env) {", probed, 1))

    for number in range(rounds + 1):
        write(0)
        begin = time.perf_counter()
        with wrangler_dev(peer) as url:
            wait_for(url + PROBE, "0")
            took = time.perf_counter() - begin
            changed = time.perf_counter()
            write(1)
            wait_for(url + PROBE, "1")
            if number:
                starts.append(took)
                edits.append(time.perf_counter() - changed)
    return starts, edits


@contextmanager
def wrangler_dev(project: Path) -> Iterator[str]:
    """`wrangler dev` as one would type it; its address."""
    toolchain = Toolchain(SubprocessRunner(), print)
    wrangler = toolchain.directory / "node_modules" / "wrangler" / "bin" / "wrangler.js"
    argv = [str(toolchain.node.binary), str(wrangler), "dev", "--local", "--port", "0"]
    for name in ("worker", "local-services"):
        config = project / ".wrangler" / "cfpy" / f"{name}.json"
        argv += ["--config", str(config)] if config.is_file() else []
    argv += ["--persist-to", str(project / ".wrangler" / "state")]
    secrets = dict(
        line.split("=", 1)
        for line in (project / ".dev.vars.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    environment = {**toolchain.environment(), **secrets}
    environment.pop("NODE_COMPILE_CACHE", None)
    process = subprocess.Popen(
        [*argv, "--show-interactive-dev-session=false"],
        cwd=project,
        env={**environment, "CI": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"Ready on (http://\S+)", line):
                yield found[1].rstrip("/")
                break
        else:
            sys.exit("wrangler dev did not start")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


def wait_for(url: str, text: str) -> None:
    """Ask until the answer is `text`."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                if answer.read().decode() == text:
                    return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.01)
    sys.exit(f"{url} never answered {text}")
