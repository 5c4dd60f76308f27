"""``.cfpy/answers.toml``: the pattern and answers that a project was created from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from cfpy.errors import ProjectError
from cfpy.patterns.pattern import Origin, Pattern

#: Where a project keeps it.
ANSWERS_FILE = Path(".cfpy", "answers.toml")


@dataclass(frozen=True)
class MadeOf:
    """The pattern, version and answers that a project was created from. ``origin`` is ``None`` for
    one of cfpy's own patterns."""

    name: str
    version: str
    origin: Origin | None
    answers: Mapping[str, Any]

    @property
    def source(self) -> str:
        """The source with which the pattern can be loaded again."""
        return self.origin.source if self.origin else self.name


def made_of(pattern: Pattern, answers: Mapping[str, Any]) -> MadeOf:
    """The record for a project that is being created."""
    return MadeOf(pattern.name, pattern.manifest.version, pattern.origin, answers)


def answers_text(record: MadeOf) -> str:
    """The file's content."""
    document = tomlkit.document()
    document.add(
        tomlkit.comment("Written by cfpy for `cfpy update`: what this project was created from.")
    )
    pattern = {"name": record.name, "version": record.version}
    if record.origin is not None:
        pattern |= {"source": record.origin.source, "pin": record.origin.pin}
    document["pattern"] = pattern
    plain = {name: value for name, value in record.answers.items() if _is_plain(value)}
    document["answers"] = plain
    others = {name: value for name, value in record.answers.items() if name not in plain}
    if others:
        # TOML has no null, and its keys are strings.
        document["answers-in-yaml"] = {name: _yaml(value) for name, value in others.items()}
    return tomlkit.dumps(document)


def read_answers(root: Path) -> MadeOf:
    """Read the record of the project in ``root``.

    Raises:
        ProjectError: There is none, or it is not valid.
    """
    path = root / ANSWERS_FILE
    if not path.is_file():
        raise ProjectError(
            f"{root} was not created by cfpy new: it has no {ANSWERS_FILE}",
            hint="Go to a project that was created by cfpy new, or name one with --cwd.",
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
            f"is not valid: {error}", path=path, hint="Restore it from git."
        ) from error


def _is_plain(value: Any) -> bool:
    """Whether TOML returns exactly the same value."""
    try:
        return _same(tomllib.loads(tomlkit.dumps({"it": value}))["it"], value)
    except (ValueError, TypeError, AttributeError):
        return False


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        # The order, too: a template may iterate over it.
        return list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _yaml(value: Any) -> str:
    import yaml  # slow to load; only for answers that need it

    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False)


def _from_yaml(texts: Mapping[str, str]) -> dict[str, Any]:
    if not texts:
        return {}
    import yaml

    try:
        return {name: yaml.safe_load(text) for name, text in texts.items()}
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
