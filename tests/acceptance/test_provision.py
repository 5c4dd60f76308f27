"""The real `cfpy provision` and the real wrangler against the stand-in for Cloudflare's API."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudflare_api import CloudflareApi

Make = Callable[[str], Path]
CANARY = "canary-7f3a9c21"
SECRETS = {"API_TOKEN": CANARY, "API_TOKENS": f"me:{CANARY}", "WEBHOOK_SECRET": CANARY * 2}


def complete(cfpy: Any, project: Path, api: CloudflareApi) -> None:
    """The account has everything once, and a further run changes nothing."""
    tomllib.loads((project / "wrangler.toml").read_text())
    code, document = cfpy("plan", project)
    assert (code, document["data"]["changes"]) == (0, 0)
    before = len(api.mutations)
    code, document = cfpy("provision", project, "--yes", **SECRETS)
    assert (code, document["data"]["changes"], len(api.mutations)) == (0, 0, before)
    assert all(name.startswith("shop") for name in [*api.databases, *api.queues, *api.buckets])


def test_a_conflict_touches_nothing(make: Make, cfpy: Any, api: CloudflareApi) -> None:
    api.add_index("shop-docs", 3, "cosine")
    code, document = cfpy("provision", make("rag"), "--yes", **SECRETS)
    assert (code, document["error"]["code"]) == (7, "plan_conflict")
    assert api.mutations == []


def test_what_exists_by_name_is_adopted(make: Make, cfpy: Any, api: CloudflareApi) -> None:
    api.add_database("shop-db")
    api.namespaces["shop-cache"] = "a" * 32
    project = make("fullstack")
    assert cfpy("provision", project, "--yes", **SECRETS)[0] == 0
    config = tomllib.loads((project / "wrangler.toml").read_text())
    assert config["kv_namespaces"][0]["id"] == "a" * 32
    assert not [path for path in api.mutations if path.endswith(("d1/database", "namespaces"))]


def test_a_secret_without_a_value_stops_it_before_anything_is_done(
    make: Make, cfpy: Any, api: CloudflareApi
) -> None:
    code, document = cfpy("provision", make("rag"), "--yes")
    assert (code, document["error"]["code"]) == (2, "usage")
    assert "API_TOKEN" in document["error"]["hint"]
    assert api.mutations == []


@pytest.mark.parametrize("name", ["wrangler.toml", "cfpy.state.json"])
def test_where_ids_can_t_be_written_nothing_is_created(
    name: str, make: Make, cfpy: Any, api: CloudflareApi
) -> None:
    project = make("rag")
    (project / "cfpy.state.json").write_text('{"record_version": 2, "environments": {}}')
    (project / name).chmod(0o444)
    code, document = cfpy("provision", project, "--yes", **SECRETS)
    assert (code, document["error"]["code"]) == (10, "filesystem")
    assert f"{name}: it is read-only" in document["error"]["message"]
    assert api.mutations == []


def test_a_migration_that_fails_is_told_and_can_be_mended(
    make: Make, cfpy: Any, api: CloudflareApi
) -> None:
    project = make("rag")
    broken = project / "migrations" / "0002_broken.sql"
    broken.write_text("CREATE TABLE;\n")
    code, document = cfpy("provision", project, "--yes", **SECRETS)
    assert (code, document["error"]["code"]) == (6, "wrangler")
    message = document["error"]["message"]
    assert "migrations of shop-db: migrations/0002_broken.sql" in message, message
    assert "Applied before it: 0001_" in message
    assert "Fix migrations/0002_broken.sql" in document["error"]["hint"]
    broken.write_text("CREATE TABLE later (id INTEGER);\n")
    assert cfpy("provision", project, "--yes", **SECRETS)[0] == 0
    complete(cfpy, project, api)


def test_two_at_once_do_no_harm(make: Make, cfpy: Any, api: CloudflareApi) -> None:
    project = make("pipeline")
    argv = [sys.executable, "-m", "cfpy", "provision", "--yes", "--json"]
    both = [
        subprocess.Popen(argv, cwd=project, env=cfpy.environment(**SECRETS), **quiet())
        for _ in range(2)
    ]
    assert sorted(process.wait(120) for process in both) == [0, 2]
    complete(cfpy, project, api)


def quiet() -> dict[str, Any]:
    return {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
