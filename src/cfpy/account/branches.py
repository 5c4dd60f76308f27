"""The branch that a preview is of, and the branches that are done: merged, or deleted."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cfpy.account.preview_note import Note
from cfpy.errors import ToolTimeoutError, UsageError
from cfpy.tools.git import Git
from cfpy.tools.invocation import command

#: CI checks out a commit, and names its branch here: GitHub Actions (a pull request, then a push),
#: GitLab CI, Workers Builds.
CI_VARIABLES = (
    *("GITHUB_HEAD_REF", "GITHUB_REF_NAME"),
    *("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH", "WORKERS_CI_BRANCH"),
)
_DEFAULTS = ("main", "master")
_HEADS = "refs/heads/"
_NAME_ONE = f"Name a preview instead: {command('preview', 'down', 'NAME')}. Nothing was deleted."


@dataclass(frozen=True)
class Branch:
    """The branch of a checkout. ``commit`` is empty if the default branch has it, so that a new
    branch is not taken for a merged one. ``pushed`` is whether the remote has its commits, and
    ``remote`` a hash of which remote that is."""

    name: str = ""
    commit: str = ""
    pushed: bool = False
    remote: str = ""


def branch_name(git: Git, root: Path) -> str:
    """The name of the branch of a project's directory; empty if that is not known."""
    return git.read(root, "symbolic-ref", "--short", "--quiet", "HEAD") or _name_from_ci()


def current_branch(git: Git, root: Path) -> Branch:
    """The branch of a project's directory; its name is empty if that is not known. Asks the
    remote."""
    name = branch_name(git, root)
    head = git.read(root, "rev-parse", "--verify", "--quiet", "HEAD") or ""
    remote = _remote(git, root)
    mains = (f"{remote}/HEAD", *(f"{remote}/{main}" for main in _DEFAULTS), *_DEFAULTS)
    is_new = head and any(git.has_ancestor(root, main, head) for main in mains)
    pushed = bool(name) and _is_pushed(git, root, remote, name, head)
    return Branch(name, "" if is_new else head, pushed, _identity(git, root, remote))


def _name_from_ci() -> str:
    # A tag is not a branch.
    tag = os.environ.get("GITHUB_REF_TYPE") == "tag"
    names = (item for item in CI_VARIABLES if not (tag and item == "GITHUB_REF_NAME"))
    return next((os.environ[item] for item in names if os.environ.get(item)), "")


def _is_pushed(git: Git, root: Path, remote: str, name: str, head: str) -> bool:
    """Whether the remote has the branch with this commit. What git has noted of a remote may be
    about a branch of that name that was deleted since."""
    by_ci = name == _name_from_ci()
    said = None
    if remote:
        with contextlib.suppress(ToolTimeoutError):
            said = git.read(root, "ls-remote", remote, f"{_HEADS}{name}")
    if said is None:
        # CI was started by a push of it, and may not be allowed to ask.
        return by_ci
    theirs = said.partition("\t")[0]
    # CI checks out a merge of it. Of a fork's branch, the remote knows nothing.
    return bool(theirs and (by_ci or theirs == head or git.has_ancestor(root, theirs, head)))


def _identity(git: Git, root: Path, remote: str) -> str:
    """A hash of the address of a remote, which may have a password in it; of the repository on
    this machine, if it has no remote. Empty if it is not known.

    The same for `https://user@host/a/b.git` and `git@host:a/b`.
    """
    if remote:
        address = git.read(root, "remote", "get-url", remote) or ""
        place = re.sub(r"^(?:\w+://)?(?:[^@/]*@)?([^:/]+)(?::\d+(?=/))?[:/]+", r"\1/", address)
    else:
        common = git.read(root, "rev-parse", "--path-format=absolute", "--git-common-dir")
        place = f"{platform.node()}:{common or root.resolve()}"
    known = place.rstrip("/").removesuffix(".git").lower()
    return hashlib.sha256(known.encode()).hexdigest()[:12] if known else ""


@dataclass(frozen=True)
class Branches:
    """The branches of a repository, by name, with their commits. They are the remote's, if there
    is one: a clone in CI has only one of them. ``remote`` is a hash of which remote that is, and
    ``local`` whether there is none."""

    default: str
    heads: Mapping[str, str] = field(default_factory=dict)
    remote: str = ""
    local: bool = False


def read_branches(git: Git, root: Path) -> Branches:
    """Ask the remote, or the repository if it has no remote.

    Raises:
        UsageError: It is not a repository, the remote does not answer, or it has no branches.
    """
    remote = _remote(git, root)
    if remote:
        said = git.read(root, "ls-remote", "--symref", remote, "HEAD", f"{_HEADS}*")
    else:
        said = git.read(root, "for-each-ref", "--format=%(objectname)\t%(refname)", _HEADS)
    if said is None:
        raise UsageError(
            f"git can't list the branches{f' of {remote}' if remote else ''}",
            hint=_NAME_ONE,
        )
    lines = [line.split("\t") for line in said.splitlines()]
    heads = {ref.removeprefix(_HEADS): commit for commit, ref in lines if ref.startswith(_HEADS)}
    points = (commit for commit, ref in lines if ref == "HEAD" and commit.startswith("ref: "))
    default = next(points, "").removeprefix(f"ref: {_HEADS}")
    default = default or next((name for name in _DEFAULTS if name in heads), "")
    # Of a repository that is empty, or another one than it was, every branch seems to be deleted.
    if default not in heads if remote else not heads:
        raise UsageError(
            f"{remote or 'the repository'} has no {'default ' if heads else ''}branch, so it is "
            "not known which branches are done",
            hint=_NAME_ONE,
        )
    return Branches(default, heads, _identity(git, root, remote), local=not remote)


def done(
    git: Git, root: Path, branches: Branches, notes: Sequence[Note]
) -> Iterator[tuple[Note, str]]:
    """The previews whose branch is done, with the reason.

    A branch is gone only if this remote had its commits: otherwise somebody has not pushed it yet,
    or has pushed it to a fork.
    """
    main = branches.heads.get(branches.default, "")
    for note in notes:
        if not note.branch or note.branch == branches.default:
            continue
        head = branches.heads.get(note.branch)
        was_here = bool(branches.remote) and note.remote == branches.remote
        if head is None and was_here and (note.pushed or branches.local):
            yield note, f"the branch {note.branch} was deleted"
        elif note.commit and main and git.has_ancestor(root, main, head or note.commit):
            yield note, f"the branch {note.branch} is merged into {branches.default}"


def _remote(git: Git, root: Path) -> str:
    names = (git.read(root, "remote") or "").splitlines()
    return "origin" if "origin" in names else next(iter(names), "")
