"""Options and fixtures of the whole suite."""

from __future__ import annotations

import functools
import gc
import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is up to the machine, and to what else runs on it. CFPY_FUZZ=2000 looks
# for new examples, so many for each property; without it the same ones are tried each time.
FUZZ = os.environ.get("CFPY_FUZZ", "")
settings.register_profile(
    "cfpy", deadline=None, derandomize=not FUZZ, max_examples=int(FUZZ or 100)
)
settings.load_profile("cfpy")


# Pyodide's package index answers on some machines only. The tests of it serve one of their own.
os.environ["CFPY_PYODIDE_INDEX"] = "off"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Rewrite tests/golden from what the patterns render now. Review the diff.",
    )
    parser.addoption(
        "--update-media",
        action="store_true",
        help="Rewrite the pictures of the pages in docs/media.",
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay to the end of the run: no search for garbage looks at them, neither
    while they become more nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of this run, which all its processes have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def _logs_of_wrangler(shared: Path) -> None:
    """wrangler looks through all its logs at each start: it gets a folder for this run, and leaves
    no thousands of files in the home of whoever runs the tests."""
    os.environ["WRANGLER_LOG_PATH"] = str(shared / "wrangler.log")


@pytest.fixture(scope="session")
def vendored(shared: Path) -> Callable[[str], Path]:
    """A project of a pattern with its Worker's packages: installed once in a run, to be copied."""
    # Most tests run no project: they need not wait for these imports.
    from projects import vendored_project

    return functools.cache(lambda pattern: vendored_project(pattern, shared / "vendored" / pattern))


@pytest.fixture(scope="session")
def sdk(vendored: Callable[[str], Path]) -> Callable[[Path], Path]:
    """Locks the packages of a project without requirements: what is in a lock is installed without
    a run of pip if it was installed before. For another Python than the newest, it is resolved."""

    def lock(project: Path) -> Path:
        shutil.copy(vendored("pipeline") / "pylock.toml", project)
        return project

    return lock


@pytest.fixture(scope="session")
def ready_in(vendored: Callable[[str], Path]) -> Callable[[str, Path], Path]:
    """Copies a project called shop, with its Worker's packages, into a directory."""

    def copy(pattern: str, directory: Path) -> Path:
        return Path(shutil.copytree(vendored(pattern), directory / "shop", symlinks=True))

    return copy
