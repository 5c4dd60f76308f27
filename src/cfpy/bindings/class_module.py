"""The module of a class that a binding needs, in the language of the Worker. Pure."""

from __future__ import annotations

import builtins
from dataclasses import dataclass

from cfpy.bindings.asked import Asked, Export
from cfpy.errors import UsageError

# The class of a Python Worker that answers requests.
_ENTRY = "Default"


@dataclass(frozen=True)
class ClassModule:
    """The source of a class called ``{name}``, which extends ``base`` of the SDK; other braces are
    doubled. ``uses`` are the names in it that no class can have. ``untyped`` turns the TypeScript
    into JavaScript: parts of it, each with what is there instead."""

    base: str
    uses: frozenset[str]
    python: str
    typescript: str
    untyped: tuple[tuple[str, str], ...]

    def of(self, asked: Asked) -> tuple[dict[str, str], Export]:
        """The new file next to the Worker's main module, and the export from that.

        Raises:
            UsageError: The Worker has no main module, or no class can have this name.
        """
        folder, _, file = asked.main.rpartition("/")
        suffix = file.rpartition(".")[2]
        module = asked.snake if suffix == "py" else asked.kebab
        path = f"{folder}/{module}.{suffix}" if folder else f"{module}.{suffix}"
        self._refuse_name(asked.class_name, suffix)
        source = self._source(suffix).format(name=asked.class_name)
        return {path: source}, Export(module, asked.class_name, self.base)

    def _refuse_name(self, name: str, suffix: str) -> None:
        """Refuse a name that means something else in the language of the Worker.

        Raises:
            UsageError: It does.
        """
        python = suffix == "py"
        why = ""
        if python and name == _ENTRY:
            why = f"the class {_ENTRY} is the Worker's entrypoint, which answers requests"
        elif name in self.uses | {self.base}:
            why = f"the new class would use {name} of the SDK or the language"
        elif python and hasattr(builtins, name):
            why = f"{name} is a word of Python"
        if why:
            raise UsageError(
                f"no new class can be called {name}: {why}",
                hint="Choose another NAME. Nothing was changed.",
            )

    def _source(self, suffix: str) -> str:
        if suffix == "py":
            return self.python
        source = self.typescript
        if suffix not in ("ts", "tsx", "mts"):
            for typed, plain in self.untyped:
                source = source.replace(typed, plain)
        return source
