"""A Worker that runs: the whole project, in the local runtime of cfpy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
_SECRETS = PROJECT / ".dev.vars.example"
# Set by `cfpy test`, which installs what the Worker needs.
_RUNNER = "CFPY_TEST"
_START_SECONDS = 180


@pytest.fixture(scope="session")
def worker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the Worker, without a slash at its end; its data is gone afterwards."""
    if _RUNNER not in os.environ:
        pytest.skip("needs the running Worker: run `cfpy test`")
    state = tmp_path_factory.mktemp("state")
    argv = [sys.executable, "-m", "cfpy", "dev", "--port", "0", "--json", "--no-watch"]
    if _SECRETS.exists():
        # The tests know these, whatever a .dev.vars says.
        argv += ["--env-file", str(_SECRETS)]
    log = state / "dev.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*argv, "--persist-to", str(state)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        assert process.stdout is not None
        # One line when the Worker is ready, or none if it never is.
        line = process.stdout.readline()
        assert line, f"cfpy dev ended without a Worker:\n{log.read_text()}"
        yield json.loads(line)["data"]["url"].rstrip("/")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_START_SECONDS)
