"""``.cfpy/answers.toml``: what a project was made of."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from cfpy.domain.pattern import Origin, Pattern
from cfpy.errors import ProjectError

#: Where a project keeps it.
ANSWERS_FILE = Path(".cfpy", "answers.toml")


@dataclass(frozen=True)
class MadeOf:
    """The pattern that a project was made of, in which version, with which answers. ``origin`` is
    ``None`` for a pattern of cfpy's own."""

    name: str
    version: str
    origin: Origin | None
    answers: Mapping[str, Any]

    @property
    def source(self) -> str:
        """What to ask for to get the pattern again."""
        return self.origin.source if self.origin else self.name


def made_of(pattern: Pattern, answers: Mapping[str, Any]) -> MadeOf:
    """The record of a project that is made now."""
    return MadeOf(pattern.name, pattern.manifest.version, pattern.origin, answers)


def answers_text(record: MadeOf) -> str:
    """The file's content."""
    document = tomlkit.document()
    document.add(
        tomlkit.comment("Written by cfpy, for `cfpy update`: what this project is made of.")
    )
    pattern = {"name": record.name, "version": record.version}
    if record.origin is not None:
        pattern |= {"source": record.origin.source, "pin": record.origin.pin}
    document["pattern"] = pattern
    document["answers"] = {k: v for k, v in record.answers.items() if v is not None}
    return tomlkit.dumps(document)


def read_answers(root: Path) -> MadeOf:
    """Read it.

    Raises:
        ProjectError: There is none, or it is broken.
    """
    path = root / ANSWERS_FILE
    if not path.is_file():
        raise ProjectError(
            f"{root} was not made by cfpy new: it has no {ANSWERS_FILE}",
            hint="Go to a project that was, or name one with --cwd.",
        )
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        pattern = data["pattern"]
        origin = (
            Origin(pattern["source"], str(pattern.get("pin", ""))) if "source" in pattern else None
        )
        return MadeOf(str(pattern["name"]), str(pattern["version"]), origin, dict(data["answers"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(
            f"is broken: {error}", path=path, hint="Bring back an older version of it with git."
        ) from error
