"""``cfpy patterns``: lists the patterns from which projects can be created."""

from __future__ import annotations

from cfpy.patterns.composer import layered_files
from cfpy.patterns.known_patterns import known_patterns
from cfpy.patterns.pattern import Pattern
from cfpy.tools.context import Context


def list_patterns(ctx: Context) -> list[Pattern]:
    """All patterns, by name."""
    return known_patterns(ctx).all()


def show_pattern(ctx: Context, name: str) -> Pattern:
    """One pattern.

    Raises:
        PatternError: There is no pattern of this name.
    """
    return known_patterns(ctx).get(name)


def pattern_files(pattern: Pattern) -> dict[str, tuple[str, ...]]:
    """The names of a pattern's files, each with the layers that have it; the last layer's is used.

    Empty for a plain copier template.
    """
    if pattern.foreign:
        return {}
    found = layered_files(pattern)
    return {name: tuple(layer.name for layer in found[name]) for name in sorted(found)}
