"""The git commands that a project needs: first commit, uncommitted changes, and merges."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from cfpy.errors import FilesystemError, ToolNotFoundError
from cfpy.tools.child_environment import git_environment
from cfpy.tools.process import Completed, Runner

# Overrides of the user's settings for a tree that was just written: `safecrlf` refuses a line
# ending that `autocrlf` would change, and a hook or a signing key may prompt or refuse.
_WHEN_ADDING = ("-c", "core.safecrlf=false", "-c", "core.fsmonitor=false")
_WHEN_COMMITTING = ("-c", "commit.gpgsign=false", "-c", f"core.hooksPath={os.devnull}")


class GitOutcome(StrEnum):
    """The result of creating a repository."""

    COMMITTED = "committed"
    NOT_WANTED = "not_wanted"
    NO_GIT = "no_git"
    INSIDE_REPOSITORY = "inside_repository"
    FAILED = "failed"


class Git:
    """Runs this machine's git, if it is installed."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def first_commit(self, directory: Path, message: str) -> GitOutcome:
        """Turn ``directory`` into a repository, and commit everything in it.

        A directory inside another repository stays part of it. Hooks and signing from the user's
        configuration are turned off: they may prompt, or reject a new tree.
        """
        if shutil.which("git") is None:
            return GitOutcome.NO_GIT
        if self._git(directory, "rev-parse", "--is-inside-work-tree").stdout.strip() == "true":
            return GitOutcome.INSIDE_REPOSITORY
        steps = (
            ("init", "--quiet", "--initial-branch=main"),
            (*_WHEN_ADDING, "add", "--all"),
            (
                *self._identity(directory),
                *_WHEN_COMMITTING,
                *("commit", "--quiet", "--message", message),
            ),
        )
        for step in steps:
            if self._git(directory, *step).returncode != 0:
                shutil.rmtree(directory / ".git", ignore_errors=True)
                return GitOutcome.FAILED
        return GitOutcome.COMMITTED

    def changes(self, directory: Path) -> list[str] | None:
        """The uncommitted changes below ``directory``, as ``git status --short`` prints them;
        ``None`` if it is not in a repository.

        Raises:
            ToolNotFoundError: git is not installed.
        """
        if shutil.which("git") is None:
            raise ToolNotFoundError("git is not installed", hint="Install git.")
        # `status.showUntrackedFiles=no` would hide what an update overwrites.
        argv = ("status", "--porcelain", "--untracked-files=normal", "--", ".")
        done = self._git(directory, *argv)
        return done.stdout.splitlines() if done.returncode == 0 else None

    def described(self, directory: Path) -> str:
        """The commit of a repository in copier's form: based on its newest tag, if it has one.

        Empty if ``directory`` is not the root of a repository, or has uncommitted changes.
        """
        if shutil.which("git") is None or not (directory / ".git").exists():
            return ""
        if self._git(directory, "status", "--porcelain").stdout.strip():
            return ""
        done = self._git(directory, "describe", "--tags", "--always")
        return done.stdout.strip() if done.returncode == 0 else ""

    def read(self, directory: Path, *arguments: str) -> str | None:
        """What a command that changes nothing prints; ``None`` if it fails, or git is not
        installed."""
        if shutil.which("git") is None:
            return None
        done = self._git(directory, *arguments)
        return done.stdout.strip() if done.returncode == 0 else None

    def has_ancestor(self, directory: Path, commit: str, ancestor: str) -> bool | None:
        """Whether ``commit`` has all of ``ancestor``; ``None`` if one of them is not here."""
        if shutil.which("git") is None:
            return None
        done = self._git(directory, "merge-base", "--is-ancestor", ancestor, commit)
        return {0: True, 1: False}.get(done.returncode)

    def ignored(self, directory: Path, names: Iterable[str]) -> set[str]:
        """The files in ``names`` that git ignores."""
        argv = ["git", "check-ignore", "--stdin", "-z"]
        done = self._runner.run(
            argv,
            cwd=directory,
            env=git_environment(os.environ),
            stdin="\0".join(names),
            timeout=60,
        )
        return set(done.stdout.split("\0")) - {""}

    def exclude(self, directory: Path, name: str) -> None:
        """Ignore files of this name in this clone, unless the project does.

        If that is not possible, it does not matter.
        """
        where = self.read(directory, "rev-parse", "--git-path", "info/exclude")
        if where is None or self.ignored(directory, [name]):
            return
        path = directory / where
        with contextlib.suppress(OSError, UnicodeDecodeError):
            lines = path.read_text("utf-8").splitlines() if path.exists() else []
            if name not in lines:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("\n".join([*lines, name, ""]), "utf-8")

    def untracked(self, directory: Path) -> set[str]:
        """The files below ``directory`` that git does not track and would add."""
        argv = ("ls-files", "--others", "--exclude-standard", "-z")
        return set(self._git(directory, *argv).stdout.split("\0")) - {""}

    def files(self, directory: Path) -> list[str]:
        """The files below ``directory`` that git tracks or would add."""
        argv = ("ls-files", "--cached", "--others", "--exclude-standard", "-z", "--deduplicate")
        return sorted(set(self._git(directory, *argv).stdout.split("\0")) - {""})

    def merge_file(
        self, mine: bytes, base: bytes, theirs: bytes, labels: tuple[str, str, str]
    ) -> tuple[bytes, bool]:
        """Merge texts line by line with ``git merge-file``; also return whether there are
        conflicts.

        Raises:
            FilesystemError: git failed.
        """
        with tempfile.TemporaryDirectory(prefix="cfpy-merge-") as scratch:
            names = ("mine", "base", "theirs")
            for name, data in zip(names, (mine, base, theirs), strict=True):
                (Path(scratch) / name).write_bytes(data)
            options = [part for label in labels for part in ("-L", label)]
            done = self._git(Path(scratch), "merge-file", "--quiet", *options, *names)
            if not 0 <= done.returncode < 128:
                raise FilesystemError(f"git can't merge: {done.tail(3)}")
            # The exit status is the number of conflicts, at most 127.
            return (Path(scratch) / "mine").read_bytes(), done.returncode > 0

    def _identity(self, directory: Path) -> tuple[str, ...]:
        """Options that name an author if none is configured; otherwise git refuses to commit."""
        wanted = {"user.name": "cfpy", "user.email": "cfpy@localhost"}
        missing = [
            f"{key}={value}"
            for key, value in wanted.items()
            if not self._git(directory, "config", key).stdout.strip()
        ]
        return tuple(part for setting in missing for part in ("-c", setting))

    def _git(self, directory: Path, *arguments: str) -> Completed:
        argv = ["git", *arguments]
        return self._runner.run(argv, cwd=directory, env=git_environment(os.environ), timeout=60)
