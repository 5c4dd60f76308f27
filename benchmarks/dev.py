"""From `cfpy dev` to the first answer, from an edit to the new one, and the memory in between.

The peer is plain `wrangler dev` with the same handler in JavaScript, the same data and the same
stand-ins, in the same run: what it starts is one workerd; cfpy starts one too, and Python. The
lines "in workerd" are the same JavaScript under both. Processor time is what all processes used; it
depends less on what else the machine does. Memory is of all processes after the edit, shared pages
once. The last line of a pattern is the same edit in a Python Worker that imports nothing: what is
above it is the time that the pattern's imports take in Pyodide.
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
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "runtime"))

from comparison import Target  # noqa: E402
from latency import REQUESTS, prepared  # noqa: E402
from processes import memory, processor_seconds  # noqa: E402

from cfpy.tools.process import SubprocessRunner  # noqa: E402
from cfpy.tools.toolchain import Toolchain  # noqa: E402
from dev_process import start_dev, write_project  # noqa: E402

EMPTY = "an empty Python Worker"
EDIT = "an edit, to the new answer"
# What is measured of each, with its unit.
FIGURES = {
    "start, to the first answer": "s",
    "start, processor time": "s",
    EDIT: "s",
    "an edit, processor time": "s",
    "memory": "MB",
}
IN_WORKERD = "in JavaScript, in workerd"
TARGETS = tuple(
    target
    for name in REQUESTS
    for target in (
        *(
            Target(f"{name}{how}: {what}", f"{name} in wrangler dev: {what}", None, unit)
            for how in ("", f" {IN_WORKERD}")
            for what, unit in FIGURES.items()
        ),
        Target(f"{name}: {EDIT}", f"{EMPTY}: {EDIT}", None),
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
    """Medians of at most five starts and edits."""
    rounds = min(rounds, 5)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        project = write_project(Path(scratch, "empty"), BARE)
        found |= figures(EMPTY, lambda: cfpy_dev(project, "node"), python(project), rounds)
    for name in REQUESTS:
        with tempfile.TemporaryDirectory() as scratch:
            project, peer = prepared(name, Path(scratch))
            found |= figures(name, lambda p=project: cfpy_dev(p, "node"), python(project), rounds)
            how = f"{name} {IN_WORKERD}"
            found |= figures(how, lambda p=peer: cfpy_dev(p, "workerd"), script(peer), rounds)
            hide_required_secrets(peer)
            how = f"{name} in wrangler dev"
            found |= figures(how, lambda p=peer: wrangler_dev(p), script(peer), rounds)
    return found


Running = tuple[str, int]


def figures(
    name: str,
    start: Callable[[], AbstractContextManager[Running]],
    write: Callable[[int], None],
    rounds: int,
) -> dict[str, float]:
    """The medians of all figures of one; the first round only fills caches.

    Args:
        name: What it is.
        start: Starts it, and gives its address and process.
        write: Changes its code, so that it answers the probe with a number.
        rounds: How often.
    """
    found: list[tuple[float, ...]] = []
    for number in range(rounds + 1):
        write(0)
        begin = time.perf_counter()
        with start() as (url, pid):
            wait_for(url + PROBE, "0")
            took, used = time.perf_counter() - begin, processor_seconds(pid)
            changed = time.perf_counter()
            write(10)  # Another size, which every way of watching notices.
            wait_for(url + PROBE, "10")
            answered, then = time.perf_counter() - changed, processor_seconds(pid)
            if number:
                found.append((took, used, answered, then - used, memory(pid)))
    medians = (statistics.median(values) for values in zip(*found, strict=True))
    return {f"{name}: {what}": value for what, value in zip(FIGURES, medians, strict=True)}


def python(project: Path) -> Callable[[int], None]:
    """Writes the main module of a Python project with another number."""
    source = project / "src"
    entry = source / "main.py" if (source / "main.py").is_file() else source / "entry.py"
    before = entry.read_text()

    def write(number: int) -> None:
        entry.write_text(before + PYTHON.replace("NUMBER", str(number)))

    return write


def script(peer: Path) -> Callable[[int], None]:
    """Writes the JavaScript with another number."""
    module = peer / "src" / "index.js"
    before = module.read_text()
    head = "async fetch(request, env) {"

    def write(number: int) -> None:
        module.write_text(before.replace(head, SCRIPT.replace("NUMBER", str(number)), 1))

    return write


@contextmanager
def cfpy_dev(project: Path, runtime: str) -> Iterator[Running]:
    """`cfpy dev`; its address and process."""
    dev = start_dev(project, "--runtime", runtime, forked=False)
    try:
        yield dev.url.rstrip("/"), dev.process.pid
    finally:
        dev.stop()


def hide_required_secrets(peer: Path) -> None:
    """In the configuration of the stand-ins, which cfpy has derived: plain wrangler has none."""
    services = peer / ".wrangler" / "cfpy" / "local-services" / "local-services.json"
    if services.is_file():
        config = json.loads(services.read_text())
        services.write_text(json.dumps(config | {"secrets": {"required": []}}))


@contextmanager
def wrangler_dev(project: Path) -> Iterator[Running]:
    """`wrangler dev` as one would type it; its address and process."""
    toolchain = Toolchain(SubprocessRunner(), print)
    wrangler = toolchain.directory / "node_modules" / "wrangler" / "bin" / "wrangler.js"
    argv = [str(toolchain.node.binary), str(wrangler), "dev", "--local", "--port", "0"]
    for name in ("worker.json", "local-services/local-services.json"):
        config = project / ".wrangler" / "cfpy" / name
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
                yield found[1].rstrip("/"), process.pid
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
