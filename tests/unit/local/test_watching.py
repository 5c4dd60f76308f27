"""Which changes are noticed, and as what."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from cfpy.local.watching import Change, Watched, Watcher, look

Next = Callable[[], Change]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("src/entry.py", "src/deep/a.py", "migrations/1.sql", "templates/a.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("first")
    (tmp_path / "wrangler.toml").write_text("first")
    return tmp_path


@pytest.fixture
def noticed(root: Path) -> Iterator[Next]:
    """Gives the next change, and waits for it."""
    feed: SimpleQueue[Change] = SimpleQueue()
    (root / "other").mkdir(exist_ok=True)
    (root / "lib/src").mkdir(parents=True, exist_ok=True)
    watched = Watched(
        root,
        "other.toml",
        beside=(root / "other",),
        sources=(root / "src",),
        everything=(root / "templates",),
        migrations=(root / "migrations",),
        packages=(root / "lib",),
    )
    watcher = Watcher(watched, feed.put)
    yield lambda: feed.get(timeout=120)
    watcher.stop()


def replace(path: Path, text: str) -> None:
    """Save as editors do: a new file, renamed over the old one."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


@pytest.mark.parametrize(
    ("name", "configuration"),
    [
        ("src/entry.py", False),
        ("src/deep/a.py", False),
        ("src/deep/new.py", False),
        ("templates/a.txt", False),
        ("wrangler.toml", True),
        ("wrangler.jsonc", True),
        ("other.toml", True),
        (".dev.vars", True),
        (".dev.vars.staging", True),
        (".env", True),
        (".env.staging.local", True),
        ("cfpy.toml", True),
        ("pyproject.toml", True),
        ("migrations/2.sql", True),
        ("other/wrangler.jsonc", True),
        ("other/.dev.vars", True),
        ("lib/pyproject.toml", True),
        ("lib/src/table.csv", True),
    ],
)
def test_a_change_is_noticed(root: Path, noticed: Next, name: str, configuration: bool) -> None:
    (root / name).write_text("second")
    assert noticed() == Change((name,), configuration)
    # In the same file, and of the same length.
    (root / name).write_text("SECOND")
    assert noticed() == Change((name,), configuration)


def write_slowly(path: Path, text: str) -> None:
    """Truncate, then write."""
    with path.open("w") as file:
        file.flush()
        file.write(text)


def keep_a_backup(path: Path, text: str) -> None:
    """Save as vim does: the old file moves away, and a new one has its name."""
    backup = path.rename(path.with_suffix(".py~"))
    path.write_text(text)
    backup.unlink()


def write_in_place(path: Path, text: str) -> None:
    with path.open("r+") as file:
        file.write(text)


@pytest.mark.parametrize(
    "save", [Path.write_text, write_slowly, replace, keep_a_backup, write_in_place]
)
def test_each_of_many_saves_is_noticed(
    root: Path, noticed: Next, save: Callable[[Path, str], None]
) -> None:
    """Of the same length, too: an edit of one digit."""
    for number in range(5):
        save(root / "src" / "entry.py", f"text {number}")
        assert noticed().paths == ("src/entry.py",)


@pytest.mark.parametrize("pause", [0.0, 0.002, 0.01, 0.04, 0.2])
def test_a_slow_save_is_noticed_when_it_is_whole(root: Path, pause: float) -> None:
    """Truncate, and write later: as some editors and `>` in a shell do."""
    path = root / "src" / "entry.py"
    read: SimpleQueue[str] = SimpleQueue()
    watched = Watched(root, sources=(root / "src",))
    watcher = Watcher(watched, lambda _: read.put(path.read_text()))
    for text in ("whole 0", "whole 1"):
        with path.open("w") as file:
            time.sleep(pause)
            file.write(text)
        while read.get(timeout=120) != text:
            pass
    watcher.stop()


def test_time_and_size_may_stay_the_same(root: Path, noticed: Next) -> None:
    path = root / "src" / "entry.py"
    before = path.stat()
    path.write_text("other")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert noticed().paths == ("src/entry.py",)


def test_a_plain_save_of_the_same_size_is_noticed(root: Path, noticed: Next) -> None:
    """It leaves both times of the file equal."""
    for text in ("other", "third"):
        (root / "src" / "entry.py").write_text(text)
        assert noticed().paths == ("src/entry.py",)


