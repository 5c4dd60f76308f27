"""``cfpy patterns``: what there is to make projects of."""

from __future__ import annotations

from cfpy.commands.context import Context
from cfpy.domain.pattern import Pattern


def list_patterns(ctx: Context) -> list[Pattern]:
    """All patterns, by name."""
    return ctx.patterns.all()


def show_pattern(ctx: Context, name: str) -> Pattern:
    """One pattern.

    Raises:
        PatternError: There is none of that name.
    """
    return ctx.patterns.get(name)
