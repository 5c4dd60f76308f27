"""Renders a pattern: what ``new``, ``update``, the cases of a pattern and the estimate of its cost
share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfpy.errors import PatternError
from cfpy.patterns.kept_answers import stand_ins
from cfpy.patterns.late_prompts import import_copier
from cfpy.patterns.pattern import Pattern
from cfpy.patterns.source import GitSource, PathSource, parse_source
from cfpy.patterns.trust import is_trusted, trust
from cfpy.tools.context import Context
from cfpy.tools.installed import installation

if TYPE_CHECKING:
    from cfpy.patterns.renderer import Rendered


def commit_of(ctx: Context, pattern: Pattern) -> str:
    """The commit of a pattern in a git repository; empty for others."""
    if pattern.origin is None or not pattern.foreign:
        return ""
    match parse_source(pattern.origin.source):
        case GitSource():
            return pattern.origin.pin
        case PathSource(path):
            return ctx.git.described(path)
    return ""


def may_run_code(pattern: Pattern, may_run: Callable[[Pattern], bool], *, trust_it: bool) -> bool:
    """Whether the pattern may run its code. A pattern without code needs no trust.

    Raises:
        PatternError: It may not, and can't be rendered without its code.
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
        hint=f"If you trust its author, pass --trust to allow this version "
        f"({origin.pin[:12]}). Nothing was run.",
    )


def render_with(
    pattern: Pattern, tree: Path, answers: Mapping[str, Any], **options: Any
) -> Rendered:
    """Call :func:`cfpy.patterns.renderer.render`, importing it only when needed. The project
    installs cfpy from the source of this one, if other machines can reach that."""
    # Imported here because copier takes longer to import than everything else together.
    import_copier()
    from cfpy.patterns.renderer import render

    options = {"requirement": installation().portable_requirement, **options}
    return render(pattern, tree, answers, **options)


def render_standing(
    pattern: Pattern,
    tree: Path,
    given: Mapping[str, Any],
    answers: Mapping[str, Any],
    **options: Any,
) -> Rendered:
    """Render with stand-ins for the answers that are not saved in any file of cfpy.

    Args:
        pattern: The pattern to render.
        tree: The empty directory to write to.
        given: The answers that the user gave.
        answers: All answers that are saved.
        options: As for :func:`cfpy.patterns.renderer.render`.

    Raises:
        PatternError: It does not render, not even with its defaults.
    """
    stand_for = stand_ins(pattern)
    kept = {question.name for question in pattern.questions if question.kept_in_project}
    data = {name: value for name, value in {**given, **answers}.items() if name not in kept}
    options |= {"interactive": False, "run_tasks": False}
    try:
        return render_with(pattern, tree, data, kept=stand_for, **options)
    except PatternError:
        if not stand_for:
            raise
        # It computes something from the answer that does not work with a stand-in.
        shutil.rmtree(tree)
        tree.mkdir()
        return render_with(pattern, tree, data, **options)
