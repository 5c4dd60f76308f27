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

import tomlkit
import yaml

from cfpy.adapters.git import GitOutcome
from cfpy.adapters.trust import is_trusted, trust
from cfpy.commands.context import Context
from cfpy.domain.names import check_project_name
from cfpy.domain.pattern import Pattern
from cfpy.errors import FilesystemError, PatternError, UsageError

#: Written into every project: which pattern it was made of, with which answers.
ANSWERS_FILE = Path(".cfpy", "answers.toml")
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
    answers = _checked_answers(pattern, request.answers, name)
    target = request.parent / name
    _refuse_taken(target)
    trusted = _is_trusted(pattern, request, may_run)
    with _disk_errors(target), _scratch(request.parent, dry_run=request.dry_run) as scratch:
        # A directory of our own inside: mkdtemp's is 0700, a project follows the umask.
        tree = scratch / name
        tree.mkdir()
        recorded = _render(
            pattern,
            tree,
            answers,
            interactive=request.interactive,
            trusted=trusted,
            run_tasks=not request.dry_run,
        )
        _record_answers(pattern, recorded, tree)
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


def _checked_answers(pattern: Pattern, answers: Mapping[str, Any], name: str) -> dict[str, Any]:
    for key, value in answers.items():
        question = pattern.question(key)
        if key == _NAME_QUESTION:
            raise PatternError(
                f"{_NAME_QUESTION!r} is the NAME on the command line",
                hint=f"cfpy new {pattern.name} {value}",
            )
        texts = [str(choice) for choice in question.choices]
        if texts and str(value) not in texts:
            raise PatternError(
                f"{value!r} is no choice of {key!r}", hint=f"Choose one of: {', '.join(texts)}"
            )
    asked = any(question.name == _NAME_QUESTION for question in pattern.questions)
    return {_NAME_QUESTION: name, **answers} if asked else dict(answers)


def _is_trusted(pattern: Pattern, request: NewRequest, may_run: Callable[[Pattern], bool]) -> bool:
    """Whether the pattern may run what it brings. One that brings nothing needs no trust.

    Raises:
        PatternError: It may not, and can't be rendered without.
    """
    origin = pattern.origin
    if origin is None or not pattern.unsafe:
        return False
    if is_trusted(origin.source, origin.pin):
        return True
    if request.trust or may_run(pattern):
        trust(origin.source, origin.pin)
        return True
    listed = "\n".join(f"  {line}" for line in pattern.unsafe)
    raise PatternError(
        f"{origin.source} wants to run on this machine:\n{listed}",
        hint=f"If you know its author, pass --trust: it may then, in this version "
        f"({origin.pin[:12]}). Nothing was run.",
    )


def _render(
    pattern: Pattern, tree: Path, answers: Mapping[str, Any], **options: bool
) -> dict[str, Any]:
    # Imported here because copier takes longer to import than everything else together.
    from cfpy.adapters.renderer import render

    return render(pattern, tree, answers, **options)


def _record_answers(pattern: Pattern, answers: Mapping[str, Any], tree: Path) -> None:
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by `cfpy new`: what this project was made of."))
    made_of = {"name": pattern.name, "version": pattern.manifest.version}
    if pattern.origin is not None:
        made_of |= {"source": pattern.origin.source, "pin": pattern.origin.pin}
    document["pattern"] = made_of
    document["answers"] = {key: value for key, value in answers.items() if value is not None}
    path = tree / ANSWERS_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(tomlkit.dumps(document), "utf-8")


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
