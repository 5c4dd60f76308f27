"""The patterns that a command can use: from cfpy, installed packages, and git."""

from __future__ import annotations

from cfpy.patterns.pattern_store import PatternStore
from cfpy.patterns.repositories import Repositories
from cfpy.tools.context import Context


def known_patterns(ctx: Context) -> PatternStore:
    """Returns the store of a real run: it fetches from git with the tools of ``ctx``."""
    return PatternStore(repositories=Repositories(ctx.runner, ctx.progress))
