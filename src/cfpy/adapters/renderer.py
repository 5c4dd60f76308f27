"""Renders a pattern with copier, and turns its errors into ours.

``import copier`` costs hundreds of milliseconds, so nothing imports this module before there is
something to render.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import copier
import copier.errors
import jinja2
import yaml

from cfpy.adapters.bounds import TooMuchError, bounded
from cfpy.adapters.composer import compose, merge_layers, origin
from cfpy.adapters.pattern_files import check_name, pattern_files
from cfpy.domain.pattern import Pattern
from cfpy.errors import PatternError, UsageError

_SCRATCH = "cfpy-pattern-"
_REQUIRED = re.compile(r'Question "(\w+)" is required')
# What no template language takes for its own.
_LITERAL = re.compile(r"[\w. -]+")


def render(
    pattern: Pattern,
    target: Path,
    answers: Mapping[str, Any],
    *,
    interactive: bool,
    trusted: bool = False,
    run_tasks: bool = True,
) -> dict[str, Any]:
    """Render ``pattern`` into the existing, empty directory ``target``.

    Args:
        pattern: What to render.
        trusted: Whether its tasks, migrations and Jinja extensions may run.
        run_tasks: Whether the tasks of a trusted pattern do run.
        target: Where to.
        answers: Answers by question name; texts are parsed as the question's type.
        interactive: Ask for what ``answers`` leaves open; otherwise take the defaults.

    Returns:
        Every answer, given and defaulted, except secret ones.

    Raises:
        PatternError: An answer does not fit, or the pattern is broken.
        OSError: The disk refused.
        KeyboardInterrupt: Ctrl-C at a question.
    """
    try:
        with (
            tempfile.TemporaryDirectory(prefix=_SCRATCH) as template,
            _without_needless_work(),
            warnings.catch_warnings(),
            # What cfpy brings is known; what somebody trusts may take what it needs.
            contextlib.nullcontext() if trusted or pattern.origin is None else bounded(),
        ):
            (_copy if pattern.foreign else compose)(pattern, Path(template))
            # copier warns about templates that live in a dirty git checkout: ours may.
            warnings.simplefilter("ignore")
            worker = copier.run_copy(
                template,
                target,
                data=dict(answers),
                defaults=not interactive,
                quiet=True,
                overwrite=True,
                unsafe=trusted,
                skip_tasks=not run_tasks,
                # The user's own copier settings would make one command render two projects.
                settings=copier.Settings(),
            )
            merge_layers(pattern, target)
    except copier.errors.CopierAnswersInterrupt:
        raise KeyboardInterrupt from None
    except copier.errors.InteractiveSessionError:
        raise UsageError(
            "the pattern has questions and there is no terminal to ask them on",
            hint="Pass --defaults, --answer KEY=VALUE or --answers-file FILE.",
        ) from None
    except copier.errors.UnsafeTemplateError as error:
        raise PatternError(
            f"pattern {pattern.name!r} wants to run code: {error}",
            hint="cfpy renders patterns without running anything they bring.",
        ) from error
    except jinja2.UndefinedError as error:
        raise PatternError(
            f"pattern {pattern.name!r} uses a variable that no question sets: {error.message}",
            hint="This is a mistake in the pattern, not in your answers.",
        ) from error
    except jinja2.TemplateSyntaxError as error:
        raise PatternError(
            f"{_author_file(error.filename, pattern)}:{error.lineno}: {error.message}",
            hint="This is a mistake in the pattern, not in your answers.",
        ) from error
    except TooMuchError as error:
        raise PatternError(
            f"pattern {pattern.name!r} {error}",
            hint="A pattern takes seconds and megabytes. Nothing was left behind.",
        ) from None
    except RecursionError:
        raise PatternError(
            f"pattern {pattern.name!r} calls itself without end",
            hint="This is a mistake in the pattern, not in your answers.",
        ) from None
    except jinja2.exceptions.SecurityError as error:
        raise PatternError(
            f"pattern {pattern.name!r} reaches for what no template may: {error}",
            hint="Nothing was left behind.",
        ) from error
    except OSError:
        raise
    except (copier.errors.CopierError, ValueError, TypeError, yaml.YAMLError) as error:
        source = pattern.origin.source if pattern.origin else pattern.name
        hint = f"cfpy patterns show {source} lists the questions and what they take."
        if missing := _REQUIRED.search(str(error)):
            hint = f"It has no default: --answer {missing[1]}=..."
        raise PatternError(
            f"an answer does not fit pattern {pattern.name!r}: {_one_line(error)}", hint=hint
        ) from error
    for path in target.rglob("*"):
        check_name(PurePosixPath(path.relative_to(target).as_posix()), pattern.name)
        if path.is_symlink():
            raise PatternError(f"pattern {pattern.name!r} makes a link: {path.name}")
    secret = {question.name for question in pattern.questions if question.secret}
    given = worker.answers.combined
    return {
        question.name: given[question.name]
        for question in pattern.questions
        if question.name in given and question.name not in secret
    }


@contextlib.contextmanager
def _without_needless_work() -> Iterator[None]:
    """Spare copier what it does again for every file, and what is the same each time.

    It starts git to ask whether an index entry has the right mode (what is rendered here has no
    index), and compiles every part of a path and the name of its answers file as a template,
    however literal they are. These members are private: where copier has them no longer, nothing
    is changed.
    """
    worker = copier._main.Worker
    replacements: dict[str, Callable[[Any], object]] = {
        "_sync_git_index_executable_bit": lambda _original: lambda *_arguments: None,
        "answers_relpath": _literal_answers_file,
        "_render_string": _literal_string,
    }
    originals = {name: getattr(worker, name) for name in replacements if hasattr(worker, name)}
    for name, original in originals.items():
        setattr(worker, name, replacements[name](original))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(worker, name, original)


def _literal_answers_file(original: Any) -> property:
    def answers_relpath(worker: Any) -> Path:
        name = str(worker.answers_file or worker.template.answers_relpath)
        return Path(name) if _LITERAL.fullmatch(name) else original.__get__(worker)

    return property(answers_relpath)


def _literal_string(original: Any) -> Callable[..., str]:
    def render_string(worker: Any, string: str, extra_context: Any = None) -> str:
        if not _LITERAL.fullmatch(string):
            return str(original(worker, string, extra_context))
        # Copier's `yield` tag forgets what it last yielded when a template is read.
        return str(worker.jinja_env.preprocess(string))

    return render_string


def _copy(pattern: Pattern, into: Path) -> None:
    """A copier template as it is, without its repository: copier would take another version."""
    root = pattern.layers[-1].root
    for path in pattern_files(root):
        copied = into / path.relative_to(root)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copied)


def _author_file(composed: str | None, pattern: Pattern) -> Path:
    """The file of the pattern that a message about a composed one is about."""
    if not composed:
        # A text of the questions has no file of its own.
        return pattern.layers[-1].root / "copier.yml"
    path = PurePosixPath(composed)
    inside = next((i for i, part in enumerate(path.parts) if part.startswith(_SCRATCH)), -1)
    return origin(pattern, PurePosixPath(*path.parts[inside + 1 :]))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
