"""A secret as ``cfpy.toml`` describes it, and a check of a value's form. Pure.

A value that the Worker can't use locks everybody out, and a stored value can't be read back. So the
form is checked before the value is stored. No message contains a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfpy.errors import ProjectError, UsageError

_PLACE = "{token}"
# Like a result of `secrets.token_urlsafe(32)`: the same length and the same kinds of characters.
_SAMPLE = "-_09AZaz" * 5 + "abc"
_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Secret:
    """A secret that the Worker needs.

    Args:
        name: The name under which the Worker reads it.
        description: What it is for.
        generate: How a value is generated if none is given: ``{token}`` is replaced by a random
            string of 43 letters, digits, hyphens and underscores. Empty if it can't be generated.
        pattern: A regular expression that the whole value must match; empty if any value is fine.
        example: A value of this form. Required if there is a pattern.
        environments: The environments that need it, the top level as an empty string; ``None`` for
            all.
    """

    name: str
    description: str = ""
    generate: str = ""
    pattern: str = ""
    example: str = ""
    environments: tuple[str, ...] | None = None

    def is_for(self, environment: str) -> bool:
        """Whether an environment needs it."""
        return self.environments is None or environment in self.environments

    @property
    def form(self) -> str:
        """The form of a value, in words."""
        # The description is clearer than a long pattern.
        shown = self.pattern if len(self.pattern) <= _LONGEST_SHOWN else ""
        said = ", ".join(part for part in (self.description, shown) if part)
        return f"{said or 'the pattern in cfpy.toml'}. For example: {self.example}"

    def fits(self, value: str) -> bool:
        """Whether ``value`` has the form."""
        return not self.pattern or re.fullmatch(self.pattern, value) is not None

    def generated(self, token: str) -> str:
        """A value made from a random ``token``."""
        return self.generate.replace(_PLACE, token)

    def refuse_misfit(self, value: str) -> None:
        """Refuse a value that does not have the form.

        Raises:
            UsageError: The value does not match. The message does not contain it.
        """
        if not self.fits(value):
            raise UsageError(
                f"the value of the secret {self.name} does not have the expected form",
                hint=f"{self.form}. Nothing was changed.",
            )


def parse_secret(table: Mapping[str, Any], path: Path) -> Secret:
    """Read one ``[[secrets]]`` table of the ``cfpy.toml`` at ``path``.

    Raises:
        ProjectError: It has no name, a key has the wrong type, or its keys do not fit together.
    """
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise ProjectError("a [[secrets]] table has no `name`", path=path)
    for key in ("description", "pattern", "example"):
        if not isinstance(table.get(key, ""), str):
            raise ProjectError(f"`{key}` of the secret {name!r} is not a string", path=path)
        if key != "description" and table.get(key) == "":
            raise ProjectError(f"`{key}` of the secret {name!r} is empty", path=path)
    secret = Secret(
        name,
        table.get("description", ""),
        _generate(table.get("generate", False), name, path),
        table.get("pattern", ""),
        table.get("example", ""),
        _environments(table.get("environments"), name, path),
    )
    _check_form(secret, path)
    return secret


def _environments(value: object, name: str, path: Path) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ProjectError(
            f"`environments` of the secret {name!r} is not a list of strings", path=path
        )
    return tuple(value)


def _generate(value: object, name: str, path: Path) -> str:
    if isinstance(value, bool):
        return _PLACE if value else ""
    if not isinstance(value, str) or _PLACE not in value:
        raise ProjectError(
            f"`generate` of the secret {name!r} is not true, false or a string with {_PLACE} in it",
            path=path,
        )
    return value


def _check_form(secret: Secret, path: Path) -> None:
    try:
        re.compile(secret.pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ProjectError(
            f"`pattern` of the secret {secret.name!r} is not a regular expression: {error}",
            path=path,
            hint="See the syntax: docs.python.org/3/library/re.html",
        ) from None
    if secret.pattern and not secret.example:
        raise ProjectError(
            f"the secret {secret.name!r} has a `pattern` and no `example`", path=path
        )
    for key, value in (("example", secret.example), ("generate", secret.generated(_SAMPLE))):
        if value and not secret.fits(value):
            raise ProjectError(
                f"`{key}` of the secret {secret.name!r} does not match its `pattern`", path=path
            )
