"""``cfpy new``: a pattern and answers in, a complete project out, or nothing at all.

Everything is rendered into a scratch directory beside the target and moved there by one rename,
so that an error, a full disk or Ctrl-C leaves no half-written project.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cfpy.adapters.answers_file import ANSWERS_FILE, answers_text, made_of
from cfpy.adapters.base_archive import BASE_FILE, pack, read_tree
from cfpy.adapters.git import GitOutcome
from cfpy.adapters.trust import is_trusted, trust
from cfpy.commands.context import Context
from cfpy.domain.names import check_project_name
from cfpy.domain.pattern import Pattern
from cfpy.errors import FilesystemError, PatternError, UsageError

_NAME_QUESTION = "project_name"


@dataclass(frozen=True)
class NewRequest:
    """What to make. ``answers`` are texts from the command line or values from a file. ``trust``
    lets the pattern run what it brings, and remembers that for this version of it."""

    pattern: str
    name: str
    parent: Path
    answers: Mapping[str, Any]
    interactive: bool
    dry_run: bool
    git: bool
    trust: bool = False


@dataclass(frozen=True)
class NewResult:
    """What was made (or, in a dry run, would be). ``files`` are relative, in POSIX form."""

    pattern: Pattern
    path: Path
    answers: Mapping[str, Any]
    files: tuple[str, ...]
    git: GitOutcome
    dry_run: bool


def run(
    ctx: Context,
    request: NewRequest,
    may_run: Callable[[Pattern], bool] = lambda _: False,
) -> NewResult:
    """Make a project.

    Args:
        ctx: Adapters.
        request: What to make.
        may_run: Asked about a pattern that wants to run code and was not trusted before.

    Raises:
        UsageError: The name can't name a Worker, or the target is taken.
        PatternError: No such pattern, no such question, or an answer that does not fit.
        FilesystemError: The disk refused. Nothing is left behind.
    """
    name = check_project_name(request.name)
    pattern = ctx.patterns.get(request.pattern)
    checked_answers(pattern, request.answers)
    answers = _with_name(pattern, request.answers, name)
    target = request.parent / name
    _refuse_taken(target)
    trusted = may_run_code(pattern, may_run, trust_it=request.trust)
    with _disk_errors(target), _scratch(request.parent, dry_run=request.dry_run) as scratch:
        # A directory of our own inside: mkdtemp's is 0700, a project follows the umask.
        tree = scratch / name
        tree.mkdir()
        tasks = not request.dry_run
        options = {"interactive": request.interactive, "trusted": trusted, "run_tasks": tasks}
        recorded = render_with(pattern, tree, answers, **options)
        base = tree
        if trusted and tasks:
            # An update runs no tasks: what they make is not the pattern's to merge.
            base = scratch / "base"
            base.mkdir()
            options |= {"interactive": False, "run_tasks": False}
            render_with(pattern, base, {**answers, **recorded}, **options)
        _record(pattern, recorded, tree, base)
        files = tuple(
            sorted(p.relative_to(tree).as_posix() for p in tree.rglob("*") if p.is_file())
        )
        outcome = GitOutcome.NOT_WANTED
        if not request.dry_run:
            if request.git:
                message = f"Start {name} from the cfpy pattern {pattern.name}"
                outcome = ctx.git.first_commit(tree, message)
            _move(tree, target)
    return NewResult(pattern, target, recorded, files, outcome, request.dry_run)


def read_answers_file(path: Path) -> dict[str, Any]:
    """Read answers from a YAML or JSON file: one mapping of question names.

    Raises:
        UsageError: It can't be read or holds something else.
    """
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"can't read the answers file {path}: {error}") from error
    if not isinstance(data, dict):
        raise UsageError(f"the answers file {path} is not a mapping of question names to answers")
    return data


def checked_answers(pattern: Pattern, answers: Mapping[str, Any]) -> None:
    """Check answers against the questions, before copier does with less to say.

    Raises:
        PatternError: No such question, or no such choice.
    """
    for key, value in answers.items():
        texts = [str(choice) for choice in pattern.question(key).choices]
        if texts and str(value) not in texts:
            raise PatternError(
                f"{value!r} is no choice of {key!r}", hint=f"Choose one of: {', '.join(texts)}"
            )


def _with_name(pattern: Pattern, answers: Mapping[str, Any], name: str) -> dict[str, Any]:
    if _NAME_QUESTION in answers:
        raise PatternError(
            f"{_NAME_QUESTION!r} is the NAME on the command line",
            hint=f"cfpy new {pattern.name} {answers[_NAME_QUESTION]}",
        )
    asked = any(question.name == _NAME_QUESTION for question in pattern.questions)
    return {_NAME_QUESTION: name, **answers} if asked else dict(answers)


def may_run_code(pattern: Pattern, may_run: Callable[[Pattern], bool], *, trust_it: bool) -> bool:
    """Whether the pattern may run what it brings. One that brings nothing needs no trust.

    Raises:
        PatternError: It may not, and can't be rendered without.
    """
    origin = pattern.origin
    if origin is None or not pattern.unsafe:
        return False
    if is_trusted(origin.source, origin.pin):
        return True
    if trust_it or may_run(pattern):
        trust(origin.source, origin.pin)
        return True
    listed = "\n".join(f"  {line}" for line in pattern.unsafe)
    raise PatternError(
        f"{origin.source} wants to run on this machine:\n{listed}",
        hint=f"If you know its author, pass --trust: it may then, in this version "
        f"({origin.pin[:12]}). Nothing was run.",
    )


def render_with(
    pattern: Pattern, tree: Path, answers: Mapping[str, Any], **options: bool
) -> dict[str, Any]:
    """:func:`cfpy.adapters.renderer.render`, imported when it is needed."""
    # Imported here because copier takes longer to import than everything else together.
    from cfpy.adapters.renderer import render

    return render(pattern, tree, answers, **options)


def _record(pattern: Pattern, answers: Mapping[str, Any], tree: Path, base: Path) -> None:
    """Write down what the project was made of, for `cfpy update`."""
    archive = pack(read_tree(base))
    (tree / ANSWERS_FILE).parent.mkdir(exist_ok=True)
    (tree / ANSWERS_FILE).write_text(answers_text(made_of(pattern, answers)), "utf-8")
    (tree / BASE_FILE).write_bytes(archive)


def _refuse_taken(target: Path) -> None:
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
    """A directory that vanishes afterwards, beside the target so that a rename can move it."""
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
    """Make ``parent``; return the directories that were missing, innermost first."""
    missing = [p for p in (parent, *parent.parents) if not p.exists()]
    parent.mkdir(parents=True, exist_ok=True)
    return missing


def _move(tree: Path, target: Path) -> None:
    try:
        tree.rename(target)
    except OSError as error:
        if target.exists():
            raise UsageError(f"{target} appeared while the project was made") from error
        raise


@contextlib.contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FilesystemError(
            f"can't write {error.filename or target}: {error.strerror or error}",
            hint="Nothing was left behind. Free some space, or choose another place with --into.",
        ) from error
