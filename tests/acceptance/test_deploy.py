"""The real `cfpy deploy` and the real wrangler against the stand-in for Cloudflare's API."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfpy.adapters.wrangler_edit import set_id
from cloudflare_api import CloudflareApi, Failure


@pytest.fixture
def project(make: Callable[[str], Path], api: CloudflareApi) -> Path:
    """A project whose account has all that it needs."""
    made = make("pipeline")
    identifier = api.add_database("shop-db", "0001_jobs.sql")
    api.queues = {"shop-jobs": "q0", "shop-jobs-dead-letters": "q1"}
    api.buckets = ["shop-files"]
    api.scripts = {"shop": ["API_TOKENS"]}
    set_id(made / "wrangler.toml", "", "d1_databases", "DB", "database_id", identifier)
    return made


def test_a_provisioned_project_goes_live(
    project: Path, cfpy: Any, api: CloudflareApi, worker: Callable[[int], str]
) -> None:
    code, document = cfpy("deploy", project, "--yes", "--url", worker(200))
    assert code == 0, document
    data = document["data"]
    assert data["deployment"]["version_id"] == api.live["shop"]
    assert "https://shop.test.workers.dev" in data["deployment"]["targets"]
    assert 0 < data["deployment"]["gzip_bytes"] < 64_000_000
    assert data["checked"] == "200 OK"


def test_new_tables_come_before_new_code(
    project: Path, cfpy: Any, api: CloudflareApi, worker: Callable[[int], str]
) -> None:
    (project / "migrations" / "0002_more.sql").write_text("CREATE TABLE more (id INTEGER);\n")
    api.mutations.clear()
    assert cfpy("deploy", project, "--yes", "--url", worker(200))[0] == 0
    kinds = [mutation.rsplit("/", 1)[-1] for mutation in api.mutations]
    assert max(i for i, kind in enumerate(kinds) if kind == "query") < kinds.index("versions")
    assert cfpy("plan", project)[0] == 0


def test_what_the_account_lacks_is_named_and_nothing_is_deployed(
    make: Callable[[str], Path], cfpy: Any, api: CloudflareApi
) -> None:
    code, document = cfpy("deploy", make("rag"), "--yes")
    assert (code, document["error"]["code"]) == (2, "usage")
    assert "vectorize:shop-docs" in document["error"]["message"]
    assert "cfpy provision" in document["error"]["hint"]
    assert api.mutations == []


def test_a_dry_run_changes_nothing(project: Path, cfpy: Any, api: CloudflareApi) -> None:
    api.mutations.clear()
    code, document = cfpy("deploy", project, "--dry-run")
    assert (code, document["data"]["deployment"], api.mutations) == (0, None, [])


def test_without_a_terminal_it_asks_for_a_flag(
    project: Path, cfpy: Any, api: CloudflareApi
) -> None:
    code, document = cfpy("deploy", project)
    assert (code, document["error"]["code"]) == (2, "usage")
    assert "--yes" in document["error"]["hint"]
    assert api.live == {}


def test_a_failed_upload_leaves_the_old_version_live(
    project: Path, cfpy: Any, api: CloudflareApi
) -> None:
    api.mutations.clear()
    api.broken_mutation = (2, Failure(403))
    code, document = cfpy("deploy", project, "--yes")
    assert (code, document["error"]["code"]) == (6, "wrangler")
    assert api.live == {}


def test_a_version_that_does_not_answer_is_an_error_with_its_way_back(
    project: Path,
    cfpy: Any,
    api: CloudflareApi,
    worker: Callable[[int], str],
) -> None:
    assert cfpy("deploy", project, "--yes", "--url", worker(200))[0] == 0
    before = api.live["shop"]
    sick = ("deploy", project, "--yes", "--url", worker(500), "--wait", "1")
    code, document = cfpy(*sick)
    assert (code, document["error"]["code"]) == (11, "deployment")
    assert f"wrangler rollback {before}" in document["error"]["hint"]
    live = api.live["shop"]
    assert live != before
    code, document = cfpy(*sick, "--rollback-on-failure")
    assert (code, document["error"]["code"]) == (11, "deployment")
    assert f"version {live} is live again" in document["error"]["message"]
    assert api.live["shop"] == live


def test_the_real_wrangler_is_at_hand(project: Path) -> None:
    argv = [sys.executable, "-m", "cfpy", "wrangler", "d1", "--help"]
    done = subprocess.run(argv, cwd=project, capture_output=True, text=True, check=True)
    assert "wrangler d1 create <name>" in done.stdout
    wrong = subprocess.run([*argv[:4], "nonsense"], cwd=project, capture_output=True, check=False)
    assert wrong.returncode == 1
