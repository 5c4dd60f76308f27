"""A pattern: its layers, each with a manifest, and all their questions."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cfpy.errors import PatternError
from cfpy.patterns.manifest import Manifest, ResourceSpec, SecretSpec
from cfpy.project.names import did_you_mean

# Settings of copier that run code.
_UNSAFE = ("_tasks", "_migrations", "_jinja_extensions")
# Filters and functions that return a different value each time: those of copier, of Jinja and of
# jinja2-ansible-filters.
_CHANCE = re.compile(r"random|shuffle|make_secret|\bnow\b|strftime")


@dataclass(frozen=True)
class Question:
    """One question of ``copier.yml``.

    ``choices`` is empty for a free answer, and if a template computes them. A ``multiselect``
    question takes a list of them. A ``secret`` answer is not saved in any file of cfpy. A
    ``computed`` question is never asked (``when: false``).
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
        """Whether it is computed, with a different value each time."""
        return self.computed and bool(_CHANCE.search(str(self.default)))

    @property
    def kept_in_project(self) -> bool:
        """Whether its answer is only in the rendered files, and not in cfpy's record."""
        return self.secret or self.by_chance


@dataclass(frozen=True)
class Layer:
    """One pattern without the patterns that it extends.

    ``root`` holds ``pattern.toml``, ``template/`` and, if it has questions or settings,
    ``copier.yml``, whose content is ``config``.
    """

    name: str
    root: Path
    manifest: Manifest
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Origin:
    """Where a pattern from outside cfpy came from: the ``source``, with which it can be fetched
    again, and a ``pin`` that identifies its content, such as a commit."""

    source: str
    pin: str


@dataclass(frozen=True)
class Pattern:
    """A pattern and all patterns that it extends: ``layers``, the lowest first, itself last.

    ``origin`` is ``None`` for cfpy's own patterns. A ``foreign`` pattern is a copier template
    without a ``pattern.toml``: it is rendered as it is.
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
        """The services of all layers."""
        return tuple(dict.fromkeys(s for layer in self.layers for s in layer.manifest.services))

    @property
    def resources(self) -> tuple[ResourceSpec, ...]:
        """Those of all layers; the upper layer's counts if several have the same name."""
        found = [item for layer in self.layers for item in layer.manifest.resources]
        return tuple({(item.kind, item.binding): item for item in found}.values())

    @property
    def secrets(self) -> tuple[SecretSpec, ...]:
        """Those of all layers; the upper layer's counts if several have the same name."""
        found = [item for layer in self.layers for item in layer.manifest.secrets]
        return tuple({item.name: item for item in found}.values())

    @property
    def next_steps(self) -> tuple[str, ...]:
        """The steps of the uppermost layer that has any."""
        given = (layer.manifest.next_steps for layer in reversed(self.layers))
        return next((steps for steps in given if steps), ())

    @cached_property
    def config(self) -> dict[str, Any]:
        """The merged ``copier.yml`` of all layers: see :func:`merge_configs`."""
        return merge_configs([layer.config for layer in self.layers])

    @property
    def unsafe(self) -> tuple[str, ...]:
        """The code that it would run on the machine that renders it, one line each."""
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
            PatternError: There is no such question; the hint names the nearest one.
        """
        for question in self.questions:
            if question.name == name:
                return question
        known = [question.name for question in self.questions]
        raise PatternError(
            f"pattern {self.name!r} has no question {name!r}",
            hint=did_you_mean(name, known) or f"Its questions: {', '.join(known)}.",
        )


def merge_configs(configs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge configurations, the lowest first.

    A question that is repeated takes the new keys and keeps its place and its other keys. Lists of
    settings, such as ``_exclude``, are concatenated; other settings are replaced.
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
    """The values of choices: each choice is a value, or a label with a value or with a mapping that
    has a value. Without a value, the label is the value. A template's choices are known only after
    it is rendered."""
    labelled = list(choices.items()) if isinstance(choices, Mapping) else choices
    for choice in labelled if isinstance(labelled, list) else ():
        label, value = choice, choice
        if isinstance(choice, list | tuple) and len(choice) == 2:
            label, value = choice
        if isinstance(value, Mapping):
            value = value.get("value")
        yield label if value is None else value
