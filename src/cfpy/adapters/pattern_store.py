"""Finds patterns and reads what they say of themselves."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from cfpy.domain.pattern import Layer, Pattern, did_you_mean, parse_manifest
from cfpy.errors import PatternError

BUILT_IN = Path(__file__).parent.parent / "templates"


class PatternStore:
    """The patterns that ship with cfpy: one directory each under ``root``."""

    def __init__(self, root: Path = BUILT_IN) -> None:
        self._root = root

    def all(self) -> list[Pattern]:
        """All patterns that a project can be made of, by name."""
        loaded = [self._load(name) for name in self._directories()]
        return [pattern for pattern in loaded if not pattern.manifest.abstract]

    def names(self) -> list[str]:
        """Their names, sorted."""
        return [pattern.name for pattern in self.all()]

    def get(self, name: str) -> Pattern:
        """Load the pattern called ``name``.

        Raises:
            PatternError: There is none, or its files are broken.
        """
        if name in self._directories():
            pattern = self._load(name)
            if not pattern.manifest.abstract:
                return pattern
        known = self.names()
        raise PatternError(
            f"there is no pattern {name!r}",
            hint=did_you_mean(name, known) or f"Patterns: {', '.join(known)}.",
        )

    def _directories(self) -> list[str]:
        return sorted(path.parent.name for path in self._root.glob("*/pattern.toml"))

    def _load(self, name: str) -> Pattern:
        """The pattern with all that it extends."""
        layers: list[Layer] = []
        while name:
            if any(layer.name == name for layer in layers):
                raise PatternError(f"the pattern {name!r} extends itself")
            if name not in self._directories():
                raise PatternError(
                    f"the pattern {layers[0].name!r} extends {name!r}, which is not there"
                )
            layers.insert(0, load_layer(self._root / name))
            name = layers[0].manifest.extends
        return Pattern(tuple(layers))


def load_layer(root: Path) -> Layer:
    """Load what the directory ``root`` says, without what it extends.

    Raises:
        PatternError: A file is missing or does not parse.
    """
    manifest = root / "pattern.toml"
    config = root / "copier.yml"
    return Layer(
        name=root.name,
        root=root,
        manifest=parse_manifest(_read_toml(manifest), manifest),
        config=_read_yaml(config) if config.is_file() else {},
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PatternError(f"can't read {path}: {error}") from error


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml  # slow to load, for commands that read no pattern

    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise PatternError(f"can't read {path}: {error}") from error
    if not isinstance(data, dict):
        raise PatternError(f"{path} is not a mapping of questions")
    return data
