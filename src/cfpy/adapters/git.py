"""What a project needs of git: its first commit, what is not committed, and merges."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from cfpy.adapters.child_environment import git_environment
from cfpy.adapters.process import Completed, Runner
from cfpy.errors import FilesystemError, ToolNotFoundError

# Settings of the user's that can't apply to a tree that was just written: `safecrlf` refuses a line
# ending that `autocrlf` would change, and a hook or a key may prompt or refuse.
_WHEN_ADDING = ("-c", "core.safecrlf=false", "-c", "core.fsmonitor=false")
_WHEN_COMMITTING = ("-c", "commit.gpgsign=false", "-c", f"core.hooksPath={os.devnull}")


class GitOutcome(StrEnum):
    """What became of the request for a repository."""

    COMMITTED = "committed"
    NOT_WANTED = "not_wanted"
    NO_GIT = "no_git"
    INSIDE_REPOSITORY = "inside_repository"
    FAILED = "failed"


class Git:
    """Drives the git of this machine, if there is one."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def first_commit(self, directory: Path, message: str) -> GitOutcome:
        """Make ``directory`` a repository with everything in it committed.

        A directory inside another repository stays part of that one. Hooks and signing of the
        user's own configuration are left out: they may prompt, or reject a fresh tree.
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
        """What is not committed below ``directory``, as ``git status --short`` has it; ``None``
        where it lies in no repository.

        Raises:
            ToolNotFoundError: There is no git.
        """
        if shutil.which("git") is None:
            raise ToolNotFoundError("git is missing", hint="Install git.")
        # `status.showUntrackedFiles=no` would hide what an update overwrites.
        argv = ("status", "--porcelain", "--untracked-files=normal", "--", ".")
        done = self._git(directory, *argv)
        return done.stdout.splitlines() if done.returncode == 0 else None

    def described(self, directory: Path) -> str:
        """The commit of a repository as copier names it: by its newest tag, if it has one.

        Empty where ``directory`` is no repository's root, or holds what is not committed.
        """
        if shutil.which("git") is None or not (directory / ".git").exists():
            return ""
        if self._git(directory, "status", "--porcelain").stdout.strip():
            return ""
        done = self._git(directory, "describe", "--tags", "--always")
        return done.stdout.strip() if done.returncode == 0 else ""

    def ignored(self, directory: Path, names: Iterable[str]) -> set[str]:
        """Which of the files ``names`` git does not look at."""
        argv = ["git", "check-ignore", "--stdin", "-z"]
        done = self._runner.run(
            argv,
            cwd=directory,
            env=git_environment(os.environ),
            stdin="\0".join(names),
            timeout=60,
        )
        return set(done.stdout.split("\0")) - {""}

    def untracked(self, directory: Path) -> set[str]:
        """The files below ``directory`` that git does not know and would add."""
        argv = ("ls-files", "--others", "--exclude-standard", "-z")
        return set(self._git(directory, *argv).stdout.split("\0")) - {""}

    def files(self, directory: Path) -> list[str]:
        """The files below ``directory`` that git knows or would add."""
        argv = ("ls-files", "--cached", "--others", "--exclude-standard", "-z", "--deduplicate")
        return sorted(set(self._git(directory, *argv).stdout.split("\0")) - {""})

    def merge_file(
        self, mine: bytes, base: bytes, theirs: bytes, labels: tuple[str, str, str]
    ) -> tuple[bytes, bool]:
        """Merge texts line by line, as ``git merge-file`` does; say whether it left conflicts.

        Raises:
            FilesystemError: git could not do it.
        """
        with tempfile.TemporaryDirectory(prefix="cfpy-merge-") as scratch:
            names = ("mine", "base", "theirs")
            for name, data in zip(names, (mine, base, theirs), strict=True):
                (Path(scratch) / name).write_bytes(data)
            options = [part for label in labels for part in ("-L", label)]
            done = self._git(Path(scratch), "merge-file", "--quiet", *options, *names)
            if not 0 <= done.returncode < 128:
                raise FilesystemError(f"git can't merge: {done.tail(3)}")
            # More conflicts than a process can count end as 127.
            return (Path(scratch) / "mine").read_bytes(), done.returncode > 0

    def _identity(self, directory: Path) -> tuple[str, ...]:
        """Options that name an author where the machine has none; git refuses to commit else."""
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
