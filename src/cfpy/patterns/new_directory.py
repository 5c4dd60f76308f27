"""Creates a directory completely or not at all.

Everything is written into a scratch directory next to the target and moved there by one rename, so
that an error, a full disk or Ctrl-C leaves nothing half-written.
"""

from __future__ import annotations

import contextlib
import errno
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cfpy.errors import FilesystemError, UsageError
from cfpy.tools.git import Git, GitOutcome


def make_directory(
    git: Git, target: Path, fill: Callable[[Path], None], message: str, *, dry_run: bool
) -> tuple[tuple[str, ...], GitOutcome]:
    """Create ``target``.

    Args:
        git: Creates the first commit.
        target: A path that does not exist, or an empty directory.
        fill: Writes into an empty directory with the target's name.
        message: The message of the first commit; empty for no repository.
        dry_run: Fill a scratch directory and delete it.

    Returns:
        The files, relative and in POSIX form, and the result for the repository.

    Raises:
        UsageError: The target is taken.
        FilesystemError: Writing failed. Nothing is left behind.
    """
    refuse_taken(target)
    with _disk_errors(target), _scratch(target.parent, dry_run=dry_run) as scratch:
        # A new directory inside: that of mkdtemp has mode 0700, a project should follow the umask.
        tree = scratch / target.name
        tree.mkdir()
        fill(tree)
        files = tuple(
            sorted(p.relative_to(tree).as_posix() for p in tree.rglob("*") if p.is_file())
        )
        outcome = GitOutcome.NOT_WANTED
        if not dry_run:
            if message:
                outcome = git.first_commit(tree, message)
            _move(tree, target)
    return files, outcome


def refuse_taken(target: Path) -> None:
    """Refuse a target that already exists.

    Raises:
        UsageError: It is not empty, or not a directory.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UsageError(f"{target} exists and is not a directory", hint="Choose another name.")
    with _disk_errors(target):
        taken = target.is_dir() and any(target.iterdir())
    if taken:
        raise UsageError(
            f"{target} is not empty",
            hint="Choose another name, or another place with --into. Nothing was changed.",
        )


@contextlib.contextmanager
def _scratch(parent: Path, *, dry_run: bool) -> Iterator[Path]:
    """A temporary directory, next to the target so that a rename can move it."""
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="cfpy-") as directory:
            yield Path(directory)
        return
    made = _make_parents(parent)
    try:
        with tempfile.TemporaryDirectory(prefix=".cfpy-new-", dir=parent) as directory:
            yield Path(directory)
    except BaseException:
        for empty in made:
            with contextlib.suppress(OSError):
                empty.rmdir()
        raise


def _make_parents(parent: Path) -> list[Path]:
    """Create ``parent``; return the directories that were missing, innermost first."""
    missing = [p for p in (parent, *parent.parents) if not p.exists()]
    parent.mkdir(parents=True, exist_ok=True)
    return missing


def _move(tree: Path, target: Path) -> None:
    try:
        tree.rename(target)
    except OSError as error:
        if target.exists():
            raise UsageError(f"{target} was created in the meantime") from error
        raise


@contextlib.contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        advice = "Choose another place with --into."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "Free some space, or choose another place with --into."
        if isinstance(error, FileExistsError | NotADirectoryError):
            advice = "A file is in the way of a directory: choose another place with --into."
        raise FilesystemError(
            f"can't write {error.filename or target}: {error.strerror or error}",
            hint=f"Nothing was left behind. {advice}",
        ) from error
