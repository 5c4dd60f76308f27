"""Derives an environment from the top level of ``wrangler.toml``.

wrangler does not inherit bindings into ``[env.NAME]``: an environment must repeat every binding
that its Worker needs. If it repeats the same ids, it shares its data with production.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.errors import UsageError
from cfpy.tools.invocation import command

# The keys that wrangler 4.164 does not inherit (`notInheritable` in its validation), in the order
# in which they are written.
_NOT_INHERITED = (
    "vars",
    "secrets",
    "define",
    "ai",
    "browser",
    "images",
    "media",
    "stream",
    "version_metadata",
    "d1_databases",
    "kv_namespaces",
    "r2_buckets",
    "vectorize",
    "queues",
    "analytics_engine_datasets",
    "ratelimits",
    "durable_objects",
    "workflows",
    "hyperdrive",
    "services",
    "send_email",
    "pipelines",
    "secrets_store_secrets",
    "mtls_certificates",
    "dispatch_namespaces",
    "worker_loaders",
    "vpc_services",
    "vpc_networks",
    "containers",
    "tail_consumers",
    "streaming_tail_consumers",
    "ai_search",
    "ai_search_namespaces",
    "unsafe",
)
# Tables whose entries name a resource of the account, and the key with the name.
_NAMED = {
    "d1_databases": "database_name",
    "r2_buckets": "bucket_name",
    "vectorize": "index_name",
    "analytics_engine_datasets": "dataset",
    "workflows": "name",
}
#: Tables of ``cfpy.toml`` with settings of resources, and the key that names the resource.
NAME_KEYS = {
    "vectorize": "index_name",
    "r2": "bucket_name",
    "d1": "database_name",
    "queues": "queue",
}
# They point to something that can't be derived, so both environments use the same.
_SHARED = (
    "hyperdrive",
    "services",
    "pipelines",
    "secrets_store_secrets",
    "mtls_certificates",
    "dispatch_namespaces",
    "vpc_services",
    "vpc_networks",
    "tail_consumers",
    "streaming_tail_consumers",
)
# Keys of a resource that does not exist yet in the new environment.
_IDS = ("database_id", "preview_database_id", "id", "preview_id", "preview_bucket_name")
_LONGEST_NAME = 63


@dataclass(frozen=True)
class NewEnvironment:
    """``tables`` go under ``[env.NAME]``; ``renamed`` maps the names of resources to those of the
    environment; ``shared`` are the tables whose resources both use."""

    name: str
    worker: str
    tables: Mapping[str, Any]
    renamed: Mapping[str, str]
    shared: tuple[str, ...]


def derive(config: Mapping[str, Any], name: str) -> NewEnvironment:
    """Derive the environment ``name`` from a parsed ``wrangler.toml``, with its own resources.

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
            f"wrangler.toml already has an environment {name!r}",
            hint=f"To show it: {command('env', 'list')}. To remove it: "
            f"{command('env', 'remove', name)}. "
            "Nothing was changed.",
        )
    rename = _Renamer(worker, name)
    tables: dict[str, Any] = {}
    if config.get("route") or config.get("routes"):
        # Routes are inherited: without this, the environment would take production's requests.
        tables |= {"routes": [], "workers_dev": True}
    for key in _NOT_INHERITED:
        if key in config:
            tables[key] = _derived(key, config[key], rename)
    if "vars" in tables:
        # A variable that holds the name of a resource is renamed with it.
        tables["vars"] = {
            key: rename.done.get(value, value) if isinstance(value, str) else value
            for key, value in tables["vars"].items()
        }
    longest = max([*rename.done.values(), f"{worker}-{name}"], key=len)
    if len(longest) > _LONGEST_NAME:
        raise UsageError(
            f"{longest} has {len(longest)} characters; a name may have at most {_LONGEST_NAME}",
            hint="Choose a shorter name for the environment.",
        )
    shared = tuple(key for key in _SHARED if key in tables)
    return NewEnvironment(name, f"{worker}-{name}", tables, rename.done, shared)