def test_a_file_that_goes_is_noticed(root: Path, noticed: Next) -> None:
    (root / "src" / "deep" / "a.py").unlink()
    assert noticed().paths == ("src/deep/a.py",)


def test_a_link_counts_with_what_it_leads_to(root: Path, noticed: Next) -> None:
    target = root / "elsewhere.py"
    target.write_text("first")
    (root / "src" / "entry.py").unlink()
    assert noticed() == Change(("src/entry.py",), False)
    (root / "src" / "entry.py").symlink_to(target)
    assert noticed() == Change(("src/entry.py",), False)
    target.write_text("later")
    assert noticed() == Change(("src/entry.py",), False)
    # Also one that leads nowhere, until it does.
    (root / "src" / "deep" / "a.py").unlink()
    assert noticed() == Change(("src/deep/a.py",), False)
    (root / "src" / "deep" / "a.py").symlink_to("nowhere.txt")
    (root / "src" / "deep" / "nowhere.txt").write_text("now it does")
    assert noticed() == Change(("src/deep/a.py",), False)


def test_a_folder_that_becomes_a_link_is_watched(root: Path, noticed: Next) -> None:
    (root / "src").rename(root / "real")
    (root / "src").symlink_to("real")
    (root / "src" / "entry.py").write_text("behind a link")
    assert noticed() == Change(("src/entry.py",), False)
    # One inside is not followed, as in wrangler.
    (root / "real" / "linked").symlink_to(root / "templates")
    (root / "templates" / "b.py").write_text("first")
    assert noticed() == Change(("templates/b.py",), False)


def test_what_does_not_count_is_not_looked_at(root: Path) -> None:
    for name in ("src/notes.txt", "README.md", "node_modules/x.js", ".wrangler/x", "wrangler.lock"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x")
    found = look(Watched(root, everything=(root / "node_modules" / "none",)))
    assert {Path(path).name for path in found} == {"wrangler.toml"}
    everything = look(Watched(root, everything=(root,)))
    assert not {path for path in everything if "node_modules" in path or ".wrangler" in path}


def test_an_earlier_look_counts(root: Path) -> None:
    watched = Watched(root, sources=(root / "src",))
    before = look(watched)
    (root / "src" / "entry.py").write_text("while nobody looked")
    feed: SimpleQueue[Change] = SimpleQueue()
    watcher = Watcher(watched, feed.put, since=before)
    assert feed.get(timeout=120).paths == ("src/entry.py",)
    watcher.stop()


def test_configuration_is_told_alone(root: Path, noticed: Next) -> None:
    (root / "src" / "entry.py").write_text("second")
    (root / "wrangler.toml").write_text("second")
    told = noticed()
    # The two may come in one look or in two.
    assert told in (Change(("wrangler.toml",), True), Change(("src/entry.py",), False))


def test_data_of_the_run_and_its_own_output_are_no_edits(root: Path) -> None:
    (root / "state").mkdir()
    (root / "state" / "db.sqlite").write_text("x")
    watched = Watched(root, everything=(root,), ignored=(root / "state",))
    assert not {path for path in look(watched) if "sqlite" in path}
    log = root / "dev.log"
    before = os.dup(2)
    try:
        with log.open("w") as file:
            os.dup2(file.fileno(), 2)
        assert str(log) not in look(watched)
    finally:
        os.dup2(before, 2)
        os.close(before)
    assert str(log) in look(watched)


def test_of_a_local_package_only_its_sources_count(root: Path) -> None:
    for name in ("lib/lib.py", "lib/build/lib/lib.py", "lib/lib.egg-info/PKG-INFO", "lib/.venv/a"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    found = look(Watched(root / "src", "no.toml", packages=(root / "lib",)))
    assert list(found) == [str(root / "lib/lib.py")]


def test_the_project_in_a_local_package_keeps_its_code(root: Path) -> None:
    (root / "lib.py").write_text("first")
    feed: SimpleQueue[Change] = SimpleQueue()
    watched = Watched(root / "src", sources=(root / "src",), packages=(root,))
    watcher = Watcher(watched, feed.put)
    (root / "src/entry.py").write_text("second")
    assert feed.get(timeout=120) == Change(("entry.py",), configuration=False)
    (root / "lib.py").write_text("second")
    assert feed.get(timeout=120) == Change(("../lib.py",), configuration=True)
    watcher.stop()
