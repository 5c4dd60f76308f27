"""The keys of wrangler's configuration that are not bindings: which ones cost nothing, and which
ones an estimate has to name. Pure.

Prices: developers.cloudflare.com/workers/platform/pricing. A test compares the keys with those of
the pinned wrangler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from cfpy.bindings.kinds.durable_object import DURABLE_OBJECT

#: Keys that cost nothing by themselves. `env` is here because an environment has an estimate of its
#: own, `observability` because :mod:`cfpy.cost.logs` has it.
FREE = frozenset(
    {
        *("$schema", "account_id", "alias", "base_dir", "build", "cache", "compatibility_date"),
        *("compatibility_flags", "compliance_region", "data_blobs", "define"),
        *("dependencies_instrumentation", "dev", "env", "find_additional_modules"),
        *("first_party_worker", "jsx_factory", "jsx_fragment", "keep_names", "keep_vars"),
        *("limits", "main", "minify", "name", "no_bundle", "observability"),
        *("pages_build_output_dir", "placement", "preserve_file_names", "preview_urls"),
        *("python_modules", "route", "routes", "rules", "send_metrics", "text_blobs", "tsconfig"),
        *("upload_source_maps", "wasm_modules", "workers_dev"),
    }
)
_NO_PRICE = "cfpy has no price for it"
_NOT_MEASURED = "what a run uses was not measured"


def named(scope: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What these keys use in a scope: for each a name, the key, and why it is left out."""
    for key, (names, reason) in NAMED.items():
        yield from ((name, key, reason) for name in names(scope))


def unknown(scope: Mapping[str, Any], known: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    """The keys of a scope that neither this module nor a kind knows, as :func:`named`."""
    for key, value in scope.items():
        if value and key not in known | FREE | NAMED.keys():
            yield key, key, "cfpy does not know whether it costs anything"


def _is_set(key: str) -> Callable[[Mapping[str, Any]], Iterator[str]]:
    def names(scope: Mapping[str, Any]) -> Iterator[str]:
        if scope.get(key):
            yield key

    return names


def _in_list(key: str, name: str = "") -> Callable[[Mapping[str, Any]], Iterator[str]]:
    def names(scope: Mapping[str, Any]) -> Iterator[str]:
        value = scope.get(key) or []
        for item in value if isinstance(value, list) else [value]:
            yield str(item.get(name, key)) if isinstance(item, Mapping) else str(item)

    return names


def _site(scope: Mapping[str, Any]) -> Iterator[str]:
    site = scope.get("site")
    if site:
        yield str(site.get("bucket", "site")) if isinstance(site, Mapping) else "site"


def _exports(scope: Mapping[str, Any]) -> Iterator[str]:
    """Durable Objects and workflows that the Worker exports; an entry point costs nothing."""
    exports = scope.get("exports") or {}
    for name, item in exports.items() if isinstance(exports, Mapping) else ():
        kind, state = (item.get(k) for k in ("type", "state")) if _table(item) else ("", "")
        if kind != "worker" and state not in ("deleted", "renamed", "transferred"):
            yield str(name)


def _migrated(scope: Mapping[str, Any]) -> Iterator[str]:
    """Classes of Durable Objects that only the migrations name: code can use them, too."""
    found: dict[str, None] = {}
    for step in filter(_table, scope.get("migrations") or []):
        for key in ("new_classes", "new_sqlite_classes"):
            found |= dict.fromkeys(map(str, step.get(key) or []))
        for key in ("renamed_classes", "transferred_classes"):
            for change in filter(_table, step.get(key) or []):
                found.pop(str(change.get("from")), None)
                found[str(change.get("to"))] = None
        for name in step.get("deleted_classes") or []:
            found.pop(str(name), None)
    bound = {str(item.get("class_name")) for item in DURABLE_OBJECT.entries(scope)}
    yield from (name for name in found if name not in bound)


def _events(scope: Mapping[str, Any]) -> Iterator[str]:
    triggers = scope.get("triggers")
    for event in triggers.get("events") or [] if _table(triggers) else []:
        yield str(event.get("type", "event")) if _table(event) else str(event)


def _metadata(scope: Mapping[str, Any]) -> Iterator[str]:
    unsafe = scope.get("unsafe")
    if _table(unsafe):
        yield from (f"unsafe.{key}" for key, value in unsafe.items() if key != "bindings" and value)


def _table(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


#: By key: what it uses, and why that is left out.
NAMED: Mapping[str, tuple[Callable[[Mapping[str, Any]], Iterator[str]], str]] = {
    "access": (_is_set("access"), "Cloudflare Access has a price for each user"),
    "addresses": (_in_list("addresses"), _NOT_MEASURED),
    "cloudchamber": (_is_set("cloudchamber"), _NO_PRICE),
    "connect": (_in_list("connect", "port"), _NOT_MEASURED),
    "exports": (_exports, _NO_PRICE),
    "logpush": (_is_set("logpush"), _NO_PRICE),
    "migrations": (_migrated, _NO_PRICE),
    "previews": (_is_set("previews"), "the use of previews is not in the scenario"),
    "site": (_site, "its files are in Workers KV, and their reads were not measured"),
    "triggers": (_events, _NOT_MEASURED),
    "unsafe": (_metadata, _NO_PRICE),
}
