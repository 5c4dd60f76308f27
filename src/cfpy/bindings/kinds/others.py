"""Kinds that are only facts: cfpy checks them, repeats them in environments and names them in local
runs and estimates, and ``cfpy add`` does not add them.

Without a meter they have no price in cfpy's book; those that are ``free`` have no line in the price
list: developers.cloudflare.com/workers/platform/pricing.
"""

from __future__ import annotations

from typing import Any

from cfpy.bindings.becoming import SHARED
from cfpy.bindings.kind import (
    REAL,
    BindingKind,
    Local,
    Shape,
    in_workerd,
    only_local,
    passed,
    remote_only,
    used,
)

_FETCH = ("fetch",)
_SEARCH = ("search", "chatCompletions", "get", "list", "create", "delete", "info", "items", "jobs")


def _facts(
    table: str, label: str, local: Local | None, *keys: str, remote: bool = True, **more: Any
) -> BindingKind:
    """A kind of which wrangler alone reads the ``keys``; ``remote`` is whether a local run may use
    the real one."""
    known = {**passed("binding", *keys), **(only_local("remote") if remote else {})}
    return BindingKind(**{"table": table, "label": label, "local": local, "keys": known} | more)


def _trigger(table: str, label: str, *keys: str) -> BindingKind:
    """Another Worker that gets something of this one, without a binding."""
    return BindingKind(
        table=table,
        label=label,
        binding_key="",
        required=("service",),
        strings=("service",),
        keys={**used("service"), **passed(*keys)},
        becomes=SHARED,
        entry_key="service",
        local=None,
    )


OTHERS = (
    _facts(
        "ai_search_namespaces",
        "AI Search namespace",
        remote_only(*_SEARCH),
        "namespace",
        becomes=SHARED,
        js_class="AiSearchNamespace",
    ),
    _facts(
        "pipelines",
        "pipeline",
        REAL,
        *("stream", "pipeline"),
        becomes=SHARED,
        js_class="Pipeline",
    ),
    _facts(
        "stream",
        "Stream",
        in_workerd("upload", "video", "createDirectUpload"),
        shape=Shape.TABLE,
        js_class="StreamBinding",
    ),
    _facts(
        "media",
        "media transformations",
        remote_only("input"),
        shape=Shape.TABLE,
        js_class="MediaBinding",
    ),
    _facts(
        "analytics",
        "Analytics SQL",
        remote_only("query", *_FETCH),
        shape=Shape.TABLE,
        js_class="AnalyticsSql",
    ),
    _facts(
        "artifacts",
        "artifacts",
        in_workerd("create", "get", "list", "delete", "import"),
        "namespace",
        becomes=SHARED,
        js_class="Artifacts",
    ),
    _facts(
        "flagship",
        "Flagship app",
        in_workerd("getBooleanValue", "getStringValue", "getNumberValue", "getObjectValue"),
        "app_id",
        becomes=SHARED,
        js_class="Flagship",
    ),
    _facts(
        "agent_memory",
        "agent memory",
        remote_only("get", "create", "list", "delete"),
        "namespace",
        becomes=SHARED,
        js_class="AgentMemory",
    ),
    _facts("k2", "K2 stream", remote_only("send"), "stream", becomes=SHARED, js_class="K2Stream"),
    _facts(
        "mtls_certificates",
        "mTLS certificate",
        remote_only(*_FETCH),
        "certificate_id",
        becomes=SHARED,
        js_class="Fetcher",
    ),
    _facts(
        "dispatch_namespaces",
        "dispatch namespace",
        remote_only("get"),
        *("namespace", "outbound"),
        becomes=SHARED,
        js_class="DispatchNamespace",
    ),
    _facts(
        "vpc_services",
        "VPC service",
        remote_only(*_FETCH),
        "service_id",
        becomes=SHARED,
        js_class="Fetcher",
    ),
    _facts(
        "vpc_networks",
        "VPC network",
        remote_only(*_FETCH),
        *("network_id", "tunnel_id"),
        becomes=SHARED,
        js_class="Fetcher",
    ),
    _facts(
        "unsafe_hello_world",
        "hello world",
        in_workerd("get", "set"),
        "enable_timer",
        remote=False,
        js_class="HelloWorld",
    ),
    BindingKind(
        table="unsafe.bindings",
        label="unsafe binding",
        binding_key="name",
        required=("name",),
        local=in_workerd(*_FETCH),
        js_class="Unsafe",
    ),
    BindingKind(
        table="logfwdr.bindings",
        label="log forwarder",
        binding_key="name",
        required=("name",),
        inherited=True,
        local=remote_only(*_FETCH),
        js_class="Logfwdr",
    ),
    _trigger("tail_consumers", "tail Worker", "environment"),
    _trigger("streaming_tail_consumers", "streaming tail Worker"),
    BindingKind(
        table="containers",
        label="container",
        binding_key="",
        required=(),
        strings=("class_name",),
        entry_key="class_name",
        local=None,
    ),
)
