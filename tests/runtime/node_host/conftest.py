"""What the Node host needs and `cfpy dev` would give it: Node, its packages and the Workers SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cfpy.adapters.process import SubprocessRunner
from cfpy.adapters.toolchain import Toolchain
from cfpy.adapters.vendor import vendor
from cfpy.adapters.wrangler_config import load_project
from dev_process import write_project
from host_process import Host

PROJECT = {
    "wrangler.toml": 'name = "sdk"\nmain = "src/entry.py"\ncompatibility_date = "2026-11-17"\n'
    'compatibility_flags = ["python_workers"]\n',
    "src/entry.py": "",
}


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    return Toolchain(SubprocessRunner(), print)


@pytest.fixture(scope="session")
def python_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `python_modules` folder that holds the Workers SDK alone."""
    root = write_project(tmp_path_factory.mktemp("sdk"), PROJECT)
    return vendor(load_project(root), SubprocessRunner(), print)


@pytest.fixture(scope="module")
def start_host(toolchain: Toolchain, python_modules: Path) -> Iterator[Callable[..., Host]]:
    """Starts hosts, and stops them when the module is done."""
    started: list[Host] = []

    def start(project: Path, **session: object) -> Host:
        host = Host(toolchain, python_modules, project, session)
        started.append(host)
        return host

    yield start
    for host in started:
        host.end()
