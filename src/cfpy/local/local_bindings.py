"""How each kind of binding works in a local run with ``--runtime node``.

There the project's Python runs in Pyodide, outside workerd. A binding reaches it through a proxy of
workerd's own (``real``), through a Worker of cfpy (``stand-in``), or not at all (``fails``): then
its name is bound to an object whose members all fail with a message that explains why. With
``--runtime workerd`` every kind works as in ``wrangler dev``, except for Workers AI and Vectorize.
``tests/acceptance/test_local_stances.py`` reads the ``config-schema.json`` of the pinned wrangler
and fails on a configuration key that is missing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cfpy.errors import ProjectError


class LocalStance(StrEnum):
    """How a kind of binding works in the node runtime."""

    REAL = "real"
    STAND_IN = "stand-in"
    FAILS = "fails"


@dataclass(frozen=True)
class BindingKind:
    """One kind of binding.

    ``table`` is its table in wrangler's configuration, with a dot for a nested table; ``key`` is
    the key of the binding's name, empty where the keys of the table are the names. ``js_class`` is
    the class by which the Workers SDK picks the Python wrapper; empty for plain values. ``why`` and
    ``members`` belong to a kind that fails: the reason, and the members that code may use.
    """

    table: str
    key: str
    js_class: str
    stance: LocalStance
    why: str = ""
    members: tuple[str, ...] = ()


_IN_WORKERD = "it does not work with --runtime node; use --runtime workerd"
_CLASSES = "classes in Python need --runtime workerd"
_REMOTE = "it runs only on Cloudflare; deploy the Worker to try it"
_FETCH = ("fetch",)
_OBJECTS = ("get", "getByName", "idFromName", "idFromString", "newUniqueId", "jurisdiction")
_SEARCH = ("search", "chatCompletions", "get", "list", "create", "delete", "info", "items", "jobs")


def _real(table: str, key: str, js_class: str) -> BindingKind:
    return BindingKind(table, key, js_class, LocalStance.REAL)


def _fails(table: str, js_class: str, why: str, *members: str, key: str = "binding") -> BindingKind:
    return BindingKind(table, key, js_class, LocalStance.FAILS, why, members)


KINDS = (
    _real("vars", "", ""),
    _real("version_metadata", "binding", ""),
    _real("kv_namespaces", "binding", "KvNamespace"),
    _real("d1_databases", "binding", "D1Database"),
    _real("r2_buckets", "binding", "R2Bucket"),
    _real("queues.producers", "binding", "WorkerQueue"),
    _real("analytics_engine_datasets", "binding", "AnalyticsEngineDataset"),
    _real("ratelimits", "name", "Ratelimit"),
    _real("services", "binding", "Fetcher"),
    _real("assets", "binding", "Fetcher"),
    _real("images", "binding", "ImagesBindingImpl"),
    _real("send_email", "name", "SendEmail"),
    _real("pipelines", "binding", "Pipeline"),
    _real("secrets_store_secrets", "binding", "SecretsStoreSecret"),
    # It fails without the address of a local database: see local.left_out().
    _real("hyperdrive", "binding", ""),
    BindingKind("ai", "binding", "Ai", LocalStance.STAND_IN),
    BindingKind("vectorize", "binding", "VectorizeIndexImpl", LocalStance.STAND_IN),
    _fails("durable_objects.bindings", "DurableObjectNamespace", _CLASSES, *_OBJECTS, key="name"),
    _fails("workflows", "WorkflowImpl", _CLASSES, "create", "createBatch", "get"),
    _fails("browser", "Fetcher", _IN_WORKERD, *_FETCH),
    _fails("stream", "StreamBinding", _IN_WORKERD, "upload", "video", "createDirectUpload"),
    _fails("worker_loaders", "WorkerLoader", _IN_WORKERD, "get", "load"),
    _fails("artifacts", "Artifacts", _IN_WORKERD, "create", "get", "list", "delete", "import"),
    _fails(
        "flagship",
        "Flagship",
        _IN_WORKERD,
        *("getBooleanValue", "getStringValue", "getNumberValue", "getObjectValue"),
    ),
    _fails("unsafe_hello_world", "HelloWorld", _IN_WORKERD, "get", "set"),
    _fails("unsafe.bindings", "Unsafe", _IN_WORKERD, *_FETCH, key="name"),
    _fails("logfwdr.bindings", "Logfwdr", _REMOTE, *_FETCH, key="name"),
    _fails("ai_search_namespaces", "AiSearchNamespace", _REMOTE, *_SEARCH),
    _fails("ai_search", "AiSearchInstance", _REMOTE, *_SEARCH),
    _fails("agent_memory", "AgentMemory", _REMOTE, "get", "create", "list", "delete"),
    _fails("analytics", "AnalyticsSql", _REMOTE, "query", *_FETCH),
    _fails("media", "MediaBinding", _REMOTE, "input"),
    _fails("mtls_certificates", "Fetcher", _REMOTE, *_FETCH),
    _fails("dispatch_namespaces", "DispatchNamespace", _REMOTE, "get"),
    _fails("k2", "K2Stream", _REMOTE, "send"),
    _fails("vpc_services", "Fetcher", _REMOTE, *_FETCH),
    _fails("vpc_networks", "Fetcher", _REMOTE, *_FETCH),
)
#: Tables of a Worker in the older format, without modules. Python Workers always use modules:
#: wrangler refuses these tables, and so does cfpy.
OLD_FORMAT = ("wasm_modules", "text_blobs", "data_blobs")
#: The binding of a [site].
SITE_BINDING = "__STATIC_CONTENT"
#: The other keys, and how a run with ``--runtime node`` treats them.
NO_BINDINGS = {
    "names, dates, addresses and accounts, which a local run does not need": (
        "$schema account_id addresses access cache compliance_region first_party_worker keep_vars "
        "limits logpush name observability placement preview_urls previews route routes "
        "send_metrics tail_consumers streaming_tail_consumers upload_source_maps workers_dev env"
    ),
    "the build of JavaScript, which does not apply to Python": (
        "alias define dependencies_instrumentation find_additional_modules jsx_factory "
        "jsx_fragment keep_names minify no_bundle preserve_file_names rules tsconfig base_dir"
    ),
    "read by cfpy": "main compatibility_date compatibility_flags build secrets python_modules",
    "passed to workerd": "site triggers",
    "classes and sockets of the main module, which need --runtime workerd": (
        "migrations exports containers cloudchamber connect"
    ),
    "options of wrangler dev, which do not apply to a local run of cfpy": "dev",
    "Pages, which is not a Worker": "pages_build_output_dir",
}


def bindings(source: Mapping[str, Any]) -> Iterator[tuple[str, BindingKind, Mapping[str, Any]]]:
    """Each binding of a configuration: its name, its kind and its table. Variables are left out.

    Raises:
        ProjectError: A table has another shape than its kind.
    """
    for kind in KINDS:
        if kind.key:
            for item in tables(source, kind.table):
                if item.get(kind.key):
                    yield str(item[kind.key]), kind, item


def tables(source: Mapping[str, Any], path: str) -> list[Mapping[str, Any]]:
    """The tables at ``path``: one for ``[ai]``, any number for ``[[kv_namespaces]]``.

    Raises:
        ProjectError: The value is something else.
    """
    outer, _, inner = path.partition(".")
    value = source.get(outer) or ({} if inner else [])
    if inner:
        if not isinstance(value, Mapping):
            raise ProjectError(f"wrangler.toml: `{outer}` is not a table ([{outer}])")
        value = value.get(inner) or []
    if path in _ONE:
        value = [value] if value else []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        header = f"[{path}]" if path in _ONE else f"[[{path}]]"
        wanted = "a table" if path in _ONE else "a list of tables"
        raise ProjectError(f"wrangler.toml: `{path}` is not {wanted} ({header})")
    return value


# Kinds of which a Worker can have only one.
_ONE = frozenset(
    {"ai", "analytics", "assets", "browser", "images", "media", "stream", "version_metadata"}
)
