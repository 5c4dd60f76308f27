"""The branch that a preview is of, and the branches that are done: merged, or deleted."""

from __future__ import annotations

import os
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


@dataclass(frozen=True)
class Branch:
    """The branch of a checkout. ``commit`` is empty if the default branch has it, so that a new
    branch is not taken for a merged one. ``pushed`` is whether the remote has its commits."""

    name: str = ""
    commit: str = ""
    pushed: bool = False


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
    # CI was started by a push of it, and may not be allowed to ask.
    pushed = bool(name) and (name == _name_from_ci() or _has(git, root, remote, name, head))
    return Branch(name, "" if is_new else head, pushed)


def _name_from_ci() -> str:
    return next((os.environ[item] for item in CI_VARIABLES if os.environ.get(item)), "")


def _has(git: Git, root: Path, remote: str, name: str, head: str) -> bool:
    """Whether the remote has the branch with this commit. What git has noted of a remote may be
    about a branch of that name that was deleted since."""
    if not remote or not head:
        return False
    try:
        said = git.read(root, "ls-remote", remote, f"{_HEADS}{name}") or ""
    except ToolTimeoutError:
        return False
    theirs = said.partition("\t")[0]
    return theirs == head or bool(theirs and git.has_ancestor(root, theirs, head))


@dataclass(frozen=True)
class Branches:
    """The branches of a repository, by name, with their commits. They are the remote's, if there
    is one: a clone in CI has only one of them."""

    default: str
    heads: Mapping[str, str] = field(default_factory=dict)
    remote: bool = True


def read_branches(git: Git, root: Path) -> Branches:
    """Ask the remote, or the repository if it has no remote.

    Raises:
        UsageError: It is not a repository, or the remote does not answer.
    """
    remote = _remote(git, root)
    if remote:
        said = git.read(root, "ls-remote", "--symref", remote, "HEAD", f"{_HEADS}*")
    else:
        said = git.read(root, "for-each-ref", "--format=%(objectname)\t%(refname)", _HEADS)
    if said is None:
        raise UsageError(
            f"git can't list the branches{f' of {remote}' if remote else ''}",
            hint=f"Name a preview instead: {command('preview', 'down', 'NAME')}. "
            "Nothing was deleted.",
        )
    lines = [line.split("\t") for line in said.splitlines()]
    heads = {ref.removeprefix(_HEADS): commit for commit, ref in lines if ref.startswith(_HEADS)}
    points = (commit for commit, ref in lines if ref == "HEAD" and commit.startswith("ref: "))
    default = next(points, "").removeprefix(f"ref: {_HEADS}")
    default = default or next((name for name in _DEFAULTS if name in heads), "")
    return Branches(default, heads, bool(remote))


def done(
    git: Git, root: Path, branches: Branches, notes: Sequence[Note]
) -> Iterator[tuple[Note, str]]:
    """The previews whose branch is done, with the reason.

    A branch is gone only if the remote had its commits: otherwise somebody has not pushed it yet.
    """
    main = branches.heads.get(branches.default, "")
    for note in notes:
        if not note.branch or note.branch == branches.default:
            continue
        head = branches.heads.get(note.branch)
        if head is None and (note.pushed or not branches.remote):
            yield note, f"the branch {note.branch} was deleted"
        elif note.commit and main and git.has_ancestor(root, main, head or note.commit):
            yield note, f"the branch {note.branch} is merged into {branches.default}"


def _remote(git: Git, root: Path) -> str:
    names = (git.read(root, "remote") or "").splitlines()
    return "origin" if "origin" in names else next(iter(names), "")
