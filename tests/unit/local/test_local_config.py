"""What `cfpy dev` derives from a project's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cfpy.errors import ProjectError
from cfpy.local import configuration
from cfpy.project.project import MetadataIndex, Project, VectorizeIndex, parse_vectorize

INDEX = VectorizeIndex("docs", 768, "cosine", (MetadataIndex("lang", "string"),))
WRANGLER: dict[str, Any] = {
    "name": "app",
    "main": "src/entry.py",
    "account_id": "0" * 32,
    "compatibility_date": "2026-11-17",
    "compatibility_flags": ["python_workers", "global_fetch_strictly_public"],
    "ai": {"binding": "AI"},
    "vectorize": [{"binding": "VECTORIZE", "index_name": "docs"}],
    "d1_databases": [{"binding": "DB", "database_name": "app-db"}],
    "kv_namespaces": [{"binding": "CACHE"}],
    "r2_buckets": [{"binding": "FILES", "bucket_name": "files"}],
    "ratelimits": [{"name": "LIMITER", "namespace_id": "1", "simple": {"limit": 1, "period": 10}}],
    "analytics_engine_datasets": [{"binding": "METRICS"}],
    "queues": {"producers": [{"binding": "JOBS", "queue": "jobs"}]},
    "assets": {"directory": "./public", "binding": "ASSETS"},
    "vars": {"A": "1"},
    "env": {"staging": {}},
}


def project(**changes: Any) -> Project:
    return Project(Path("/app"), WRANGLER | changes, (INDEX,))


def test_ai_and_vectorize_become_service_bindings_with_the_index_settings() -> None:
    config = configuration.worker_config(project(), Path("/shim.js"), python=False)
    assert "ai" not in config
    assert "vectorize" not in config
    assert config["services"] == [
        {"binding": "AI", "service": "cfpy-local", "entrypoint": "LocalAI"},
        {
            "binding": "VECTORIZE",
            "service": "cfpy-local",
            "entrypoint": "LocalVectorize",
            "props": {
                "index": "docs",
                "dimensions": 768,
                "metric": "cosine",
                "metadata_indexes": [{"property": "lang", "type": "string"}],
            },
        },
    ]


def test_services_of_the_project_are_kept() -> None:
    own = {"binding": "OTHER", "service": "other"}
    config = configuration.worker_config(project(services=[own]), Path("/shim.js"), python=False)
    assert config["services"][0] == own
    assert len(config["services"]) == 3


def test_python_flags_stay_only_where_workerd_runs_python() -> None:
    shim = configuration.worker_config(project(), Path("/shim.js"), python=False)
    real = configuration.worker_config(project(), Path("/app/src/entry.py"), python=True)
    assert shim["compatibility_flags"] == ["global_fetch_strictly_public"]
    assert real["compatibility_flags"] == ["python_workers", "global_fetch_strictly_public"]


def test_the_no_form_of_a_python_flag_goes_too() -> None:
    flags = ["python_workers", "no_python_workers_314", "nodejs_compat"]
    config = configuration.worker_config(
        project(compatibility_flags=flags), Path("/s.js"), python=False
    )
    assert config["compatibility_flags"] == ["nodejs_compat"]


def test_what_only_a_deployment_needs_is_left_out() -> None:
    config = configuration.worker_config(project(), Path("/shim.js"), python=False)
    assert not {"account_id", "env", "secrets"} & set(config)
    assert config["vars"] == {"A": "1"}


def test_data_has_the_id_that_wrangler_gives_it() -> None:
    database = {"binding": "DB", "database_name": "d", "database_id": "u"}
    other = {**database, "binding": "OTHER", "database_name": "o", "preview_database_id": "p"}
    spaces = [{"binding": "A", "id": "one", "preview_id": "p"}, {"binding": "B"}]
    config = configuration.worker_config(
        project(d1_databases=[database, other], kv_namespaces=spaces), Path("/s.js"), python=False
    )
    assert [item["database_id"] for item in config["d1_databases"]] == ["u", "p"]
    assert config["d1_databases"][0]["migrations_dir"] == "/app/migrations"
    assert "preview_database_id" not in config["d1_databases"][1]
    assert config["kv_namespaces"] == [{"binding": "A", "id": "one"}, {"binding": "B", "id": "B"}]
    assert config["assets"]["directory"] == "/app/public"


def test_an_unprovisioned_database_is_that_of_its_environment() -> None:
    top, staging = (
        configuration.worker_config(project(), Path("/s.js"), python=False, environment=name)
        for name in ("", "staging")
    )
    assert top["d1_databases"][0]["database_id"] == "DB"
    assert staging["d1_databases"][0]["database_id"] == "local-app-db"


def test_two_bindings_of_one_namespace_stay_so() -> None:
    both = [{"binding": "A", "id": "one"}, {"binding": "B", "id": "one"}]
    config = configuration.worker_config(project(kv_namespaces=both), Path("/s.js"), python=False)
    assert len({item["id"] for item in config["kv_namespaces"]}) == 1


def test_every_binding_gets_the_class_that_the_sdk_expects() -> None:
    assert configuration.binding_kinds(project()) == {
        "AI": "Ai",
        "VECTORIZE": "VectorizeIndexImpl",
        "DB": "D1Database",
        "CACHE": "KvNamespace",
        "FILES": "R2Bucket",
        "LIMITER": "Ratelimit",
        "METRICS": "AnalyticsEngineDataset",
        "JOBS": "WorkerQueue",
        "ASSETS": "Fetcher",
    }


def test_an_index_that_cfpy_toml_does_not_describe_takes_what_it_is_given() -> None:
    other = [{"binding": "V", "index_name": "others"}]
    config = configuration.worker_config(project(vectorize=other), Path("/s.js"), python=False)
    [props] = [item["props"] for item in config["services"] if item["binding"] == "V"]
    assert (props["dimensions"], props["metric"]) == (0, "cosine")


def test_a_table_where_a_list_belongs_is_refused() -> None:
    with pytest.raises(ProjectError, match="not a list of tables"):
        configuration.binding_kinds(project(kv_namespaces={"binding": "KV"}))


def test_no_stand_ins_where_nothing_needs_them() -> None:
    assert configuration.needs_local_services(project())
    assert not configuration.needs_local_services(project(ai=None, vectorize=None))


@pytest.mark.parametrize(
    ("date", "flags", "version"),
    [
        ("2026-09-08", [], "3.14"),
        ("2026-09-07", [], "3.13"),
        ("2026-01-01", ["python_workers_314"], "3.14"),
        ("2026-11-17", ["no_python_workers_314"], "3.13"),
        ("2026-11-17", ["no_python_workers_314", "python_workers_20260610"], "3.14"),
        ("2026-01-01", ["python_workers_20260610", "experimental"], "3.14"),
        ("2025-09-29", [], "3.13"),
        ("2025-09-28", [], "3.12"),
        ("2025-09-28", ["python_workers_20250116"], "3.13"),
        ("2026-11-17", ["no_python_workers_314", "no_python_workers_20250116"], "3.12"),
    ],
)
def test_python_version_follows_date_and_flags(date: str, flags: list[str], version: str) -> None:
    found = project(compatibility_date=date, compatibility_flags=["python_workers", *flags])
    assert found.python_version == version


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(ProjectError, match="not a date like"):
        _ = project(compatibility_date="soon").python_version


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"dimensions": 768}, "has no `index_name`"),
        ({"index_name": "d", "dimensions": 2000}, "from 1 to 1536"),
        ({"index_name": "d", "dimensions": "768"}, "from 1 to 1536"),
        ({"index_name": "d", "dimensions": 8, "metric": "l2"}, "cosine, euclidean"),
        (
            {"index_name": "d", "dimensions": 8, "metadata_indexes": [{"type": "string"}]},
            "needs `property`",
        ),
    ],
)
def test_a_broken_vectorize_table_is_named(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ProjectError) as caught:
        parse_vectorize({"vectorize": [table]}, Path("cfpy.toml"))
    assert words in caught.value.message
    assert caught.value.exit_code == 8


def test_the_address_and_key_of_one_run_stand_in_no_file_that_two_share() -> None:
    ai = configuration.LocalAI(embeddings_url="http://127.0.0.1:4321/v1", embeddings_key="k-123")
    config = configuration.local_services_config(Path("main.js"), "2026-11-17", ai, 0.5)
    assert "4321" not in str(config)
    assert "k-123" not in str(config)
    assert config["vars"]["VECTORIZE_DELAY"] == "0.5"
    assert config["secrets"] == {"required": ["CFPY_EMBEDDINGS_KEY", "CFPY_EMBEDDINGS_URL"]}
    assert ai.secrets["CFPY_EMBEDDINGS_URL"] == "http://127.0.0.1:4321/v1"
