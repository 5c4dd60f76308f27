"""A pattern: its layers, each with a manifest, and the questions that they ask together."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cfpy.domain.manifest import Manifest, ResourceSpec, SecretSpec
from cfpy.domain.names import did_you_mean
from cfpy.errors import PatternError

# Settings of copier that run code.
_UNSAFE = ("_tasks", "_migrations", "_jinja_extensions")


@dataclass(frozen=True)
class Question:
    """One question of ``copier.yml``. ``choices`` is empty for a free answer."""

    name: str
    type: str
    help: str
    default: Any
    choices: tuple[Any, ...]
    secret: bool


@dataclass(frozen=True)
class Layer:
    """One pattern without those below it.

    ``root`` holds ``pattern.toml``, ``template/`` and, where it asks or sets anything,
    ``copier.yml``, whose content is ``config``.
    """

    name: str
    root: Path
    manifest: Manifest
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Origin:
    """Where a pattern that cfpy does not bring came from: the ``source`` as it can be asked for
    again, and a ``pin`` that another content would not have, such as a commit."""

    source: str
    pin: str


@dataclass(frozen=True)
class Pattern:
    """A pattern and all that it extends: ``layers``, the lowest first, itself last.

    ``origin`` is ``None`` for what cfpy brings. A ``foreign`` one is a copier template without a
    ``pattern.toml``: it is rendered as it is.
    """

    layers: tuple[Layer, ...]
    origin: Origin | None = None
    foreign: bool = False

    @property
    def name(self) -> str:
        return self.layers[-1].name

    @property
    def manifest(self) -> Manifest:
        return self.layers[-1].manifest

    @property
    def services(self) -> tuple[str, ...]:
        """Those of all layers."""
        return tuple(dict.fromkeys(s for layer in self.layers for s in layer.manifest.services))

    @property
    def resources(self) -> tuple[ResourceSpec, ...]:
        """Those of all layers; one that is named again is the upper layer's."""
        found = [item for layer in self.layers for item in layer.manifest.resources]
        return tuple({(item.kind, item.binding): item for item in found}.values())

    @property
    def secrets(self) -> tuple[SecretSpec, ...]:
        """Those of all layers; one that is named again is the upper layer's."""
        found = [item for layer in self.layers for item in layer.manifest.secrets]
        return tuple({item.name: item for item in found}.values())

    @property
    def next_steps(self) -> tuple[str, ...]:
        """Those of the uppermost layer that has any."""
        given = (layer.manifest.next_steps for layer in reversed(self.layers))
        return next((steps for steps in given if steps), ())

    @cached_property
    def config(self) -> dict[str, Any]:
        """The ``copier.yml`` of all layers in one: see :func:`merge_configs`."""
        return merge_configs([layer.config for layer in self.layers])

    @property
    def unsafe(self) -> tuple[str, ...]:
        """What it would run on the machine that renders it, one line each."""
        lines = []
        for key in _UNSAFE:
            value = self.config.get(key) or []
            for item in value if isinstance(value, list) else [value]:
                command = item.get("command", item) if isinstance(item, Mapping) else item
                text = shlex.join(map(str, command)) if isinstance(command, list) else str(command)
                lines.append(f"{key.removeprefix('_')}: {text}")
        return tuple(lines)

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        return parse_questions(self.config)

    def question(self, name: str) -> Question:
        """The question called ``name``.

        Raises:
            PatternError: There is none; the hint names the nearest.
        """
        for question in self.questions:
            if question.name == name:
                return question
        known = [question.name for question in self.questions]
        raise PatternError(
            f"pattern {self.name!r} asks no question {name!r}",
            hint=did_you_mean(name, known) or f"It asks: {', '.join(known)}.",
        )


def merge_configs(configs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Lay configurations over each other, the lowest first.

    A question that is asked again takes over what it says anew and keeps its place and the rest.
    Lists of settings, such as ``_exclude``, add up; other settings are replaced.
    """
    merged: dict[str, Any] = {}
    for config in configs:
        for key, value in config.items():
            below = merged.get(key)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                merged[key] = {**below, **value}
            elif isinstance(below, list) and isinstance(value, list):
                merged[key] = [*below, *(item for item in value if item not in below)]
            else:
                merged[key] = value
    return merged


def parse_questions(data: Mapping[str, Any]) -> tuple[Question, ...]:
    """Read the questions of a parsed ``copier.yml``; keys that start with ``_`` are settings."""
    questions = []
    for name, spec in data.items():
        if name.startswith("_"):
            continue
        details = spec if isinstance(spec, Mapping) else {"default": spec}
        choices = details.get("choices") or ()
        values = choices.values() if isinstance(choices, Mapping) else choices
        default = details.get("default")
        questions.append(
            Question(
                name=name,
                type=str(details.get("type", "yaml" if default is None else _type_name(default))),
                help=str(details.get("help", "")),
                default=default,
                choices=tuple(_choice_value(value) for value in values),
                secret=bool(details.get("secret", False)),
            )
        )
    return tuple(questions)


def _type_name(value: object) -> str:
    names = {bool: "bool", int: "int", float: "float", str: "str"}
    return names.get(type(value), "yaml")


def _choice_value(choice: Any) -> Any:
    """A choice is a value, a ``[label, value]`` pair, or a mapping with ``value``."""
    if isinstance(choice, list) and len(choice) == 2:
        choice = choice[1]
    if isinstance(choice, Mapping):
        return choice.get("value")
    return choice
