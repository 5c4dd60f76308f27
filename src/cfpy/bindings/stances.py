"""How cfpy treats each key of wrangler's configuration, so that none is ignored by accident.

A test reads the config-schema.json of the pinned wrangler, and fails on a key that is not here; so
that a new key of a new wrangler is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any


class Stance(StrEnum):
    """How cfpy treats a key."""

    USED = "used"
    # wrangler reads it when it deploys or runs the Worker; cfpy neither reads nor changes it.
    PASSED = "passed on"
    # Only `wrangler dev` uses it.
    LOCAL = "local only"
    REFUSED = "refused"


_USED, _PASSED, _LOCAL = Stance.USED, Stance.PASSED, Stance.LOCAL
_TARGET = {"remote": _LOCAL}

#: Keys of the tables with bindings, by table. Nested tables are dotted.
BINDINGS: Mapping[str, Mapping[str, Stance]] = {
    "kv_namespaces": {"binding": _USED, "id": _USED, "preview_id": _LOCAL, **_TARGET},
    "r2_buckets": {
        **dict.fromkeys(("binding", "bucket_name", "jurisdiction"), _USED),
        **dict.fromkeys(("preview_bucket_name", "local_dev"), _LOCAL),
        **_TARGET,
    },
    "d1_databases": {
        **dict.fromkeys(("binding", "database_name", "database_id", "jurisdiction"), _USED),
        **dict.fromkeys(("migrations_table", "migrations_dir", "migrations_pattern"), _USED),
        "preview_database_id": _LOCAL,
        "database_internal_env": _PASSED,
        **_TARGET,
    },
    "vectorize": {"binding": _USED, "index_name": _USED, **_TARGET},
    "queues.producers": {
        "binding": _USED,
        "queue": _USED,
        "delivery_delay": _PASSED,
        **_TARGET,
    },
    "queues.consumers": {
        **dict.fromkeys(("queue", "dead_letter_queue"), _USED),
        # Their limits are checked before a deployment.
        **dict.fromkeys(("max_batch_size", "max_batch_timeout", "max_retries"), _USED),
        **dict.fromkeys(("max_concurrency", "retry_delay"), _USED),
        **dict.fromkeys(("type", "visibility_timeout_ms"), _PASSED),
    },
    "analytics_engine_datasets": {"binding": _USED, "dataset": _USED, **_TARGET},
    "hyperdrive": {
        "binding": _USED,
        "id": _PASSED,
        "localConnectionString": _LOCAL,
        **_TARGET,
    },
    "workflows": {
        "binding": _USED,
        **dict.fromkeys(("name", "class_name", "script_name", "limits", "concurrency"), _PASSED),
        **dict.fromkeys(("schedules", "default_retention", "jurisdiction"), _PASSED),
    },
    "durable_objects.bindings": {
        "name": _USED,
        **dict.fromkeys(("class_name", "script_name", "environment"), _PASSED),
    },
    "ratelimits": {"name": _USED, "namespace_id": _PASSED, "simple": _PASSED},
    "services": {
        "binding": _USED,
        **dict.fromkeys(("service", "entrypoint", "props"), _PASSED),
        **_TARGET,
    },
    "ai": {"binding": _USED, "staging": _PASSED, **_TARGET},
    "secrets": {"required": _USED},
    **{
        table: {**dict.fromkeys(keys, _PASSED), **(_TARGET if remote else {})}
        for table, remote, keys in (
            ("browser", True, ("binding",)),
            ("analytics", True, ("binding",)),
            ("images", True, ("binding",)),
            ("media", True, ("binding",)),
            ("stream", True, ("binding",)),
            ("version_metadata", False, ("binding",)),
            ("pipelines", True, ("binding", "stream", "pipeline")),
            ("k2", True, ("binding", "stream")),
            ("ai_search_namespaces", True, ("binding", "namespace")),
            ("ai_search", True, ("binding", "instance_name")),
            ("agent_memory", True, ("binding", "namespace")),
            ("artifacts", True, ("binding", "namespace")),
            ("dispatch_namespaces", True, ("binding", "namespace", "outbound")),
            ("mtls_certificates", True, ("binding", "certificate_id")),
            ("secrets_store_secrets", False, ("binding", "store_id", "secret_name")),
            ("flagship", True, ("binding", "app_id")),
            ("worker_loaders", False, ("binding",)),
            ("vpc_services", True, ("binding", "service_id")),
            ("vpc_networks", True, ("binding", "network_id", "tunnel_id")),
            ("unsafe_hello_world", False, ("binding", "enable_timer")),
            ("tail_consumers", False, ("service", "environment")),
            ("streaming_tail_consumers", False, ("service",)),
            (
                "send_email",
                True,
                (
                    *("name", "destination_address"),
                    *("allowed_destination_addresses", "allowed_sender_addresses"),
                ),
            ),
        )
    },
}

_USED_KEYS = (
    *("name", "main", "account_id", "compatibility_date", "compatibility_flags", "env"),
    *("workers_dev", "route", "routes", "triggers", "vars", "assets", "migrations"),
)
_LOCAL_KEYS = ("dev",)
_PASSED_KEYS = (
    *("$schema", "access", "addresses", "alias", "base_dir", "build", "cache", "cloudchamber"),
    *("connect", "containers", "data_blobs", "define", "dependencies_instrumentation", "exports"),
    *("find_additional_modules", "first_party_worker", "jsx_factory", "jsx_fragment"),
    *("keep_names", "keep_vars", "limits", "logfwdr", "logpush", "minify", "no_bundle"),
    *("observability", "placement", "preserve_file_names", "preview_urls", "previews"),
    *("python_modules", "rules", "send_metrics", "site", "text_blobs", "tsconfig", "unsafe"),
    *("upload_source_maps", "wasm_modules"),
)
#: Keys that cfpy does not support, with the reason.
REFUSED: Mapping[str, str] = {
    "pages_build_output_dir": "it is for a Pages project, and cfpy deploys Workers",
    "compliance_region": "another region has its own API, which cfpy does not support",
}

#: All other keys of the top level and of environments.
OTHERS: Mapping[str, Stance] = {
    **dict.fromkeys(_USED_KEYS, Stance.USED),
    **dict.fromkeys(_LOCAL_KEYS, Stance.LOCAL),
    **dict.fromkeys(_PASSED_KEYS, Stance.PASSED),
    **dict.fromkeys(REFUSED, Stance.REFUSED),
}


def refused(scope: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys of a scope that cfpy does not support, with the reason."""
    for key, reason in REFUSED.items():
        # "public" is the default of every account.
        if scope.get(key) not in (None, "public"):
            yield key, reason
