"""A project that needs packages, and the indexes that have them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from package_index import SDK, Index, Indexes, Versioned, serving
from packaged_worker import Worker


@pytest.fixture
def pypi() -> Index:
    index = Index()
    index.add(SDK, "1.9.5")
    index.add("pip", "26.0")
    return index


@pytest.fixture
def pyodide() -> Index:
    """The index of Pyodide; the path of a version is part of each request."""
    return Index()


@pytest.fixture
def there(pypi: Index, pyodide: Index, monkeypatch: pytest.MonkeyPatch) -> Iterator[Indexes]:
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    corp = Index()
    with serving(Indexes(pypi=pypi, pyodide=Versioned(pyodide), corp=corp)) as indexes:
        monkeypatch.setenv("PIP_INDEX_URL", indexes.address("pypi"))
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "5")
        monkeypatch.setenv("CFPY_PYODIDE_INDEX", indexes.address("pyodide"))
        yield indexes


@pytest.fixture
def worker(there: Indexes, tmp_path: Path) -> Worker:
    worker = Worker(tmp_path / "w")
    worker.needs()
    return worker
