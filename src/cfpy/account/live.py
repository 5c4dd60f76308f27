"""Compares the bindings of a live version with wrangler.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# By binding type: the API's key for its target
# (developers.cloudflare.com/api, Workers scripts, settings).
_TARGETS = {
    "d1": ("id", "database_id"),
    "kv_namespace": ("namespace_id",),
    "r2_bucket": ("bucket_name",),
    "queue": ("queue_name",),
    "vectorize": ("index_name",),
    "analytics_engine": ("dataset",),
}
# By table of wrangler.toml: the binding type, and the key for its target.
_TABLES = {
    "d1_databases": ("d1", "database_id"),
    "kv_namespaces": ("kv_namespace", "id"),
    "r2_buckets": ("r2_bucket", "bucket_name"),
    "vectorize": ("vectorize", "index_name"),
    "analytics_engine_datasets": ("analytics_engine", "dataset"),
}

# By kind of an action: the binding type of resources that hold data.
_KINDS = {"d1": "d1", "kv": "kv_namespace", "r2": "r2_bucket", "vectorize": "vectorize"}

# developers.cloudflare.com/workers/configuration/compatibility-dates
_OLDEST_COMPATIBILITY_DATE = "2021-11-02"


def is_stub(version: Mapping[str, Any]) -> bool:
    """Whether a version from the API is the one that ``wrangler secret bulk`` uploads if there is
    no Worker yet: ``export default { fetch() {} }`` without a compatibility date (createDraftWorker
    in wrangler 4.164). A deployment has a date; the API's default is the oldest date."""
    runtime = (version.get("resources") or {}).get("script_runtime") or {}
    return runtime.get("compatibility_date") in (None, "", _OLDEST_COMPATIBILITY_DATE)


def live_target(binding: Mapping[str, Any]) -> str:
    """A binding of a live version as text, such as ``d1 <id>``; only its type if that is enough."""
    kind = str(binding.get("type"))
    for key in _TARGETS.get(kind, ()):
        if value := binding.get(key):
            return f"{kind} {value}"
    return kind


def target(kind: str, id_: str) -> str:
    """The result of :func:`live_target` for a binding to the resource of an action."""
    return f"{_KINDS.get(kind, kind)} {id_}"


def wanted_bindings(scope: Mapping[str, Any]) -> dict[str, str]:
    """The bindings of a scope of wrangler.toml that point to resources, in the form of
    :func:`live_target`."""
    return dict(_wanted(scope))


def _wanted(scope: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for table, (kind, key) in _TABLES.items():
        for item in scope.get(table) or ():
            # Only a dataset can omit its name, which is then that of its binding. `cfpy plan`
            # reports a missing id.
            default = item["binding"] if table == "analytics_engine_datasets" else ""
            if target := item.get(key) or default:
                yield str(item["binding"]), f"{kind} {target}"
    for item in (scope.get("queues") or {}).get("producers") or ():
        yield str(item["binding"]), f"queue {item['queue']}"


def drift(wanted: Mapping[str, str], live: Mapping[str, str]) -> tuple[str, ...]:
    """One sentence about each resource binding that differs in the live version."""
    kinds = {kind for kind, _ in _TABLES.values()} | {"queue"}
    said = []
    for name, target in sorted(wanted.items()):
        if name not in live:
            said.append(f"{name}: wrangler.toml binds {target}, the live version does not")
        elif live[name] != target:
            said.append(f"{name}: wrangler.toml binds {target}, the live version {live[name]}")
    for name, target in sorted(live.items()):
        if name not in wanted and target.partition(" ")[0] in kinds:
            said.append(f"{name}: the live version binds {target}, wrangler.toml does not")
    return tuple(said)
