"""Finds patterns and reads what they say of themselves."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import yaml

from cfpy.domain.pattern import Pattern, did_you_mean, parse_manifest, parse_questions
from cfpy.errors import PatternError

BUILT_IN = Path(__file__).parent.parent / "templates"


class PatternStore:
    """The patterns that ship with cfpy: one directory each under ``root``."""

    def __init__(self, root: Path = BUILT_IN) -> None:
        self._root = root

    def names(self) -> list[str]:
        """Names of all patterns, sorted."""
        return sorted(path.parent.name for path in self._root.glob("*/pattern.toml"))

    def get(self, name: str) -> Pattern:
        """Load the pattern called ``name``.

        Raises:
            PatternError: There is none, or its files are broken.
        """
        known = self.names()
        if name not in known:
            raise PatternError(
                f"there is no pattern {name!r}",
                hint=did_you_mean(name, known) or f"Patterns: {', '.join(known)}.",
            )
        return load_pattern(self._root / name)

    def all(self) -> list[Pattern]:
        """All patterns, by name."""
        return [self.get(name) for name in self.names()]


def load_pattern(root: Path) -> Pattern:
    """Load the pattern in the directory ``root``.

    Raises:
        PatternError: A file is missing or does not parse.
    """
    manifest = root / "pattern.toml"
    questions = root / "copier.yml"
    return Pattern(
        name=root.name,
        root=root,
        manifest=parse_manifest(_read_toml(manifest), manifest),
        questions=parse_questions(_read_yaml(questions)),
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PatternError(f"can't read {path}: {error}") from error


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise PatternError(f"can't read {path}: {error}") from error
    if not isinstance(data, dict):
        raise PatternError(f"{path} is not a mapping of questions")
    return data
