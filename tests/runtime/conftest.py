"""Runs real projects with the real `cfpy dev`: real workerd, real Pyodide, no account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import lives
import pytest

from dev_process import Dev, start_dev


@pytest.fixture(scope="module")
def run_dev() -> Iterator[Callable[..., Dev]]:
    """Starts projects, and stops them when the module is done."""
    started: list[Dev] = []

    def start(project: Path, *arguments: str, env: dict[str, str] | None = None) -> Dev:
        dev = start_dev(project, *arguments, env=env)
        started.append(dev)
        return dev

    yield start
    for dev in started:
        dev.stop()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what the tests of the life around a Worker ran."""
    if ran := config.stash.get(lives.RAN, None):
        terminalreporter.write_line(lives.told(ran))
