"""Patterns in git repositories: fetched into the cache once, and read from there by commit."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from cfpy.errors import PatternError, ToolNotFoundError
from cfpy.patterns.source import GitSource
from cfpy.tools.child_environment import git_environment
from cfpy.tools.process import Completed, Runner
from cfpy.tools.toolchain import cache_directory

_SECONDS = 300.0
# Overrides of the user's settings: hooks, and line endings that `git archive` would write instead
# of the pattern's.
_OWN_SETTINGS = tuple(
    part
    for setting in (f"core.hooksPath={os.devnull}", "core.autocrlf=false", "core.eol=lf")
    for part in ("-c", setting)
)
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


class Repositories:
    """Bare copies of repositories, one directory each in cfpy's cache."""

    def __init__(self, runner: Runner, progress: Callable[[str], None]) -> None:
        self._runner = runner
        self._progress = progress

    def commit(self, source: GitSource) -> str:
        """The commit that ``source`` refers to now; without a ref, that of the tag with the newest
        version, or else of the default branch.

        Without a network, the copy in the cache is used.

        Raises:
            ToolNotFoundError: git is not installed.
            PatternError: There is no such repository, or no such ref in it.
        """
        if shutil.which("git") is None:
            raise ToolNotFoundError("git is not installed", hint="Install git, or use a path.")
        self._fetch(source.url)
        ref = source.ref or self._newest_tag(source.url) or "HEAD"
        for name in (f"refs/tags/{ref}", f"refs/heads/{ref}", ref):
            found = self._git(source.url, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
            if found.returncode == 0:
                return found.stdout.strip()
        raise PatternError(
            f"{source.url} has no tag, branch or commit {ref!r}",
            hint=f"Its tags: {', '.join(self._tags(source.url)) or 'none'}.",
        )

    def export(self, source: GitSource, commit: str) -> Path:
        """The files of a commit, in a read-only directory of the cache.

        Raises:
            PatternError: The commit has no such directory.
        """
        target = cache_directory() / "patterns" / "trees" / commit
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as scratch:
                self._extract(source.url, commit, Path(scratch))
                with contextlib.suppress(OSError):
                    # Another run may have been faster.
                    (Path(scratch) / "tree").rename(target)
        root = target / source.directory
        if not root.is_dir():
            raise PatternError(f"{source.url} has no directory {source.directory!r}")
        return root

    def _extract(self, url: str, commit: str, scratch: Path) -> None:
        import tarfile  # slow to load, and most commands fetch nothing

        archive = scratch / "tree.tar"
        done = self._git(url, "archive", "--format=tar", f"--output={archive}", commit)
        if done.returncode != 0:
            raise PatternError(f"can't read {commit} of {url}: {done.tail(3)}")
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(scratch / "tree", filter="data")
        except tarfile.TarError as error:
            raise PatternError(
                f"{url} contains something that patterns may not contain: {error}",
                hint="Patterns may only contain directories and regular files.",
            ) from error

    def _fetch(self, url: str) -> None:
        copy = self._copy(url)
        self._progress(f"Fetching {url}")
        if not (copy / "HEAD").is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            done = self._run("clone", "--bare", "--quiet", "--template=", "--", url, str(copy))
            if done.returncode != 0:
                shutil.rmtree(copy, ignore_errors=True)
                raise PatternError(
                    f"can't fetch {url}: {done.tail(3)}",
                    hint="Check the address, the network and git's access to the repository.",
                )
            return
        refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        # If this fails, there is no network: use the existing copy.
        self._git(url, "fetch", "--quiet", "--prune", "--", url, *refs)

    def _newest_tag(self, url: str) -> str:
        versions = {
            tuple(int(part or 0) for part in found.groups()): tag
            for tag in self._tags(url)
            if (found := _VERSION.fullmatch(tag))
        }
        return versions[max(versions)] if versions else ""

    def _tags(self, url: str) -> list[str]:
        return self._git(url, "tag", "--list").stdout.split()

    def _copy(self, url: str) -> Path:
        name = hashlib.sha256(url.encode()).hexdigest()[:16]
        return cache_directory() / "patterns" / "repositories" / f"{name}.git"

    def _git(self, url: str, *arguments: str) -> Completed:
        return self._run(f"--git-dir={self._copy(url)}", *arguments)

    def _run(self, *arguments: str) -> Completed:
        # Forbid transports that run commands (ext::).
        allowed = {"GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"}
        argv = ["git", *_OWN_SETTINGS, *arguments]
        return self._runner.run(argv, env=git_environment(os.environ) | allowed, timeout=_SECONDS)
