"""What a pattern says of itself: its manifest (``pattern.toml``) and its questions."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cfpy.errors import PatternError

_REQUIRED = ("title", "summary", "version")
_KNOWN = {
    *_REQUIRED,
    *("extends", "abstract", "removes"),
    *("services", "resources", "secrets", "next_steps"),
}


# Settings of copier that run code.
_UNSAFE = ("_tasks", "_migrations", "_jinja_extensions")


@dataclass(frozen=True)
class ResourceSpec:
    """A Cloudflare resource that a project of the pattern binds.

    ``kind`` is wrangler's word for it (``d1``, ``vectorize``, ``ai``, ...), ``binding`` the name
    in the Worker's ``env``.
    """

    kind: str
    binding: str
    purpose: str


@dataclass(frozen=True)
class SecretSpec:
    """A secret that the deployed Worker needs."""

    name: str
    purpose: str


@dataclass(frozen=True)
class Manifest:
    """The parsed ``pattern.toml``.

    ``extends`` names the pattern below this one, with a range of versions if it is pinned
    (``rag>=1.1,<2``), or is empty; ``removes`` are files of the patterns
    below that this one has not. An ``abstract`` pattern is there to be extended, not to be made.
    ``next_steps`` are commands, run in the new project.
    """

    title: str
    summary: str
    version: str
    extends: str
    abstract: bool
    removes: tuple[str, ...]
    services: tuple[str, ...]
    resources: tuple[ResourceSpec, ...]
    secrets: tuple[SecretSpec, ...]
    next_steps: tuple[str, ...]


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


def parse_manifest(data: Mapping[str, Any], path: Path) -> Manifest:
    """Read a manifest from parsed TOML.

    Args:
        data: The document.
        path: Its file, for messages.

    Raises:
        PatternError: A key is missing, unknown or of the wrong type.
    """
    for key in _REQUIRED:
        if not isinstance(data.get(key), str) or not data[key]:
            raise PatternError(f"{path}: {key!r} is missing or is not a text")
    for key in data:
        if key not in _KNOWN:
            raise PatternError(
                f"{path}: unknown key {key!r}",
                hint=did_you_mean(key, _KNOWN) or f"Known keys: {', '.join(sorted(_KNOWN))}.",
            )
    for key, kind in (("extends", str), ("abstract", bool)):
        if not isinstance(data.get(key, kind()), kind):
            raise PatternError(f"{path}: {key!r} is not a {_type_name(kind())}")
    return Manifest(
        title=data["title"],
        summary=data["summary"],
        version=data["version"],
        extends=data.get("extends", ""),
        abstract=data.get("abstract", False),
        removes=_texts(data, "removes", path),
        services=_texts(data, "services", path),
        resources=tuple(
            ResourceSpec(*_fields(item, ("kind", "binding", "purpose"), "resources", path))
            for item in _tables(data, "resources", path)
        ),
        secrets=tuple(
            SecretSpec(*_fields(item, ("name", "purpose"), "secrets", path))
            for item in _tables(data, "secrets", path)
        ),
        next_steps=_texts(data, "next_steps", path),
    )


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


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that offers the known word nearest to ``word``, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else ""


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


def _texts(data: Mapping[str, Any], key: str, path: Path) -> tuple[str, ...]:
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise PatternError(f"{path}: {key!r} is not a list of texts")
    return tuple(value)


def _tables(data: Mapping[str, Any], key: str, path: Path) -> list[Mapping[str, Any]]:
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise PatternError(f"{path}: {key!r} is not a list of tables")
    return list(value)


def _fields(
    item: Mapping[str, Any], names: tuple[str, ...], key: str, path: Path
) -> tuple[str, ...]:
    for name in names:
        if not isinstance(item.get(name), str):
            raise PatternError(f"{path}: an entry of {key!r} lacks the text {name!r}")
    unknown = set(item) - set(names)
    if unknown:
        raise PatternError(f"{path}: an entry of {key!r} has an unknown key {min(unknown)!r}")
    return tuple(item[name] for name in names)
