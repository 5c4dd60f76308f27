"""``cfpy update``: updates a project to a newer version of its pattern.

It renders the pattern again, and merges its changes into the project. The project stores what its
pattern rendered (:mod:`cfpy.patterns.base_archive`), so the older version of the pattern is not
needed, nor a network for a pattern on this machine.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cfpy.errors import CancelledError, PatternError, UsageError
from cfpy.patterns.answers import read_answers as read_given
from cfpy.patterns.answers_file import ANSWERS_FILE, MadeOf, answers_text, made_of, read_answers
from cfpy.patterns.base_archive import BASE_FILE, pack, read_base
from cfpy.patterns.config_format import format_in, with_format
from cfpy.patterns.config_merge import merge_values
from cfpy.patterns.copier_format import check_format
from cfpy.patterns.known_patterns import known_patterns
from cfpy.patterns.merge import (
    BaseFile,
    Blocked,
    File,
    Outcome,
    Step,
    merge_trees,
)
from cfpy.patterns.pattern import Pattern
from cfpy.patterns.rendering import commit_of, may_run_code
from cfpy.patterns.renewal import Renewal, Renewing
from cfpy.patterns.source import GitSource, parse_source
from cfpy.project.changes import NewContent, apply, make_directories
from cfpy.project.config_file import NAMES
from cfpy.project.lock import alone
from cfpy.tools.context import Context
from cfpy.tools.invocation import command

#: The suffix for the pattern's version of a file that can't be merged.
BESIDE = ".from-pattern"


@dataclass(frozen=True)
class UpdateRequest:
    """What to update to. ``source`` is the new place of the pattern, empty for the old one; ``ref``
    a version of a git repository. ``only_look`` changes nothing."""

    root: Path
    source: str
    ref: str
    answers: Mapping[str, Any]
    interactive: bool
    trust: bool
    only_look: bool


@dataclass(frozen=True)
class UpdateResult:
    """What an update did, or would do. ``before`` and ``after`` have the old and new content of
    each changed file, ``None`` for no file. ``closing`` is the pattern's message at the end."""

    old: MadeOf
    new: MadeOf
    steps: tuple[Step, ...]
    before: Mapping[str, bytes | None]
    after: Mapping[str, bytes | None]
    closing: str = ""

    @property
    def up_to_date(self) -> bool:
        """Whether the project has the pattern's newest version."""
        return not self.steps and self.old.version == self.new.version

    @property
    def conflicts(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.outcome is Outcome.CONFLICT)


def update(
    ctx: Context,
    request: UpdateRequest,
    may_run: Callable[[Pattern], bool] = lambda _: False,
    say: Callable[[str], None] = lambda _: None,
) -> UpdateResult:
    """Update a project to the newest version of its pattern.

    Args:
        ctx: The tools of the run.
        request: What to update to.
        may_run: Called for a pattern that wants to run code and was not trusted before.
        say: Called with the pattern's message before its first question.

    Raises:
        UsageError: There are uncommitted changes, or the project is not in a git repository.
        ProjectError: It was not created by cfpy, or its records are not valid.
        PatternError: The pattern does not exist or is older than the project, or an answer is not
            valid.
        ToolNotFoundError: git is not installed.
        FilesystemError: Writing failed. Nothing was changed.
    """
    with alone(request.root, dry_run=request.only_look):
        root = request.root.resolve()
        old = read_answers(root)
        base = _base(root)
        if not request.only_look:
            _refuse_uncommitted(ctx, root)
        pattern = _newest(ctx, old, request)
        check_format(pattern)
        trusted = may_run_code(pattern, may_run, trust_it=request.trust)
        if request.interactive:
            say("")  # A spinner would draw over its questions.
        else:
            ctx.progress(f"Rendering {pattern.name} {pattern.manifest.version}")
        given, last = _answers(pattern, old, request.answers)
        options = {
            "trusted": trusted,
            "folder": str(old.answers.get("project_name") or root.name),
            "commit": commit_of(ctx, pattern),
            "then": old.answers,
            "config": format_in(root),
        }
        with tempfile.TemporaryDirectory(prefix="cfpy-update-") as scratch, _unchanged():
            renewing = Renewing(pattern, root, base, Path(scratch), given, last, options)
            renewal, steps = _renewed(ctx, request, renewing, say)
        new = made_of(pattern, renewal.told.answers)
        changes = _changes(steps)
        if not request.only_look:
            _refuse(sorted(changes.keys() & ctx.git.untracked(root)))
        result = UpdateResult(old, new, steps, *_both_sides(root, changes), renewal.told.closing)
        if not request.only_look:
            if not (result.up_to_date and old == new):
                apply(root, {**changes, **_records(new, renewal)})
            make_directories(root, renewal.directories)
        return result


