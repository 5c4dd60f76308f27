"""``cfpy new``: creates a complete project from a pattern and answers, or nothing at all."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cfpy.errors import PatternError, UsageError
from cfpy.patterns.answers import read_answers
from cfpy.patterns.answers_file import ANSWERS_FILE, answers_text, made_of
from cfpy.patterns.base_archive import BASE_FILE, pack, read_tree
from cfpy.patterns.config_format import ConfigFormat
from cfpy.patterns.copier_format import check_format
from cfpy.patterns.known_patterns import known_patterns
from cfpy.patterns.new_directory import make_directory, refuse_taken
from cfpy.patterns.pattern import Pattern
from cfpy.patterns.rendering import commit_of, may_run_code, render_standing, render_with
from cfpy.project.config_file import configuration_in
from cfpy.project.names import check_project_name, plain_name
from cfpy.tools.context import Context
from cfpy.tools.git import GitOutcome

if TYPE_CHECKING:
    from cfpy.patterns.renderer import Rendered

_NAME_QUESTION = "project_name"


@dataclass(frozen=True)
class NewRequest:
    """What to create. ``answers`` are strings from the command line or values from a file.
    ``trust`` lets the pattern run its code, and remembers that for this version. ``config`` is the
    format of the project's configuration, ``None`` for the pattern's."""

    pattern: str
    name: str
    parent: Path
    answers: Mapping[str, Any]
    interactive: bool
    dry_run: bool
    git: bool
    trust: bool = False
    config: ConfigFormat | None = None


@dataclass(frozen=True)
class NewResult:
    """What was created (or, in a dry run, would be).

    ``files`` are relative, in POSIX form. ``closing`` is the pattern's message at the end.
    """

    pattern: Pattern
    path: Path
    answers: Mapping[str, Any]
    files: tuple[str, ...]
    git: GitOutcome
    dry_run: bool
    closing: str = ""


def run(
    ctx: Context,
    request: NewRequest,
    may_run: Callable[[Pattern], bool] = lambda _: False,
    say: Callable[[str], None] = lambda _: None,
) -> NewResult:
    """Create a project.

    Args:
        ctx: The tools of the run.
        request: What to create.
        may_run: Called for a pattern that wants to run code and was not trusted before.
        say: Called with the pattern's message before its first question.

    Raises:
        UsageError: The name is not valid for a Worker, or the target already exists.
        PatternError: There is no such pattern or question, or an answer is not valid.
        FilesystemError: Writing failed. Nothing is left behind.
    """
    name = _checked_name(request)
    pattern = known_patterns(ctx).get(request.pattern)
    check_format(pattern)
    given = read_answers(pattern, request.answers)
    answers = _with_name(pattern, given, name)
    target = request.parent / name
    refuse_taken(target)
    trusted = may_run_code(pattern, may_run, trust_it=request.trust)
    commit = commit_of(ctx, pattern)
    done: list[Rendered] = []

    def fill(tree: Path) -> None:
        asking = {"interactive": request.interactive, "run_tasks": not request.dry_run, "say": say}
        options = {"trusted": trusted, "commit": commit, "config": request.config}
        rendered = render_with(pattern, tree, answers, **options, **asking)
        done.append(rendered)
        if request.config and configuration_in(tree) is None:
            raise PatternError(
                f"pattern {pattern.name!r} creates no wrangler.toml, wrangler.jsonc or "
                f"wrangler.json in the project's top folder, so --config {request.config} has no "
                "effect",
                hint="Run the command without --config.",
            )
        _record(pattern, rendered, tree, answers, options)

    message = f"Start {name} from the cfpy pattern {pattern.name}" if request.git else ""
    files, outcome = make_directory(ctx.git, target, fill, message, dry_run=request.dry_run)
    [rendered] = done
    return NewResult(
        pattern,
        target,
        rendered.answers,
        files,
        outcome,
        request.dry_run,
        "" if request.dry_run else rendered.closing,
    )


def read_answers_file(path: Path) -> dict[str, Any]:
    """Read answers from a YAML or JSON file: one mapping of question names.

    Raises:
        UsageError: It can't be read or is not valid.
    """
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"can't read the answers file {path}: {error}") from error
    if not isinstance(data, dict):
        raise UsageError(f"the answers file {path} is not a mapping of question names to answers")
    return data


def _checked_name(request: NewRequest) -> str:
    place = (request.parent / request.name).resolve()
    if request.name in (".", "..") or "/" in request.name:
        into = os.path.relpath(place.parent)
        raise UsageError(
            f"{request.name!r} is a path, not the name of a Worker",
            hint=f"Try: {plain_name(place.name) or 'myapp'} --into {shlex.quote(into)}",
        )
    return check_project_name(request.name)


def _with_name(pattern: Pattern, answers: Mapping[str, Any], name: str) -> dict[str, Any]:
    if _NAME_QUESTION in answers:
        raise PatternError(
            f"{_NAME_QUESTION!r} can't be answered in the file: it is the NAME on the command line",
            hint=f"cfpy new {pattern.name} {answers[_NAME_QUESTION]}",
        )
    asked = any(question.name == _NAME_QUESTION for question in pattern.questions)
    return {_NAME_QUESTION: name, **answers} if asked else dict(answers)


def _record(
    pattern: Pattern,
    rendered: Rendered,
    tree: Path,
    given: Mapping[str, Any],
    options: Mapping[str, Any],
) -> None:
    """Record what the project was created from, for `cfpy update`."""
    with tempfile.TemporaryDirectory(prefix="cfpy-base-") as scratch:
        base = tree
        if options["trusted"] or rendered.secrets:
            # An update does not run tasks, so files that they create are not part of the base.
            # And a secret is only stored where the pattern itself writes it.
            base = Path(scratch, tree.name)
            base.mkdir()
            render_standing(pattern, base, given, rendered.answers, **options)
        archive = pack(read_tree(base))
    (tree / ANSWERS_FILE).parent.mkdir(exist_ok=True)
    (tree / ANSWERS_FILE).write_text(answers_text(made_of(pattern, rendered.answers)), "utf-8")
    (tree / BASE_FILE).write_bytes(archive)
