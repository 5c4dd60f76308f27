"""A Worker's packages, by real pip from indexes on loopback: one in PyPI's place, one in the place
of Pyodide's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from package_index import (
    LINUX,
    PYTHON_312,
    PYTHON_313,
    PYTHON_314,
    SDK,
    Index,
    Indexes,
    Versioned,
    serving,
)
from packaged_worker import Worker

from cfpy.project import package_indexes


def test_a_package_that_only_pyodide_has(
    worker: Worker, there: Indexes, pypi: Index, pyodide: Index
) -> None:
    pypi.add("numpy", "2.5.0", LINUX)
    file = pyodide.add("numpy", "2.4.1", PYTHON_314)
    worker.needs("numpy>=2")
    worker.install()
    assert worker.version("numpy") == "2.4.1"
    locked = worker.locked()
    assert locked["numpy"]["index"] == f"{there.address('pyodide')}/314.0.7"
    [wheel] = locked["numpy"]["wheels"]
    assert wheel["hashes"] == {"sha256": hashlib.sha256(pyodide.files[file]).hexdigest()}
    assert "index" not in locked[SDK]


def test_of_one_version_the_file_of_pypi_is_taken(
    worker: Worker, pypi: Index, pyodide: Index
) -> None:
    pypi.add("jinja2", "3.1.6", content="FROM = 'pypi'\n")
    pyodide.add("jinja2", "3.1.6", content="FROM = 'pyodide'\n")
    worker.needs("jinja2")
    worker.install()
    assert "'pypi'" in (worker.root / "python_modules/jinja2/__init__.py").read_text()
    assert "index" not in worker.locked()["jinja2"]


@pytest.mark.parametrize(("algorithm", "metadata"), [("sha256", True), ("", False), ("md5", False)])
def test_a_lock_has_hashes_whatever_the_index_offers(
    worker: Worker, pyodide: Index, algorithm: str, metadata: bool
) -> None:
    pyodide.algorithm, pyodide.metadata = algorithm, metadata
    file = pyodide.add("numpy", "2.4.1", PYTHON_314)
    worker.needs("numpy")
    worker.install()
    [wheel] = worker.locked()["numpy"]["wheels"]
    assert wheel["hashes"] == {"sha256": hashlib.sha256(pyodide.files[file]).hexdigest()}


@pytest.mark.parametrize("cache", ["kept", "none"])
def test_another_machine_installs_the_lock_while_pyodides_index_is_down(
    worker: Worker, pyodide: Index, cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cache == "kept":
        monkeypatch.delenv("PIP_NO_CACHE_DIR")
        monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
        monkeypatch.setenv("CFPY_CACHE_DIR", str(tmp_path / "cfpy"))
    pyodide.add("numpy", "2.4.1", PYTHON_314)
    worker.needs("numpy")
    before = worker.install()
    lock = (worker.root / "pylock.toml").read_bytes()
    before.rename(worker.root / "old")
    pyodide.status = 503
    worker.install()
    assert worker.version("numpy") == "2.4.1"
    assert (worker.root / "pylock.toml").read_bytes() == lock


def test_a_locked_package_from_a_mirror(
    worker: Worker, pyodide: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyodide.add("numpy", "2.4.1", PYTHON_314)
    worker.needs("numpy")
    worker.install().rename(worker.root / "old")
    mirror = Index(files=dict(pyodide.files))
    pyodide.files_gone = True
    with serving(Indexes(mirror=Versioned(mirror))) as elsewhere:
        monkeypatch.setenv("CFPY_PYODIDE_INDEX", elsewhere.address("mirror"))
        worker.install()
    assert worker.version("numpy") == "2.4.1"


def test_a_locked_package_that_was_changed_is_refused(worker: Worker, pyodide: Index) -> None:
    file = pyodide.add("numpy", "2.4.1", PYTHON_314)
    worker.needs("numpy")
    worker.install().rename(worker.root / "old")
    pyodide.files[file] += b"changed"
    assert "does not match its hash in pylock.toml" in worker.fails()


def test_a_hash_that_an_index_has_wrong_is_not_blamed_on_the_lock(
    worker: Worker, pyodide: Index
) -> None:
    pyodide.add("numpy", "2.4.1", PYTHON_314)
    pyodide.wrong_hashes = True
    worker.needs("numpy")
    said = worker.fails()
    assert "does not match the hash that its index has for it" in said
    assert not (worker.root / "pylock.toml").exists()


def down(pyodide: Index) -> None:
    pyodide.status = 503


def one_page_down(pyodide: Index) -> None:
    pyodide.broken["numpy"] = 500


def silent(pyodide: Index) -> None:
    pyodide.delay = 3


@pytest.mark.slow
@pytest.mark.parametrize("how", [down, one_page_down, silent])
def test_an_index_that_did_not_answer_is_not_said_to_have_nothing(
    worker: Worker,
    there: Indexes,
    pypi: Index,
    pyodide: Index,
    how: Callable[[Index], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pypi.add("numpy", "2.5.0", LINUX)
    # It would have one.
    pyodide.add("numpy", "2.4.1", PYTHON_314)
    how(pyodide)
    monkeypatch.setattr(package_indexes, "_SECONDS", 1.0)
    worker.needs("numpy>=2")
    said = worker.fails()
    assert "no wheel of numpy that runs in a Worker (Pyodide, Python 3.14) was found" in said
    assert f"{there.address('pyodide')}/314.0.7 could not be asked" in said
    assert "CFPY_PYODIDE_INDEX" in said
    assert "neither" not in said
    assert not (worker.root / "pylock.toml").exists()


@pytest.mark.slow
def test_a_slow_index_is_waited_for(worker: Worker, pyodide: Index) -> None:
    pyodide.add("numpy", "2.4.1", PYTHON_314)
    pyodide.delay = 0.5
    worker.needs("numpy")
    worker.install()
    assert worker.version("numpy") == "2.4.1"


@pytest.mark.slow
def test_nobody_listens_where_the_index_should_be(
    worker: Worker, pypi: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFPY_PYODIDE_INDEX", "http://someone:secret@127.0.0.1:9/mirror")
    pypi.add("numpy", "2.5.0", LINUX)
    worker.needs("numpy")
    said = worker.fails()
    assert "http://127.0.0.1:9/mirror/314.0.7 could not be asked" in said
    assert "secret" not in said


def test_a_package_that_no_index_has_a_wheel_of(
    worker: Worker, pypi: Index, pyodide: Index
) -> None:
    pypi.add("torch", "2.9.0", LINUX)
    pyodide.add("numpy", "2.4.1", PYTHON_314)
    worker.needs("torch")
    said = worker.fails()
    assert "torch has no wheel that runs in a Worker (Pyodide, Python 3.14)" in said
    assert "neither PyPI nor Pyodide's package index" in said
    worker.needs("no-such-package")
    assert "there is no package 'no-such-package': neither PyPI nor" in worker.fails()


def test_what_a_dependency_needs_is_named(worker: Worker, pypi: Index, pyodide: Index) -> None:
    for version in ("3.1", "3.2"):
        pypi.add("flask", version, requires=("markupsafe>=2",))
    pypi.add("markupsafe", "3.0", LINUX)
    down(pyodide)
    worker.needs("flask")
    said = worker.fails()
    assert "no wheel of markupsafe that runs in a Worker (Pyodide, Python 3.14) was found" in said
    assert "could not be asked" in said
    assert "flask 3.2 depends on markupsafe>=2" in said


def test_packages_of_pypi_do_not_need_the_other_index(
    worker: Worker, there: Indexes, pypi: Index, pyodide: Index
) -> None:
    down(pyodide)
    pypi.add("zope.interface", "8.0")
    worker.needs("zope.interface")
    worker.install()
    assert "zope-interface" in worker.locked()
    assert any("could not be asked" in line for line in worker.said), worker.said
    # The name from the lock is the same requirement.
    (worker.root / "python_modules").rename(worker.root / "old")
    worker.install()
    assert worker.version("zope_interface") == "8.0"


@pytest.mark.parametrize(
    ("date", "flags", "asked", "version"),
    [
        ("2025-09-28", (), "0.27.7", "1.12"),
        ("2025-10-01", ("python_workers_20260610",), "314.0.7", "1.14"),
        ("2026-11-17", ("no_python_workers_314",), "0.28.3", "1.13"),
    ],
)
def test_the_python_of_the_date_decides_on_index_and_wheels(
    worker: Worker,
    there: Indexes,
    pyodide: Index,
    date: str,
    flags: tuple[str, ...],
    asked: str,
    version: str,
) -> None:
    pyodide.add("fast", "1.12", PYTHON_312)
    pyodide.add("fast", "1.13", PYTHON_313)
    pyodide.add("fast", "1.14", PYTHON_314)
    worker.needs("fast")
    worker.dated(date, *flags)
    worker.install()
    assert worker.version("fast") == version
    assert set(there.indexes["pyodide"].asked) == {asked}
    # Another date: the packages are resolved again.
    worker.dated("2026-11-17")
    worker.install()
    assert worker.version("fast") == "1.14"


def test_markers_hold_for_the_python_of_the_worker(worker: Worker, pypi: Index) -> None:
    pypi.add(
        "app",
        "1.0",
        requires=(
            "only-here; sys_platform == 'emscripten'",
            "only-there; sys_platform != 'emscripten'",
            "backport; python_version < '3.14'",
            "new; python_version >= '3.14' and platform_machine == 'wasm32'",
        ),
    )
    pypi.add("only-here", "1.0")
    pypi.add("new", "1.0")
    worker.needs("app", "old; python_version < '3.13'")
    worker.install()
    assert set(worker.locked()) == {"app", "new", "only-here", SDK}
