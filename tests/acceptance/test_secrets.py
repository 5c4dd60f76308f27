"""No value of a secret is left anywhere: not in argv, output, logs, tracebacks or files."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cfpy.tools.toolchain import cache_directory
from cloudflare_api import TOKEN, CloudflareApi, Failure

CANARY = "canary-7f3a9c21-value"
HIDDEN = (CANARY.encode(), TOKEN.encode())


# Python's own word for each process that cfpy starts, however short its life.
EACH_START = """
import os, sys
def hook(event, arguments):
    if event == "subprocess.Popen":
        with open(os.environ["EACH_START"], "a") as file:
            print(arguments[:2], file=file)
sys.addaudithook(hook)
"""


class Watch:
    """Reads the argument list of every process on the machine, until it is stopped.

    A Node lives for most of a second: it is seen several times. Without a pause the watch would
    keep a core for itself, which the processes that it watches need.
    """

    PAUSE_SECONDS = 0.1

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stopped.wait(self.PAUSE_SECONDS):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self.seen.add(path.read_bytes())

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home and a scratch directory: whatever is written lands below."""
    for name in ("home", "scratch"):
        (tmp_path / name).mkdir()
    return tmp_path / "home"


@pytest.fixture
def run(cfpy: Any, home: Path) -> Iterator[Callable[..., tuple[int, str]]]:
    """Runs cfpy with the secrets on its standard input; gives its exit code and all it said."""
    site, started = home.parent / "site", home.parent / "started"
    site.mkdir()
    (site / "sitecustomize.py").write_text(EACH_START)
    environment = cfpy.environment(
        HOME=str(home),
        PYTHONPATH=str(site),
        EACH_START=str(started),
        WRANGLER_LOG_PATH=str(home / "logs"),
        # Or each test would install wrangler below its home.
        CFPY_CACHE_DIR=str(cache_directory()),
        XDG_CONFIG_HOME=str(home / ".config"),
        TMPDIR=str(home.parent / "scratch"),
        # What somebody may have set to see more.
        WRANGLER_LOG_SANITIZE="false",
    )
    with Watch() as watch:

        def run_(project: Path, *arguments: str) -> tuple[int, str]:
            done = subprocess.run(
                [sys.executable, "-m", "cfpy", *arguments],
                cwd=project,
                env=environment,
                input=json.dumps(
                    {"API_TOKEN": CANARY, "API_TOKENS": f"me:{CANARY}", "WEBHOOK_SECRET": CANARY}
                ),
                capture_output=True,
                text=True,
                check=False,
            )
            return done.returncode, done.stdout + done.stderr

        yield run_
    assert any(b"wrangler" in argv for argv in watch.seen), "the watch saw nothing"
    assert not [argv for argv in watch.seen if any(value in argv for value in HIDDEN)]
    assert "wrangler" in started.read_text()
    assert any(home.rglob("*.log")), "wrangler's own logs are looked through, too"
    found = [path for path in home.parent.rglob("*") if path.is_file() and not path.is_symlink()]
    leaks = [path for path in found if any(value in path.read_bytes() for value in HIDDEN)]
    assert leaks == []


UP = ("up", "--yes", "--secrets-file", "-", "--health", "")


@pytest.mark.slow
def test_a_whole_life(
    run: Callable[..., tuple[int, str]],
    ready: Callable[[str], Path],
    api: CloudflareApi,
) -> None:
    project = ready("pipeline")
    said = []
    for arguments in (
        UP,
        ("status",),
        ("status", "--json"),
        ("plan", "--json"),
        ("doctor",),
        ("destroy", "--yes", "--confirm", "shop", "--delete-data"),
        (*UP, "--json"),
    ):
        code, text = run(project, *arguments)
        assert code == 0, text
        said.append(text)
        if arguments[0] == "up":
            assert CANARY in api.values["API_TOKENS"]
    assert not [text for text in said if CANARY in text or TOKEN in text]


@pytest.mark.slow
def test_a_command_that_fails(
    run: Callable[..., tuple[int, str]],
    ready: Callable[[str], Path],
    api: CloudflareApi,
) -> None:
    """The secrets themselves are refused: wrangler's message and its log are about them."""
    project = ready("rag")
    # All else is created by the first run, and the second sends the secrets again.
    for failure in (Failure(403), Failure(0)):
        api.broken_kind = ("secrets-bulk", failure)
        sent = len(api.requests)
        code, text = run(project, *UP)
        assert code in (5, 6), text
        assert any("secrets-bulk" in request for request in api.requests[sent:])
        assert CANARY not in text
        assert TOKEN not in text


@pytest.mark.slow
def test_an_answer_of_a_shape_that_no_code_expects(
    run: Callable[..., tuple[int, str]], ready: Callable[[str], Path], api: CloudflareApi
) -> None:
    """Tracebacks of bugs are looked through by tests/unit/tools/test_redaction.py."""
    project = ready("rag")
    assert run(project, *UP)[0] == 0
    api.indexes["shop-docs"]["config"] = {}
    code, text = run(project, *UP)
    assert code == 6, text
    assert CANARY not in text
