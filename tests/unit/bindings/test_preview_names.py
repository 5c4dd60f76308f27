"""The names and the configuration of a preview."""

from __future__ import annotations

import itertools
import json
import re
from datetime import date
from typing import Any

import pytest

from cfpy.bindings.previews import derive_preview, preview_prefix, preview_worker
from cfpy.errors import UsageError

CONFIG: dict[str, Any] = {
    "name": "shop",
    "main": "src/entry.py",
    "compatibility_date": date(2026, 9, 1),
    "account_id": "0" * 32,
    "route": "shop.example/*",
    "routes": [{"pattern": "shop.example", "custom_domain": True}],
    "workers_dev": False,
    "triggers": {"crons": ["0 3 * * *"]},
    "vars": {"BUCKET_NAME": "shop-files", "MODE": "x"},
    "d1_databases": [{"binding": "DB", "database_name": "shop-db", "database_id": "1"}],
    "kv_namespaces": [{"binding": "CACHE", "id": "2", "preview_id": "3"}],
    "r2_buckets": [{"binding": "FILES", "bucket_name": "shop-files"}],
    "vectorize": [{"binding": "INDEX", "index_name": "shop_index"}],
    "queues": {
        "producers": [{"binding": "JOBS", "queue": "jobs"}],
        "consumers": [{"queue": "jobs", "dead_letter_queue": "shop-dead"}],
    },
    "services": [
        {"binding": "SELF", "service": "shop"},
        {"binding": "AUTH", "service": "auth"},
    ],
    "hyperdrive": [{"binding": "PG", "id": "a" * 32}],
    "durable_objects": {"bindings": [{"name": "ROOM", "class_name": "Room"}]},
    "migrations": [{"tag": "v1", "new_sqlite_classes": ["Room"]}],
    "env": {
        "staging": {
            "vars": {"MODE": "staging"},
            "d1_databases": [{"binding": "DB", "database_name": "shop-staging-db"}],
            "routes": [{"pattern": "staging.example", "custom_domain": True}],
        }
    },
}
NAMES = [
    *("feature/A", "feature-a", "Feature-A", "feature/a", "feature_a", "feature.a", "FEATURE/A"),
    *("a" * 13, "a" * 14, "a" * 250, "a" * 249 + "b", "-", "--", "ü", "日本語", "日本", "x\ny"),
    *("preview", "preview-feature-a-d25eb0", "main", "12", "feature-a-note", "a--b", "a-b"),
]
# A label of a host name, lower case.
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@pytest.mark.parametrize("worker", ["shop", "s", "shop-preview", "w" * 25, "w" * 26, "w" * 63])
def test_names_never_meet_and_fit(worker: str) -> None:
    found = [preview_worker(worker, name) for name in NAMES]
    assert len(set(found)) == len(NAMES)
    for name in found:
        assert LABEL.fullmatch(name), name
        assert name.startswith(preview_prefix(worker))
        assert len(name) <= 54


def test_workers_with_the_same_beginning_have_other_names() -> None:
    workers = ["w" * 63, "w" * 62, "w" * 62 + "x", "shop", "shop-preview", "shop-preview-a"]
    found = {preview_worker(worker, name) for worker in workers for name in NAMES}
    assert len(found) == len(workers) * len(NAMES)


def test_everything_is_its_own() -> None:
    preview = derive_preview(CONFIG, "", "feature/A")
    worker = "shop-preview-feature-a-d25eb0"
    assert preview.worker == worker
    document = preview.document
    assert json.loads(json.dumps(document)) == document
    assert document["d1_databases"] == [{"binding": "DB", "database_name": f"{worker}-db"}]
    assert document["kv_namespaces"] == [{"binding": "CACHE"}]
    assert document["r2_buckets"] == [{"binding": "FILES", "bucket_name": f"{worker}-files"}]
    index = worker.replace("-", "_") + "_index"
    assert document["vectorize"] == [{"binding": "INDEX", "index_name": index}]
    jobs = "jobs-preview-feature-a-d25eb0"
    assert document["queues"] == {
        "producers": [{"binding": "JOBS", "queue": jobs}],
        "consumers": [{"queue": jobs, "dead_letter_queue": f"{worker}-dead"}],
    }
    assert document["vars"] == {"BUCKET_NAME": f"{worker}-files", "MODE": "x"}
    assert document["services"][0]["service"] == worker
    assert document["services"][1]["service"] == "auth"
    assert document["migrations"] == CONFIG["migrations"]
    assert dict(preview.shared) == {"services": ("AUTH",), "hyperdrive": ("PG",)}


@pytest.mark.parametrize("source", ["", "staging"])
def test_routes_domains_and_schedules_do_not_come_along(source: str) -> None:
    document = derive_preview(CONFIG, source, "x").document
    assert not {"route", "routes", "env"} & set(document)
    assert document["triggers"] == {"crons": []}
    assert document["workers_dev"] is True
    assert document["account_id"] == CONFIG["account_id"]


def test_the_source_does_not_change_names() -> None:
    top, staging = (derive_preview(CONFIG, source, "x") for source in ("", "staging"))
    assert staging.worker == top.worker
    assert staging.document["d1_databases"] == top.document["d1_databases"]
    assert staging.document["vars"] == {"MODE": "staging"}
    # As in wrangler, an environment inherits no binding.
    assert "r2_buckets" not in staging.document


def test_long_names_are_shortened_and_stay_apart() -> None:
    stem = f"shop-{'x' * 55}"
    names = [f"{stem}-a", f"{stem}-b", stem, "y" * 63]
    buckets = [{"binding": f"B{n}", "bucket_name": name} for n, name in enumerate(names)]
    found = set()
    for branch, worker in itertools.product(("one", "two", "x" * 99), ("shop", "w" * 63)):
        config = {"name": worker, "r2_buckets": buckets}
        document = derive_preview(config, "", branch).document
        found |= {item["bucket_name"] for item in document["r2_buckets"]}
    assert len(found) == 6 * len(names)
    assert all(len(name) <= 63 and LABEL.fullmatch(name) for name in found)


def test_what_cannot_be_derived() -> None:
    with pytest.raises(UsageError, match="no environment 'prod'"):
        derive_preview(CONFIG, "prod", "x")
    with pytest.raises(UsageError, match="needs a name"):
        derive_preview(CONFIG, "", " ")
