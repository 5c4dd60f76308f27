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
    plain = {name: value for name, value in record.answers.items() if _is_plain(value)}
    document["answers"] = plain
    others = {name: value for name, value in record.answers.items() if name not in plain}
    if others:
        # TOML knows no null, and no key but a text.
        document["answers-in-yaml"] = {name: _yaml(value) for name, value in others.items()}
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
        answers = {**data["answers"], **_from_yaml(data.get("answers-in-yaml", {}))}
        return MadeOf(str(pattern["name"]), str(pattern["version"]), origin, answers)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProjectError(
            f"is broken: {error}", path=path, hint="Bring back an older version of it with git."
        ) from error


def _is_plain(value: Any) -> bool:
    """Whether TOML gives back the very same."""
    try:
        return _same(tomllib.loads(tomlkit.dumps({"it": value}))["it"], value)
    except (ValueError, TypeError, AttributeError):
        return False


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        # Order too: a template may go through it.
        return list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _yaml(value: Any) -> str:
    import yaml  # slow to load, for answers that need it

    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False)


def _from_yaml(texts: Mapping[str, str]) -> dict[str, Any]:
    if not texts:
        return {}
    import yaml

    try:
        return {name: yaml.safe_load(text) for name, text in texts.items()}
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
