"""The edits that add an environment to a project's files, and those that remove it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from cfpy.bindings.environments import NAME_KEYS, NewEnvironment
from cfpy.project.edits import Append, Edit, KeyPath, Put, Remove


def additions(new: NewEnvironment) -> tuple[Edit, ...]:
    """The edits of the configuration that add an environment."""
    comment = f"{new.worker}: wrangler inherits no bindings, so all of them are repeated here."
    return (Put(("env", new.name), new.tables, comment=comment if new.tables else ""),)


def settings_additions(settings: Mapping[str, Any], new: NewEnvironment) -> tuple[Edit, ...]:
    """The edits of ``cfpy.toml`` that repeat the settings of renamed resources, unless it has them,
    and that name the environment where a secret is for the top level.

    Args:
        settings: The parsed ``cfpy.toml``.
        new: The environment.
    """
    written = {
        table: [item.get(name) for item in settings.get(table) or ()]
        for table, name in NAME_KEYS.items()
    }
    return tuple(
        Append((table,), {**item, name: new.renamed[item[name]]})
        for table, name in NAME_KEYS.items()
        for item in settings.get(table) or ()
        if item.get(name) in new.renamed and new.renamed[item[name]] not in written[table]
    ) + tuple(
        Put((*path, "environments"), [*names, new.name])
        for path, names in _secrets(settings)
        if "" in names and new.name not in names
    )


def removals(name: str) -> tuple[Edit, ...]:
    """The edits of the configuration that remove the environment ``name``."""
    return (Remove(("env", name)),)


def settings_removals(
    settings: Mapping[str, Any], gone: Mapping[str, Collection[str]]
) -> tuple[Edit, ...]:
    """The edits of ``cfpy.toml`` that remove the settings of resources.

    Args:
        settings: The parsed ``cfpy.toml``.
        gone: Names of resources, by the table that may have settings of them.
    """
    return tuple(
        Remove((table, number))
        for table, names in gone.items()
        # Backwards, so that the numbers stay right.
        for number, item in reversed(list(enumerate(settings.get(table) or ())))
        if item.get(NAME_KEYS[table]) in names
    )


def secret_removals(settings: Mapping[str, Any], environment: str) -> tuple[Edit, ...]:
    """The edits of ``cfpy.toml`` that remove an environment from those that need a secret, and
    secrets that only it needs.

    Args:
        settings: The parsed ``cfpy.toml``.
        environment: The environment.
    """
    return tuple(
        Put((*path, "environments"), [name for name in names if name != environment])
        if names != [environment]
        else Remove(path)
        for path, names in reversed(list(_secrets(settings)))
        if environment in names
    )


def _secrets(settings: Mapping[str, Any]) -> Iterator[tuple[KeyPath, list[str]]]:
    """The secrets that are for some environments: the path of each, and the environments."""
    for number, item in enumerate(settings.get("secrets") or ()):
        if item.get("environments"):
            yield ("secrets", number), list(item["environments"])