def _records(new: MadeOf, renewal: Renewal) -> dict[str, NewContent]:
    """What the project keeps for the next update."""
    return {
        ANSWERS_FILE.as_posix(): NewContent(answers_text(new).encode()),
        BASE_FILE.as_posix(): NewContent(pack(renewal.standing)),
    }


@contextlib.contextmanager
def _unchanged() -> Iterator[None]:
    """Until something is written, a cancelled question has changed nothing."""
    try:
        yield
    except CancelledError:
        raise CancelledError("Nothing was changed.") from None


def _base(root: Path) -> dict[str, BaseFile]:
    """The base, with its configuration in the format of the project's: it may have been converted
    by hand."""
    return with_format(read_base(root), format_in(root))


def _renewed(
    ctx: Context, request: UpdateRequest, renewing: Renewing, say: Callable[[str], None]
) -> tuple[Renewal, tuple[Step, ...]]:
    """Render the pattern, and compute the changes. If they need a secret answer that is not in the
    project, ask for it."""
    root = renewing.root
    renewal = renewing.renew(interactive=request.interactive, say=say)
    steps = _merged(ctx, root, renewal, renewing.pattern)

    def mine(name: str) -> File | None:
        found = look_up(root, name, set())
        return found if isinstance(found, File) else None

    needed = [] if request.only_look else renewing.depending(renewal, steps, mine)
    if needed and request.interactive:
        # A question is not asked twice.
        renewing = replace(renewing, last=renewal.told.answers)
        renewal = renewing.renew(interactive=True, ask_for=renewal.unknown)
        return renewal, _merged(ctx, root, renewal, renewing.pattern)
    if needed:
        names = " and ".join(map(repr, renewal.unknown))
        options = [part for name in renewal.unknown for part in ("--answer", f"{name}=...")]
        raise PatternError(
            f"the pattern changes lines that depend on {names}, in {', '.join(needed[:5])}; this "
            "answer is secret, so it was not saved, and it was not found in the project",
            hint=f"Enter it again: {command('update', *options)}, or with --answers-file FILE. "
            "Nothing was changed.",
        )
    return renewal, steps


def look_up(root: Path, name: str, ignored: set[str]) -> File | Blocked | None:
    """The project's file ``name``."""
    path = root
    parts = name.split("/")
    for part in parts[:-1]:
        path /= part
        if path.is_symlink() or path.is_file():
            return Blocked(f"{path.relative_to(root).as_posix()} is not a directory here")
    path = root / name
    if path.is_symlink() or path.is_dir():
        return Blocked("there is a link or a directory in its place")
    if not path.exists():
        return None
    if name in ignored:
        return Blocked("git ignores it here, so it could not be restored")
    return File(path.read_bytes(), bool(path.stat().st_mode & 0o100))


def _refuse_uncommitted(ctx: Context, root: Path) -> None:
    changes = ctx.git.changes(root)
    if changes is None:
        raise UsageError(
            f"{root} is not in a git repository, so the update could not be undone",
            hint="git init && git add --all && git commit --message 'Before the update'",
        )
    # Untracked files stay as they are, unless the update has files of the same name.
    _refuse([change[3:] for change in changes if not change.startswith("??")])