def effective(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The configuration of an environment as wrangler sees it: its own tables and those inherited
    from the top level. ``name`` must exist; it is empty for the top level itself."""
    if not name:
        return {key: value for key, value in config.items() if key != "env"}
    inherited = {k: v for k, v in config.items() if k != "env" and k not in _NOT_INHERITED}
    own: Mapping[str, Any] = config["env"][name]
    worker = own.get("name") or f"{config.get('name')}-{name}"
    return {**inherited, **own, "name": worker}


def named(tables: Mapping[str, Any]) -> dict[str, set[str]]:
    """The names of resources in the tables of an environment, by table of ``cfpy.toml``."""
    queues = tables.get("queues") or {}
    written = {
        "vectorize": tables.get("vectorize"),
        "r2": tables.get("r2_buckets"),
        "d1": tables.get("d1_databases"),
        "queues": [*(queues.get("producers") or ()), *(queues.get("consumers") or ())],
    }
    found = {
        table: {str(item[NAME_KEYS[table]]) for item in items or () if NAME_KEYS[table] in item}
        for table, items in written.items()
    }
    dead = {item.get("dead_letter_queue") for item in queues.get("consumers") or ()}
    found["queues"] |= {str(name) for name in dead if name}
    return found


def only_in(config: Mapping[str, Any], name: str) -> dict[str, set[str]]:
    """The results of :func:`named` that are only in the environment ``name`` of the file."""
    environments = config.get("env") or {}
    others = [config, *(tables for other, tables in environments.items() if other != name)]
    own = named(environments[name])
    return {table: own[table].difference(*(named(o)[table] for o in others)) for table in own}


def held_ids(tables: Mapping[str, Any]) -> tuple[str, ...]:
    """The databases and namespaces of an environment that have an id, so were created."""
    keys = (("d1_databases", "d1", "database_id"), ("kv_namespaces", "kv", "id"))
    return tuple(
        f"{kind}:{item.get('database_name') or item.get('binding')}"
        for table, kind, key in keys
        for item in tables.get(table) or ()
        if item.get(key)
    )


class _Renamer:
    """Inserts the environment's name after the Worker's: shop-db becomes shop-staging-db."""

    def __init__(self, worker: str, environment: str) -> None:
        self.worker = worker
        self.environment = environment
        self.done: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        separator = "_" if "_" in name and "-" not in name else "-"
        prefix = self.worker.replace("-", separator)
        suffix = self.environment.replace("-", separator)
        if name == prefix or name.startswith(prefix + separator):
            new = f"{prefix}{separator}{suffix}{name[len(prefix) :]}"
        else:
            new = f"{name}{separator}{suffix}"
        self.done[name] = new
        return new


def _derived(key: str, value: Any, rename: _Renamer) -> Any:
    if key in _NAMED:
        return [_with_name(item, _NAMED[key], rename) for item in value]
    if key == "kv_namespaces":
        return [_without_ids(item) for item in value]
    if key == "queues":
        producers = [_with_name(item, "queue", rename) for item in value.get("producers") or []]
        consumers = [
            _with_name(_with_name(item, "queue", rename), "dead_letter_queue", rename)
            for item in value.get("consumers") or []
        ]
        both = {"producers": producers, "consumers": consumers}
        return {side: items for side, items in both.items() if items}
    if key == "ratelimits":
        # Workers with the same namespace_id share their counters.
        return [{**item, "namespace_id": _number(rename, str(item.get("name")))} for item in value]
    return value


def _with_name(item: Mapping[str, Any], key: str, rename: _Renamer) -> dict[str, Any]:
    kept = _without_ids(item)
    return {**kept, key: rename(str(kept[key]))} if kept.get(key) else kept


def _without_ids(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in _IDS}


def _number(rename: _Renamer, name: str) -> str:
    return str(zlib.crc32(f"{rename.worker}-{rename.environment}/{name}".encode()) % 10_000_000)
