"""How cfpy treats each key of wrangler's configuration, so that none is ignored by accident.

A test reads the config-schema.json of the pinned wrangler, and fails on a key that is not here; so
that a new key of a new wrangler is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cfpy.bindings.kind import Stance
from cfpy.bindings.registry import KINDS

#: Keys of the tables with bindings, by table. Nested tables are dotted.
BINDINGS: Mapping[str, Mapping[str, Stance]] = {
    kind.table: kind.keys for kind in KINDS if kind.keys
}

_USED_KEYS = (
    *("name", "main", "account_id", "compatibility_date", "compatibility_flags", "env"),
    *("workers_dev", "preview_urls", "route", "routes", "migrations", "keep_vars"),
)
_LOCAL_KEYS = ("dev",)
_PASSED_KEYS = (
    *("$schema", "access", "addresses", "alias", "base_dir", "build", "cache", "cloudchamber"),
    *("connect", "data_blobs", "define", "dependencies_instrumentation", "exports"),
    *("find_additional_modules", "first_party_worker", "jsx_factory", "jsx_fragment"),
    *("keep_names", "limits", "logpush", "minify", "no_bundle"),
    *("observability", "placement", "preserve_file_names", "previews"),
    *("python_modules", "rules", "send_metrics", "site", "text_blobs", "tsconfig"),
    *("upload_source_maps", "wasm_modules"),
)
#: Keys that cfpy does not support, with the reason.
REFUSED: Mapping[str, str] = {
    "pages_build_output_dir": "it is for a Pages project, and cfpy deploys Workers",
    "compliance_region": "another region has its own API, which cfpy does not support",
}

#: All other keys of the top level and of environments.
OTHERS: Mapping[str, Stance] = {
    **{kind.outer: kind.stance for kind in KINDS if not kind.keys},
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
