"""A pattern: its layers, each with a manifest, and the questions that they ask together."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cfpy.domain.manifest import Manifest, ResourceSpec, SecretSpec
from cfpy.domain.names import did_you_mean
from cfpy.errors import PatternError

# Settings of copier that run code.
_UNSAFE = ("_tasks", "_migrations", "_jinja_extensions")
# Filters and functions that give another value each time: those of copier, of Jinja and of
# jinja2-ansible-filters.
_CHANCE = re.compile(r"random|shuffle|make_secret|\bnow\b|strftime")


@dataclass(frozen=True)
class Question:
    """One question of ``copier.yml``.

    ``choices`` is empty for a free answer, and where a template gives them. A ``multiselect`` one
    takes a list of them. A ``secret`` answer is kept in no file of cfpy's. A ``computed`` one is
    never asked (``when: false``).
    """

    name: str
    type: str
    help: str
    default: Any
    choices: tuple[Any, ...]
    secret: bool
    multiselect: bool = False
    computed: bool = False

    @property
    def by_chance(self) -> bool:
        """Whether it is computed, and another value each time."""
        return self.computed and bool(_CHANCE.search(str(self.default)))

    @property
    def kept_in_project(self) -> bool:
        """Whether its answer is in the rendered files alone, and in no record of cfpy's."""
        return self.secret or self.by_chance


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
    secret = data.get("_secret_questions")
    secret = secret if isinstance(secret, list) else []
    questions = []
    for name, spec in data.items():
        if name.startswith("_"):
            continue
        details = spec if isinstance(spec, Mapping) else {"default": spec}
        default = details.get("default")
        questions.append(
            Question(
                name=name,
                type=str(details.get("type", "yaml" if default is None else _type_name(default))),
                help=str(details.get("help", "")),
                default=default,
                choices=tuple(_choices(details.get("choices"))),
                secret=bool(details.get("secret", False)) or name in secret,
                multiselect=bool(details.get("multiselect", False)),
                computed=details.get("when") is False,
            )
        )
    return tuple(questions)


def _type_name(value: object) -> str:
    names = {bool: "bool", int: "int", float: "float", str: "str"}
    return names.get(type(value), "yaml")


def _choices(choices: Any) -> Iterator[Any]:
    """The values of choices: each is a value, or a label with a value or a mapping that has one.
    No value is the label. A template's are not known before it is rendered."""
    labelled = list(choices.items()) if isinstance(choices, Mapping) else choices
    for choice in labelled if isinstance(labelled, list) else ():
        label, value = choice, choice
        if isinstance(choice, list | tuple) and len(choice) == 2:
            label, value = choice
        if isinstance(value, Mapping):
            value = value.get("value")
        yield label if value is None else value
