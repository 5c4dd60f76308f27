"""The module of a class that a binding needs, in the language of the Worker. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cfpy.bindings.asked import Asked, Export


@dataclass(frozen=True)
class ClassModule:
    """The source of a class called ``{name}``; other braces are doubled. ``untyped`` turns the
    TypeScript into JavaScript: parts of it, each with what is there instead."""

    python: str
    typescript: str
    untyped: tuple[tuple[str, str], ...]

    def of(self, asked: Asked) -> tuple[dict[str, str], Export]:
        """The new file next to the Worker's main module, and the export from that.

        Raises:
            UsageError: The Worker has no main module.
        """
        folder, _, file = asked.main.rpartition("/")
        suffix = file.rpartition(".")[2]
        module = asked.snake if suffix == "py" else asked.kebab
        path = f"{folder}/{module}.{suffix}" if folder else f"{module}.{suffix}"
        source = self._source(suffix).format(name=asked.class_name)
        return {path: source}, Export(module, asked.class_name)

    def _source(self, suffix: str) -> str:
        if suffix == "py":
            return self.python
        source = self.typescript
        if suffix not in ("ts", "tsx", "mts"):
            for typed, plain in self.untyped:
                source = source.replace(typed, plain)
        return source
