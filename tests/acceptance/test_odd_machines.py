"""Clocks that jump, networks that crawl, caches that are cut, folders that can't be written.

The table in docs/explanation/faults.md names these tests.
"""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cfpy.tools.toolchain import cache_directory
from dev_process import start_dev
from forked import document as run
from modes import obey_modes, read_only

CFPY = [sys.executable, "-m", "cfpy"]
TOKEN = {"Authorization": "Bearer local-development-token"}


def new(pattern: str, place: Path) -> Path:
    code, document = run(["new", pattern, "shop", "--defaults", "--no-git"], place)
    assert code == 0, document
    return place / "shop"


# A clock that jumps

# Each look at the clock is a day before or after the last one.
PYTHON_CLOCK = """
import datetime, itertools, time
days = itertools.cycle([86400, -86400, 400 * 86400, -20 * 365 * 86400])
real, real_ns, real_datetime = time.time, time.time_ns, datetime.datetime
time.time = lambda: real() + next(days)
time.time_ns = lambda: real_ns() + next(days) * 10**9
class Jumping(real_datetime):
    @classmethod
    def now(cls, tz=None):
        return real_datetime.fromtimestamp(time.time(), tz)
datetime.datetime = Jumping
"""
NODE_CLOCK = """
const days = [1, -1, 400, -7000];
const now = Date.now;
let looks = 0;
Date.now = () => now() + days[looks++ % 4] * 86400e3;
"""


@pytest.mark.slow
def test_a_clock_that_jumps(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(PYTHON_CLOCK)
    (tmp_path / "clock.cjs").write_text(NODE_CLOCK)
    env = {
        **os.environ,
        "PYTHONPATH": str(tmp_path / "site"),
        "NODE_OPTIONS": f"--require={tmp_path / 'clock.cjs'}",
    }
    probe = "import time; print(time.time() - time.time())"
    said = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, text=True)
    assert float(said.stdout) > 86_000
    code, document = run(["new", "pipeline", "shop", "--defaults"], tmp_path, env=env)
    assert code == 0, document
    project = tmp_path / "shop"
    assert run(["cost"], project, env=env)[0] == 0
    dev = start_dev(project, "--runtime", "node", env=env)
    try:
        # A file of long ago, and one of the future.
        entry = project / "src" / "entry.py"
        entry.write_text(entry.read_text() + "\n# changed\n")
        os.utime(entry, (1e6, 1e6))
        dev.wait_for_log("reloaded")
        dev.log.clear()
        os.utime(project / "wrangler.toml", (4e9, 4e9))
        dev.wait_for_log("Ready on")
        assert dev.request("POST", "/files?name=a.txt", "Whales. " * 9, TOKEN).status == 202
        assert dev.request("GET", "/jobs", headers=TOKEN).status == 200
    finally:
        assert dev.stop(signal.SIGTERM) == 143
    assert run(["add", "kv", "sessions"], project, env=env)[0] == 0


# Networks


