"""What ``cfpy add`` is asked for, and the changes that answer it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cfpy.errors import UsageError
from cfpy.project.edits import Append, Edit, KeyPath, Put

#: The most characters in the name of a resource or Worker.
LONGEST_NAME = 63


@dataclass(frozen=True)
class Options:
    """Options that some kinds take besides a name: ``id`` of something that exists in the account,
    ``consumer`` for a queue that this Worker also reads, ``dimensions`` (floats) and ``metric`` of
    a Vectorize index, ``directory`` of static assets."""

    id: str = ""
    consumer: bool = False
    dimensions: int = 768
    metric: str = "cosine"
    directory: str = "public"


@dataclass(frozen=True)
class Export:
    """A class that the Worker's main module must export, the module that defines it, and the class
    of the SDK that it extends."""

    module: str
    name: str
    base: str


@dataclass(frozen=True)
class Addition:
    """The changes for one binding. ``files`` are new files by their path in the project, and those
    in ``reused`` may exist. ``resource`` is what it uses in the account, if that has a name.
    ``note`` is what else changes for the Worker, in a sentence."""

    config: tuple[Edit, ...]
    binding: str
    settings: tuple[Edit, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    reused: bool = False
    export: Export | None = None
    resource: str = ""
    note: str = ""


@dataclass(frozen=True)
class Asked:
    """The request, with what every kind needs to know about the project.

    ``config`` is the whole configuration, ``scope`` the part that the binding is added to, and
    ``environment`` its name, empty for the top level. ``kind`` and ``name`` are the words of the
    command.
    """

    config: Mapping[str, Any]
    scope: Mapping[str, Any]
    environment: str
    kind: str
    name: str
    options: Options

    @property
    def binding(self) -> str:
        """The name of the binding: ``SESSIONS``."""
        return re.sub(r"[^A-Za-z0-9]+", "_", self.name).strip("_").upper()

    @property
    def kebab(self) -> str:
        """The name with hyphens: ``my-sessions``."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")

    @property
    def snake(self) -> str:
        """The name of a module: ``my_sessions``."""
        return self.kebab.replace("-", "_")

    @property
    def class_name(self) -> str:
        """The name of a class: ``MySessions``."""
        return "".join(part.capitalize() for part in self.kebab.split("-"))

    @property
    def resource(self) -> str:
        """The name of a resource of this Worker.

        Raises:
            UsageError: It is too long.
        """
        name = f"{self.scope['name']}-{self.kebab}"
        if len(name) > LONGEST_NAME:
            raise UsageError(
                f"{name} has {len(name)} characters; a name may have at most {LONGEST_NAME}",
                hint="Choose a shorter NAME.",
            )
        return name

    @property
    def main(self) -> str:
        """The path of the Worker's main module.

        Raises:
            UsageError: There is none.
        """
        main = self.scope.get("main")
        if not isinstance(main, str):
            raise UsageError(
                "the configuration has no `main`, so there is no module that could export a class",
                hint='First add main = "src/entry.py", and create that module.',
            )
        return main

    def path(self, name: str) -> KeyPath:
        """The path of a table with a dotted name, in the environment if there is one."""
        scope = ("env", self.environment) if self.environment else ()
        return (*scope, *name.split("."))

    def entry(self, table: str, **keys: Any) -> Edit:
        """A new entry of an array of tables."""
        return Append(self.path(table), keys)

    def only_table(self, table: str, **keys: Any) -> Edit:
        """A table that the Worker may have once.

        Raises:
            UsageError: It has one.
        """
        own = self.scope.get(table)
        if own is not None:
            name = own.get("binding") if isinstance(own, Mapping) else own
            raise UsageError(f"a Worker can bind {table} only once; it is already bound, as {name}")
        return Put(self.path(table), keys)