def _refuse(names: Sequence[str]) -> None:
    if names:
        listed = ", ".join(names[:5])
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise UsageError(
            f"there are uncommitted changes: {listed}{more}",
            hint="Commit them or git stash them, then run the command again. To preview the update "
            "without "
            f"changing anything: {command('update', '--dry-run')}",
        )


def _newest(ctx: Context, old: MadeOf, request: UpdateRequest) -> Pattern:
    source = request.source or old.source
    ctx.progress(f"Looking up {source}")
    if request.ref and not isinstance(parse_source(source), GitSource):
        raise UsageError(
            f"--to {request.ref} needs a pattern from a git repository; this one is {source}",
            hint="Leave out --to, or name a repository with --from.",
        )
    try:
        pattern = known_patterns(ctx).get(source, request.ref)
    except PatternError as error:
        if request.source:
            raise
        raise PatternError(
            f"the pattern of this project can't be found: {error.message}",
            hint="Name its new place with --from: a name, a directory or a git URL.",
        ) from error
    if _is_older(pattern.manifest.version, old.version) and not request.ref:
        raise PatternError(
            f"this project was created from {old.name} {old.version}; the installed version is "
            f"{pattern.manifest.version}",
            hint="Install the newer cfpy, or the newer package of the pattern.",
        )
    return pattern


def _is_older(version: str, than: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version) < Version(than)
    except InvalidVersion:
        return False


def _answers(
    pattern: Pattern, old: MadeOf, given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The new answers, and the old ones to questions that are still asked."""
    now = read_given(pattern, given)
    asked = {question.name: question for question in pattern.questions}
    kept = {
        name: value
        for name, value in old.answers.items()
        if name in asked and name not in now and not asked[name].kept_in_project
    }
    last = read_given(pattern, kept)
    # A computed value that was saved was given by the user.
    by_hand = {name: last.pop(name) for name in list(last) if asked[name].computed}
    return {**by_hand, **now}, last


def _merged(ctx: Context, root: Path, renewal: Renewal, pattern: Pattern) -> tuple[Step, ...]:
    base, rendered, told = dict(renewal.base), dict(renewal.files), renewal.told
    for name in {*base, *rendered}:
        if told.excluded(name):
            rendered.pop(name, None)
            if told.was_excluded(name):
                base.pop(name, None)
        elif told.skipped(name):
            # An existing file stays as it is; a missing one is created, even if it was deleted.
            base.pop(name, None)
            if look_up(root, name, set()) is not None:
                rendered.pop(name, None)
    known = ctx.git.changes(root) is not None
    ignored = ctx.git.ignored(root, rendered) if known else set()
    old, new = read_answers(root), pattern.manifest.version
    labels = ("yours", f"{old.name} {old.version}", f"{pattern.name} {new}")

    def merge_file(name: str, mine: bytes, before: bytes, theirs: bytes) -> tuple[bytes, bool]:
        merged, conflicts = ctx.git.merge_file(mine, before, theirs, labels)
        by_value = merge_values(name, mine, before, theirs) if conflicts and name in NAMES else None
        return (merged, conflicts) if by_value is None else (by_value, False)

    return merge_trees(
        base, rendered, lambda name: look_up(root, name, ignored - set(base)), merge_file
    )


def _changes(steps: tuple[Step, ...]) -> dict[str, NewContent | None]:
    changes: dict[str, NewContent | None] = {}
    for step in steps:
        if step.outcome is Outcome.REMOVED:
            changes[step.name] = None
        elif step.result is not None:
            changes[step.name] = NewContent(step.result.data, step.result.executable)
        if step.beside is not None:
            changes[step.name + BESIDE] = NewContent(step.beside.data, step.beside.executable)
    return changes


def _both_sides(
    root: Path, changes: Mapping[str, NewContent | None]
) -> tuple[dict[str, bytes | None], dict[str, bytes | None]]:
    before = {
        name: (root / name).read_bytes() if (root / name).is_file() else None for name in changes
    }
    return before, {name: item.data if item else None for name, item in changes.items()}
