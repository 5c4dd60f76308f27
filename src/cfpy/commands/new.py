"""``cfpy new``: a pattern and answers in, a complete project out, or nothing at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cfpy.adapters.answers_file import ANSWERS_FILE, answers_text, made_of
from cfpy.adapters.base_archive import BASE_FILE, pack, read_tree
from cfpy.adapters.git import GitOutcome
from cfpy.adapters.new_directory import make_directory, refuse_taken
from cfpy.adapters.trust import is_trusted, trust
from cfpy.commands.context import Context
from cfpy.domain.names import check_project_name
from cfpy.domain.pattern import Pattern
from cfpy.errors import PatternError, UsageError

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
    refuse_taken(target)
    trusted = may_run_code(pattern, may_run, trust_it=request.trust)
    tasks = not request.dry_run
    recorded: dict[str, Any] = {}

    def fill(tree: Path) -> None:
        options = {"interactive": request.interactive, "trusted": trusted, "run_tasks": tasks}
        recorded.update(render_with(pattern, tree, answers, **options))
        with tempfile.TemporaryDirectory(prefix="cfpy-base-") as scratch:
            base = tree
            if trusted and tasks:
                # An update runs no tasks: what they make is not the pattern's to merge.
                base = Path(scratch)
                options |= {"interactive": False, "run_tasks": False}
                render_with(pattern, base, {**answers, **recorded}, **options)
            _record(pattern, recorded, tree, base)

    message = f"Start {name} from the cfpy pattern {pattern.name}" if request.git else ""
    files, outcome = make_directory(ctx.git, target, fill, message, dry_run=request.dry_run)
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
