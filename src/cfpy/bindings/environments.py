"""Derives an environment from the top level of the configuration: see :mod:`becoming`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.bindings.asked import LONGEST_NAME
from cfpy.bindings.becoming import Renamer
from cfpy.bindings.kind import BindingKind
from cfpy.bindings.kinds.values import VARS
from cfpy.bindings.registry import KINDS, OWNED
from cfpy.errors import ProjectError, UsageError
from cfpy.tools.invocation import command

# Keys without bindings that wrangler 4.164 does not inherit (`notInheritable` in its validation).
_OTHERS = ("define", "cloudchamber", "connect")
_NOT_INHERITED = frozenset({*_OTHERS, *(kind.outer for kind in KINDS if not kind.inherited)})
#: Tables of ``cfpy.toml`` with settings of resources, and the key that names the resource.
NAME_KEYS = {kind.settings: kind.name_keys[0] for kind in KINDS if kind.settings}


@dataclass(frozen=True)
class NewEnvironment:
    """A new environment: its tables for the configuration, the new names of renamed resources by
    the old ones, and the bindings that production's Worker shares with it, by table."""

    name: str
    worker: str
    tables: Mapping[str, Any]
    renamed: Mapping[str, str]
    shared: Mapping[str, tuple[str, ...]]


def derive(config: Mapping[str, Any], name: str, renamer: Renamer | None = None) -> NewEnvironment:
    """Derive the environment ``name`` from a parsed configuration, with its own resources.
    ``renamer`` finds their names, if not those of an environment in the same file.

    Raises:
        UsageError: The environment already exists, or a name is not valid.
    """
    worker = str(config.get("name", ""))
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name):
        raise UsageError(
            f"{name!r} can't be the name of an environment",
            hint="Use lower-case letters, digits and hyphens, such as staging.",
        )
    if name in (config.get("env") or {}):
        raise UsageError(
            f"the configuration already has an environment {name!r}",
            hint=f"To show it: {command('env', 'list')}. To remove it: "
            f"{command('env', 'remove', name)}. "
            "Nothing was changed.",
        )
    rename = renamer or Renamer(worker, name)
    tables: dict[str, Any] = {}
    if config.get("route") or config.get("routes"):
        # Routes are inherited: without this, the environment would take production's requests.
        tables |= {"routes": [], "workers_dev": True}
    tables |= {key: config[key] for key in _OTHERS if key in config}
    tables |= _derived(config, rename)
    if variables := tables.get(VARS.table):
        # A variable that holds the name of a resource is renamed with it.
        tables[VARS.table] = {
            key: rename.done.get(value, value) if isinstance(value, str) else value
            for key, value in variables.items()
        }
    longest = max([*rename.done.values(), rename.new_worker], key=len)
    if len(longest) > LONGEST_NAME:
        raise UsageError(
            f"{longest} has {len(longest)} characters; a name may have at most {LONGEST_NAME}",
            hint="Choose a shorter name for the environment.",
        )
    return NewEnvironment(name, rename.new_worker, tables, rename.done, _shared(config, rename))


def _derived(config: Mapping[str, Any], rename: Renamer) -> dict[str, Any]:
    """The tables of all kinds, as they are in the environment."""
    tables: dict[str, Any] = {}
    for kind in KINDS:
        if kind.inherited or kind.outer not in config:
            continue
        items = [dict(kind.becomes.entry(item, rename)) for item in kind.entries(config)]
        _, _, inner = kind.table.partition(".")
        if inner:
            around = {key: value for key, value in config[kind.outer].items() if value}
            tables.setdefault(kind.outer, around).update({inner: items} if items else {})
        elif kind.once:
            tables[kind.table] = items[0] if items else {}
        else:
            tables[kind.table] = items
    return tables


def _shared(config: Mapping[str, Any], rename: Renamer) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for kind in KINDS:
        names = tuple(
            str(item.get(kind.binding_key or kind.entry_key))
            for item in kind.entries(config)
            if kind.becomes.shared(item, rename)
        )
        if names:
            found[kind.outer] = (*found.get(kind.outer, ()), *names)
    return found


def effective(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The configuration of an environment as wrangler sees it: its own tables and those inherited
    from the top level. ``name`` is empty for the top level itself.

    Raises:
        UsageError: There is no such environment.
        ProjectError: It is not a table.
    """
    if not name:
        return {key: value for key, value in config.items() if key != "env"}
    inherited = {k: v for k, v in config.items() if k != "env" and k not in _NOT_INHERITED}
    own = _environment(config, name)
    worker = own.get("name") or f"{config.get('name')}-{name}"
    return {**inherited, **own, "name": worker}


def _environment(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    environments = config.get("env") or {}
    if not isinstance(environments, Mapping):
        raise ProjectError("`env` is not a table ([env.NAME])")
    if name not in environments:
        raise UsageError(
            f"the configuration has no environment {name!r}",
            hint=f"Its environments: {', '.join(map(str, environments)) or 'none'}. "
            f"Create it: {command('env', 'add', name)}",
        )
    own = environments[name]
    if not isinstance(own, Mapping):
        raise ProjectError(f"`env.{name}` is not a table ([env.{name}])")
    return own


def named(tables: Mapping[str, Any]) -> dict[str, set[str]]:
    """The names of resources in the tables of an environment, by table of ``cfpy.toml``."""
    found: dict[str, set[str]] = {table: set() for table in NAME_KEYS}
    for kind in KINDS:
        if kind.settings:
            names = (item.get(key) for item in kind.entries(tables) for key in kind.name_keys)
            found[kind.settings].update(str(name) for name in names if name)
    return found


def only_in(config: Mapping[str, Any], name: str) -> dict[str, set[str]]:
    """The results of :func:`named` that are only in the environment ``name`` of the file."""
    environments = config.get("env") or {}
    others = [config, *(tables for other, tables in environments.items() if other != name)]
    own = named(environments[name])
    return {table: own[table].difference(*(named(o)[table] for o in others)) for table in own}


def left_over(config: Mapping[str, Any], name: str) -> dict[str, set[str]]:
    """The names that the resources of an environment would have that is not in the configuration,
    except those in use: what only half a removal has left in ``cfpy.toml``."""
    try:
        new = derive(config, name)
    except UsageError:
        return {}
    used = [named(config), *(named(tables) for tables in (config.get("env") or {}).values())]
    own = named(new.tables)
    return {
        table: own[table].intersection(new.renamed.values()).difference(*(u[table] for u in used))
        for table in own
    }


def held_ids(tables: Mapping[str, Any]) -> tuple[str, ...]:
    """The databases and namespaces of an environment that have an id, so were created."""
    return tuple(
        f"{name}:{_called(kind, item)}"
        for name, kind in OWNED.items()
        for item in kind.entries(tables)
        if kind.id_key and kind.told_by(item)
    )


def _called(kind: BindingKind, item: Mapping[str, Any]) -> Any:
    own = item.get(kind.name_keys[0]) if kind.name_keys else None
    return own or item.get(kind.binding_key)
