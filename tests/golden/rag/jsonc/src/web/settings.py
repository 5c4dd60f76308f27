"""Reads what wrangler.jsonc and secrets say."""

from collections.abc import Callable

from web.problems import misconfigured

#: Gives a variable or a secret by its name, ``None`` if it is not set.
Variable = Callable[[str], object]


def items(variable: object) -> list[str]:
    """What is between the commas of a variable; nothing if it is not set."""
    return [item for part in str(variable or "").split(",") if (item := part.strip())]


def text(variable: Variable, name: str) -> str:
    """The variable ``name``; a 503 if it is not set."""
    value = variable(name)
    if value is None or value == "":
        raise misconfigured(f"The variable {name} is not set.")
    return str(value)
