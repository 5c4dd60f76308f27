"""Renders a pattern with copier, and turns its errors into ours.

``import copier`` costs hundreds of milliseconds, so nothing imports this module before there is
something to render.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import copier
import copier.errors
import jinja2
import yaml

from cfpy.domain.pattern import Pattern
from cfpy.errors import PatternError, UsageError


def render(
    pattern: Pattern, target: Path, answers: Mapping[str, Any], *, interactive: bool
) -> dict[str, Any]:
    """Render ``pattern`` into the existing, empty directory ``target``.

    Args:
        pattern: What to render. Its tasks and Jinja extensions are never run.
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
        with _without_git_probes(), warnings.catch_warnings():
            # copier warns about templates that live in a dirty git checkout: ours may.
            warnings.simplefilter("ignore")
            worker = copier.run_copy(
                str(pattern.root),
                target,
                data=dict(answers),
                defaults=not interactive,
                quiet=True,
                overwrite=True,
                unsafe=False,
                # The user's own copier settings would make one command render two projects.
                settings=copier.Settings(),
            )
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
            f"{error.filename or pattern.root}:{error.lineno}: {error.message}",
            hint="This is a mistake in the pattern, not in your answers.",
        ) from error
    except OSError:
        raise
    except (copier.errors.CopierError, ValueError, TypeError, yaml.YAMLError) as error:
        raise PatternError(
            f"an answer does not fit pattern {pattern.name!r}: {_one_line(error)}",
            hint=f"cfpy patterns show {pattern.name} lists the questions and what they take.",
        ) from error
    secret = {question.name for question in pattern.questions if question.secret}
    given = worker.answers.combined
    return {
        question.name: given[question.name]
        for question in pattern.questions
        if question.name in given and question.name not in secret
    }


@contextlib.contextmanager
def _without_git_probes() -> Iterator[None]:
    """Keep copier from starting git for every file that it writes.

    It asks whether an index entry has the right mode; what is rendered here has no index. The
    method is private: where copier has it no longer, nothing is changed.
    """
    worker, name = copier._main.Worker, "_sync_git_index_executable_bit"
    original = getattr(worker, name, None)
    if original is None:
        yield
        return
    setattr(worker, name, lambda *_arguments: None)
    try:
        yield
    finally:
        setattr(worker, name, original)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
