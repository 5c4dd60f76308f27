"""Requests to the running Workers of the patterns, against the same handlers in JavaScript.

The peer is a project with the same wrangler.toml and data whose main module is JavaScript: it runs
in workerd under `wrangler dev`, with the same stand-ins for Workers AI and Vectorize. Both run at
once, and requests alternate between them.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "runtime"))

from comparison import Target  # noqa: E402

from dev_process import Answer, Dev, start_dev  # noqa: E402

AUTHORIZED = {"Authorization": "Bearer local-development-token"}
QUESTION = "/search?q=How%20large%20is%20the%20mirror%20of%20the%20main%20telescope"
WARM_UP, TOGETHER = 10, (4, 16)
CFPY = [sys.executable, "-m", "cfpy"]
REQUESTS: dict[str, Callable[[Dev], Answer]] = {
    "rag": lambda dev: dev.request("GET", QUESTION, headers=AUTHORIZED),
    "pipeline": lambda dev: dev.request(
        "POST", "/files?name=a.txt", "The blue whale eats krill. " * 40, AUTHORIZED
    ),
    "fullstack": lambda dev: dev.request("GET", "/api/items", headers=AUTHORIZED),
}
LIMITS = {"rag": 3.0, "pipeline": 3.0}
TARGETS = tuple(
    target
    for name in REQUESTS
    for target in (
        Target(
            f"{name}: a warm request", f"{name} in JavaScript: a warm request", LIMITS.get(name)
        ),
        *(
            Target(
                f"{name}: a request of {clients} at once",
                f"{name} in JavaScript: of {clients} at once",
                None,
            )
            for clients in TOGETHER
        ),
    )
)


def measure(rounds: int) -> dict[str, float]:
    """Median seconds of warm requests, and seconds a request with several at once."""
    found: dict[str, float] = {}
    for name, request in REQUESTS.items():
        with tempfile.TemporaryDirectory() as scratch, both(name, Path(scratch)) as (python, peer):
            seconds: dict[str, list[float]] = {"": [], " in JavaScript": []}
            for number in range(WARM_UP + rounds):
                for kind, dev in (("", python), (" in JavaScript", peer)):
                    taken = timed(request, dev)
                    if number >= WARM_UP:
                        seconds[kind].append(taken)
            for kind, values in seconds.items():
                found[f"{name}{kind}: a warm request"] = statistics.median(values)
            for clients in TOGETHER:
                for kind, dev in ((": a request", python), (" in JavaScript:", peer)):
                    key = f"{name}{kind} of {clients} at once"
                    found[key] = together(request, dev, clients)
    return found


def timed(request: Callable[[Dev], Answer], dev: Dev) -> float:
    start = time.perf_counter()
    answer = request(dev)
    seconds = time.perf_counter() - start
    if answer.status not in (200, 202):
        sys.exit(f"{answer.status}: {answer.body!r}\n" + "\n".join(dev.log[-20:]))
    return seconds


def together(request: Callable[[Dev], Answer], dev: Dev, clients: int) -> float:
    """Seconds for each request, when several clients send ten each, one after the other."""
    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda _: timed(request, dev), range(10 * clients)))
    return (time.perf_counter() - start) / (10 * clients)


@contextlib.contextmanager
def both(name: str, scratch: Path) -> Iterator[tuple[Dev, Dev]]:
    """The pattern's project and its peer, running, with the same documents."""
    project, peer = prepared(name, scratch)
    devs = [start_dev(project, "--runtime", "node", forked=False), start_dev(peer, forked=False)]
    try:
        yield devs[0], devs[1]
    finally:
        for dev in devs:
            dev.stop()


def prepared(name: str, scratch: Path) -> tuple[Path, Path]:
    """The pattern's project and its peer, with the same documents."""
    argv = [*CFPY, "new", name, "shop", "--defaults", "--no-git"]
    subprocess.run(argv, cwd=scratch, check=True, capture_output=True)
    project, peer = scratch / "shop", scratch / "peer"
    config = project / "wrangler.toml"
    # The brake on a client is not what is measured.
    config.write_text(config.read_text().replace("limit = ", "limit = 10000"))
    dev = start_dev(project, "--runtime", "node", forked=False)
    if name == "rag":
        ingest = [sys.executable, "scripts/ingest.py", "corpus", "--wait", "--url", dev.url]
        subprocess.run(ingest, cwd=project, check=True, capture_output=True)
    if name == "fullstack":
        for number in range(20):
            dev.request("POST", "/api/items", {"name": f"Item {number}"}, AUTHORIZED)
    dev.stop()
    shutil.copytree(project, peer, symlinks=True)
    config = peer / "wrangler.toml"
    text = re.sub(r'"src/(entry|main)\.py"', '"src/index.js"', config.read_text())
    config.write_text(text.replace('"python_workers", ', "").replace('"python_workers"', ""))
    shutil.copyfile(HERE / "peers" / f"{name}.js", peer / "src" / "index.js")
    return project, peer
