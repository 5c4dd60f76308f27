"""Renders a pattern with copier, and translates its errors.

``import copier`` costs hundreds of milliseconds, so this module is only imported when there is
something to render.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import copier.errors
import jinja2
import yaml

from cfpy import __version__
from cfpy.errors import CancelledError, PatternError, UsageError
from cfpy.patterns.answers import masked
from cfpy.patterns.bounds import TooMuchError, bounded
from cfpy.patterns.composer import compose, merge_layers, origin
from cfpy.patterns.config_format import ConfigFormat, convert, named
from cfpy.patterns.copier_worker import Given, Place, Rendering, worker
from cfpy.patterns.pattern import Pattern
from cfpy.patterns.pattern_files import check_name, pattern_files
from cfpy.project.config_file import NAMES
from cfpy.tools.installation import neutral_requirement

_SCRATCH = "cfpy-pattern-"
_MISTAKE = "This is a fault of the pattern, not of your answers."
_REQUIRED = re.compile(r'Question "(\w+)" is required')


@dataclass(frozen=True)
class Rendered:
    """The result of a rendering.

    Attributes:
        answers: Every answer that may be saved, including defaults: not those of secret questions,
            and not those of questions that were not asked, unless the answer was given.
        secrets: Answers that are not saved, by question name.
        closing: The template's message for the end; empty if it has none.
        skipped: Whether a file is not overwritten if it exists (``_skip_if_exists``).
        excluded: Whether an update leaves a file out (``_exclude``).
        was_excluded: The same, with the answers from before the update.
    """

    answers: dict[str, Any]
    secrets: dict[str, Any]
    closing: str
    skipped: Callable[[str], bool]
    excluded: Callable[[str], bool]
    was_excluded: Callable[[str], bool]


def render(
    pattern: Pattern,
    target: Path,
    answers: Mapping[str, Any],
    *,
    interactive: bool,
    trusted: bool = False,
    run_tasks: bool = True,
    last: Mapping[str, Any] | None = None,
    kept: Mapping[str, Any] | None = None,
    then: Mapping[str, Any] | None = None,
    folder: str = "",
    commit: str = "",
    requirement: str = "",
    config: ConfigFormat | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Rendered:
    """Render ``pattern`` into the existing, empty directory ``target``.

    Args:
        pattern: The pattern to render.
        trusted: Whether its tasks and Jinja extensions are allowed to run.
        run_tasks: Whether to run the tasks of a trusted pattern.
        target: The directory to write to.
        answers: Answers by question name; strings are parsed by the question's type.
        interactive: Whether to ask for missing answers; otherwise the defaults are used.
        last: Answers of the project that is updated; ``None`` for a new one.
        kept: Answers to secret questions that are neither asked nor checked.
        then: The answers that the project was rendered with.
        folder: The project's name; ``target``'s if it is empty.
        commit: The template's commit, for copier's own answers file.
        requirement: The requirement by which pip installs this cfpy on any machine; if it is
            empty, that of a release.
        config: The format of the project's configuration; ``None`` for the pattern's.
        say: Called with the template's message before the first question.

    Raises:
        PatternError: An answer is not valid, or the pattern is faulty.
        OSError: Writing failed.
        CancelledError: Ctrl-C or Ctrl-D at a question.
    """
    given = Given(answers, last or {}, kept or {}, then or {})
    with _translated(pattern, given):
        with _composed(pattern, trusted=trusted) as template:
            source = pattern.origin.source if pattern.origin else pattern.name
            root = pattern.layers[-1].root if pattern.foreign else template
            release = requirement or neutral_requirement(__version__)
            place = Place(source, commit, root, folder or target.name, release)
            with worker(
                target, given, interactive=interactive, trusted=trusted, tasks=run_tasks
            ) as copying:
                copying.prepare(template, place, given, say, update=last is not None)
                copying.run_copy()
                copying.check_kept(interactive=interactive)
                rendered = _told(pattern, copying, given, config)
            merge_layers(pattern, target)
        _refuse_odd(pattern, target)
        if config:
            convert(target, config, pattern.name)
    return rendered


@contextlib.contextmanager
def _composed(pattern: Pattern, *, trusted: bool) -> Iterator[Path]:
    """The pattern as one copier template in a temporary directory, within bounds until the end."""
    with (
        tempfile.TemporaryDirectory(prefix=_SCRATCH) as template,
        warnings.catch_warnings(),
        # cfpy's own patterns are known; a trusted pattern may use what it needs.
        contextlib.nullcontext() if trusted or pattern.origin is None else bounded(),
    ):
        (_copy if pattern.foreign else compose)(pattern, Path(template))
        # copier warns about templates for older versions, and about its own next version.
        warnings.simplefilter("ignore")
        yield Path(template)


def _told(
    pattern: Pattern, copying: Rendering, given: Given, config: ConfigFormat | None
) -> Rendered:
    answers = dict(copying.answers.combined)
    asked = {
        question.name: answers[question.name]
        for question in pattern.questions
        if question.name in answers
    }
    secrets = {
        q.name: asked[q.name] for q in pattern.questions if q.kept_in_project and q.name in asked
    }
    by_hand = {q.name for q in pattern.questions if q.computed and q.name in given.data}
    hidden = copying.answers.hidden - by_hand
    excluded, skipped = copying.all_exclusions, copying.template.skip_if_exists
    return Rendered(
        {name: value for name, value in asked.items() if name not in {*secrets, *hidden}},
        secrets,
        named(copying.closing, config),
        copying.matcher(skipped, {}, operation="update"),
        copying.matcher(excluded, {}, operation="update"),
        copying.matcher(excluded, given.then, operation="update"),
    )


def _refuse_odd(pattern: Pattern, target: Path) -> None:
    configurations = [name for name in NAMES if (target / name).is_file()]
    if len(configurations) > 1:
        raise PatternError(
            f"pattern {pattern.name!r} creates {' and '.join(configurations)}: a project has one "
            "configuration",
            hint="A pattern with one can be rendered in the other format, with --config.",
        )
    for path in target.rglob("*"):
        check_name(PurePosixPath(path.relative_to(target).as_posix()), pattern.name)
        if path.is_symlink():
            raise PatternError(f"pattern {pattern.name!r} creates a link: {path.name}")


@contextlib.contextmanager
def _translated(pattern: Pattern, given: Given) -> Iterator[None]:
    """Translate the errors of copier and Jinja, without secrets in any message."""
    try:
        yield
    except copier.errors.CopierAnswersInterrupt:
        raise CancelledError("Nothing was created.") from None
    except copier.errors.InteractiveSessionError:
        raise UsageError(
            "the pattern has questions, but there is no terminal for asking them",
            hint="Pass --defaults, --answer KEY=VALUE or --answers-file FILE.",
        ) from None
    except TooMuchError as error:
        raise PatternError(
            f"pattern {pattern.name!r} {error}",
            hint="Patterns should need only seconds and megabytes. Nothing was left behind.",
        ) from None
    except jinja2.TemplateNotFound as error:  # This is an OSError, too.
        raise PatternError(
            f"pattern {pattern.name!r} includes {error.name}, which does not exist", hint=_MISTAKE
        ) from error
    except (OSError, PatternError):
        raise
    except (
        copier.errors.CopierError,
        jinja2.TemplateError,
        RecursionError,
        ValueError,
        TypeError,
        yaml.YAMLError,
    ) as error:
        message, hint = _worded(error, pattern)
        secret = {q.name for q in pattern.questions if q.kept_in_project}
        hidden = {name: value for name, value in given.data.items() if name in secret}
        # Copier's error may quote a secret answer.
        cause = None if {**hidden, **given.kept} else error
        raise PatternError(masked(message, {**hidden, **given.kept}), hint=hint) from cause


def _worded(error: Exception, pattern: Pattern) -> tuple[str, str]:
    """A message and a hint for an error of the rendering."""
    name = repr(pattern.name)
    match error:
        case copier.errors.UnsafeTemplateError():
            hint = "cfpy renders patterns without running their code."
            return f"pattern {name} tries to run code: {error}", hint
        case copier.errors.UnsupportedVersionError():
            hint = "Install a newer copier next to cfpy, or use an older version of the template."
            return f"pattern {name}: {_one_line(error)}", hint
        case copier.errors.TaskError():
            hint = "Nothing was left behind. Ask the pattern's author what the task needs."
            return f"a task of pattern {name} failed: {_one_line(error)}", hint
        case copier.errors.ExtensionNotFoundError():
            hint = "Install the package that it names into cfpy's environment: pip install ..."
            return f"pattern {name}: {_one_line(error)}", hint
        case jinja2.exceptions.SecurityError():
            hint = "Nothing was left behind."
            return f"pattern {name} tried to use something the sandbox forbids: {error}", hint
        case jinja2.TemplateSyntaxError():
            where = f"{_author_file(error.filename, pattern)}:{error.lineno}"
            return f"{where}: {error.message}", _MISTAKE
        case jinja2.UndefinedError():
            return (
                f"pattern {name} uses a variable that no question sets: {error.message}",
                _MISTAKE,
            )
        case (
            copier.errors.ConfigFileError()
            | copier.errors.ForbiddenPathError()
            | copier.errors.YieldTagInFileError()
            | copier.errors.MultipleYieldTagsError()
        ):
            return f"pattern {name} does not render: {_one_line(error)}", _MISTAKE
        case RecursionError():
            return f"pattern {name} includes itself endlessly", _MISTAKE
    source = pattern.origin.source if pattern.origin else pattern.name
    hint = f"cfpy patterns show {source} lists the questions and valid answers."
    if missing := _REQUIRED.search(str(error)):
        hint = f"It has no default. Add --answer {missing[1]}=..."
    return f"an answer is not valid for pattern {name}: {_one_line(error)}", hint


def _copy(pattern: Pattern, into: Path) -> None:
    """Copy a copier template without its repository: with it, copier would take another version."""
    root = pattern.layers[-1].root
    for path in pattern_files(root, directories=True):
        copied = into / path.relative_to(root)
        if path.is_dir():
            copied.mkdir(parents=True, exist_ok=True)
        else:
            shutil.copy(path, copied)


def _author_file(composed: str | None, pattern: Pattern) -> Path:
    """The author's file for a composed file in a message."""
    if not composed:
        # A string in the questions has no file of its own.
        return pattern.layers[-1].root / "copier.yml"
    path = PurePosixPath(composed)
    inside = next((i for i, part in enumerate(path.parts) if part.startswith(_SCRATCH)), -1)
    return origin(pattern, PurePosixPath(*path.parts[inside + 1 :]))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
