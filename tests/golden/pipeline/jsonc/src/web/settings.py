"""Reads what wrangler.jsonc and secrets say."""

from __future__ import annotations

from collections.abc import Callable

from web.problems import misconfigured

Variable = Callable[[str], object]


def text(variable: Variable, name: str) -> str:
    """The variable ``name``.

    Raises:
        Problem: 503 if it is not set.
    """
    value = variable(name)
    if value is None or value == "":
        raise misconfigured(f"The variable {name} is not set.")
    return str(value)