class Index(http.server.SimpleHTTPRequestHandler):
    """A package index that takes its time: `pause` seconds before every 64 kB."""

    pause = 0.02

    def copyfile(self, source: Any, outputfile: Any) -> None:
        while data := source.read(65_536):
            time.sleep(self.pause)
            outputfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Callable[[float], str]]:
    """The address of an index that holds the Workers SDK."""
    packages = tmp_path / "simple" / "workers-runtime-sdk"
    packages.mkdir(parents=True)
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
    subprocess.run([*argv, str(packages), "workers-runtime-sdk>=1.9.5,<2"], check=True)
    links = (f'<a href="{path.name}">{path.name}</a>' for path in packages.iterdir())
    (packages / "index.html").write_text("\n".join(links))
    servers = []

    def serve(pause: float) -> str:
        handler = type("Slow", (Index,), {"pause": pause})
        serving = functools.partial(handler, directory=str(tmp_path))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), serving)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/simple"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def only(address: str, **more: str) -> dict[str, str]:
    """An environment in which pip knows one index, and has nothing in its cache."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    settings = {"PIP_INDEX_URL": address, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
    return known | settings | more


@pytest.mark.slow
def test_a_slow_network_is_waited_for(index: Callable[[float], str], tmp_path: Path) -> None:
    project = new("rag", tmp_path)
    code, _ = run_tests(project, only(index(0.5)))
    # No test ran, but all that they need was installed.
    assert code == 1
    assert (project / "python_modules" / "workers").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["silent", "closed"])
def test_a_network_that_says_nothing_is_given_up(
    how: str, index: Callable[[float], str], tmp_path: Path
) -> None:
    project = new("rag", tmp_path)
    address = index(60) if how == "silent" else "http://127.0.0.1:9/simple"
    code, said = run_tests(project, only(address, PIP_DEFAULT_TIMEOUT="1", PIP_RETRIES="0"))
    assert code == 4, said
    assert "pip could not reach a package index" in said
    assert not (project / "python_modules").exists()
    assert not (project / "pylock.toml").exists()
    assert list(project.glob(".python_modules*")) == []


def run_tests(project: Path, env: dict[str, str]) -> tuple[int, str]:
    argv = [*CFPY, "test", "-q", "-k", "no_such_test"]
    done = subprocess.run(argv, cwd=project, env=env, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


# The cache


@pytest.mark.slow
def test_everything_in_the_cache_is_cut_in_half(
    ready: Callable[[str], Path], tmp_path: Path
) -> None:
    project = ready("pipeline")
    cache = tmp_path / "cache"
    cache.mkdir()
    # The toolchain has a test of its own, and would be fetched anew here.
    (cache / "toolchain").symlink_to(cache_directory() / "toolchain")
    env = {**os.environ, "CFPY_CACHE_DIR": str(cache)}
    dev = start_dev(project, "--runtime", "node", env=env)
    dev.stop()
    kept = [path for path in cache.rglob("*") if path.is_file() and path.stat().st_size > 1]
    kinds = {path.relative_to(cache).parts[0] for path in kept}
    assert {"pyodide", "node-compile-cache"} <= kinds
    assert {path.suffix for path in kept} >= {".pyc"}
    for path in kept:
        path.chmod(0o600)
        os.truncate(path, path.stat().st_size // 2)
    dev = start_dev(project, "--runtime", "node", env=env)
    try:
        assert dev.request("GET", "/jobs", headers=TOKEN).status == 200
    finally:
        dev.stop()


@pytest.mark.slow
def test_two_cfpy_dev_in_one_project(ready: Callable[[str], Path], tmp_path: Path) -> None:
    project = ready("pipeline")
    first = start_dev(project, "--runtime", "node")
    try:
        code, document = run(["dev", "--port", "0", "--runtime", "node"], project)
        assert (code, document["error"]["code"]) == (2, "usage")
        assert "--persist-to" in document["error"]["hint"]
        second = start_dev(project, "--runtime", "node", "--persist-to", str(tmp_path / "other"))
        try:
            for dev in (first, second, first):
                sent = dev.request("POST", "/files?name=a.txt", "Whales. " * 9, TOKEN)
                assert sent.status == 202, (sent.body, dev.log)
        finally:
            second.stop()
        assert first.request("GET", "/jobs", headers=TOKEN).status == 200
        # The port of one that runs is refused to another, which touches nothing.
        port = first.url.rsplit(":", 1)[1].rstrip("/")
        code, document = run(
            ["dev", "--port", port, "--runtime", "node", "--persist-to", str(tmp_path / "third")],
            project,
        )
        assert (code, document["error"]["code"]) == (2, "usage")
        assert first.request("GET", "/jobs", headers=TOKEN).status == 200
    finally:
        first.stop()


# Folders that can't be written


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        ["new", "rag", "other", "--defaults"],
        ["add", "kv", "sessions"],
        ["env", "add", "staging"],
        ["update"],
        ["dev", "--runtime", "node"],
    ],
    ids=lambda command: command[0],
)
def test_a_project_that_cannot_be_written(command: list[str], tmp_path: Path) -> None:
    project = new("rag", tmp_path)
    before = contents(project)
    with read_only(project):
        code, document = run(command, project, preexec_fn=obey_modes)
    assert (code, document["error"]["code"]) == (10, "filesystem"), document
    assert "Permission denied" in document["error"]["message"]
    assert contents(project) == before


@pytest.mark.slow
def test_a_cache_that_cannot_be_written(ready: Callable[[str], Path], tmp_path: Path) -> None:
    project, cache = ready("pipeline"), tmp_path / "cache"
    shutil.copytree(cache_directory() / "toolchain", cache / "toolchain", symlinks=True)
    env = {**os.environ, "CFPY_CACHE_DIR": str(cache)}
    before = set(cache.rglob("*"))
    with read_only(cache):
        dev = start_dev(project, "--runtime", "node", env=env, preexec_fn=obey_modes)
        try:
            assert dev.request("GET", "/health").status == 200
        finally:
            dev.stop()
    assert set(cache.rglob("*")) == before
    # Without the tools in it, it is said what to do.
    shutil.rmtree(cache / "toolchain")
    with read_only(cache):
        code, document = run(["dev"], project, env=env, preexec_fn=obey_modes)
    assert (code, document["error"]["code"]) == (10, "filesystem"), document
    assert "CFPY_CACHE_DIR" in document["error"]["hint"]
