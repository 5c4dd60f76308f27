"""The desired state: what one environment of a project needs in an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from cfpy.errors import ProjectError
from cfpy.project.project import Project

_T = TypeVar("_T")


@dataclass(frozen=True)
class DesiredState:
    """Everything that one environment of a project needs.

    ``environment`` is empty for the top level of the configuration. ``wanted`` has values of the
    classes that the modules in ``owned`` define, in the order of the file. They have no keys: two
    bindings may mean one database, which only the account can tell
    (:func:`cfpy.account.identity.resolve`).
    """

    worker: str
    environment: str
    wanted: tuple[object, ...] = ()

    def all(self, of: type[_T]) -> tuple[_T, ...]:
        """What is wanted of one class."""
        return tuple(item for item in self.wanted if isinstance(item, of))


@dataclass(frozen=True)
class Scope:
    """The files of a project, from which a kind reads what one environment needs of it.

    ``tables`` are the environment's own: bindings are not inherited. ``environment`` is its name,
    empty for the top level.
    """

    project: Project
    worker: str
    tables: Mapping[str, Any]
    environment: str = ""

    def entries(self, table: str) -> list[Mapping[str, Any]]:
        """The entries of a list of tables, such as ``r2_buckets`` or ``queues.producers``."""
        outer, _, inner = table.partition(".")
        value = self.tables.get(outer) or []
        if inner:
            value = value.get(inner) or [] if isinstance(value, Mapping) else []
        return [item for item in value if isinstance(item, Mapping)]

    def text(self, entry: Mapping[str, Any], key: str, table: str) -> str:
        """A required string of an entry of ``table``.

        Raises:
            ProjectError: It is missing.
        """
        value = entry.get(key)
        if not isinstance(value, str) or not value:
            raise ProjectError(f"a [[{table}]] table has no `{key}`", path=self.project.config_path)
        return value

    def inherited(self, key: str) -> Any:
        """The value of a key that environments inherit; ``None`` if there is none."""
        return self.tables[key] if key in self.tables else self.project.wrangler.get(key)

    def default_name(self, binding: str) -> str:
        """As :func:`default_name`."""
        return default_name(self.worker, binding)


def default_name(worker: str, binding: str) -> str:
    """The name that wrangler gives a resource without a configured one (4.164.0,
    ``autoProvisionedResourceName``)."""
    return f"{worker}-{binding.lower().replace('_', '-')}"
