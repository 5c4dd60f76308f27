"""The real `cfpy deploy` and the real wrangler against the stand-in for Cloudflare's API."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloudflare_api import CloudflareApi, Failure


def test_a_provisioned_project_goes_live(
    live: Path, cfpy: Any, api: CloudflareApi, worker: Callable[[int], str]
) -> None:
    code, document = cfpy("deploy", live, "--yes", "--url", worker(200))
    assert code == 0, document
    data = document["data"]
    assert data["deployment"]["version_id"] == api.live["shop"]
    assert "https://shop.test.workers.dev" in data["deployment"]["targets"]
    assert 0 < data["deployment"]["gzip_bytes"] < 64_000_000
    assert data["checked"] == "200 OK"


def test_new_tables_come_before_new_code(
    live: Path, cfpy: Any, api: CloudflareApi, worker: Callable[[int], str]
) -> None:
    more = live / "migrations" / "0002_more.sql"
    more.write_text("CREATE TABLE more (id INTEGER);\nINSERT INTO les VALUES (1);\n")
    code, document = cfpy("deploy", live, "--yes", "--url", worker(200))
    assert (code, document["error"]["code"]) == (6, "wrangler")
    assert "migrations/0002_more.sql:2 failed" in document["error"]["message"]
    more.write_text("CREATE TABLE more (id INTEGER);\n")
    api.mutations.clear()
    code, document = cfpy("deploy", live, "--yes", "--url", worker(200))
    assert code == 0, document
    # The way back was asked for before the migration.
    [bookmark] = document["data"]["bookmarks"]
    assert bookmark["command"].startswith("cfpy wrangler d1 time-travel restore DB --bookmark=")
    before = sqlite3.connect(":memory:")
    before.deserialize(api.data.bookmarks[bookmark["bookmark"]][1])
    assert before.execute("SELECT name FROM sqlite_master WHERE name = 'more'").fetchall() == []
    kinds = [mutation.rsplit("/", 1)[-1] for mutation in api.mutations]
    assert max(i for i, kind in enumerate(kinds) if kind == "query") < kinds.index("versions")
    assert cfpy("plan", live)[0] == 0


def test_what_the_account_lacks_is_named_and_nothing_is_deployed(
    make: Callable[[str], Path], cfpy: Any, api: CloudflareApi
) -> None:
    code, document = cfpy("deploy", make("rag"), "--yes")
    assert (code, document["error"]["code"]) == (2, "usage")
    assert "vectorize:shop-docs" in document["error"]["message"]
    assert "cfpy provision" in document["error"]["hint"]
    assert api.mutations == []


def test_a_dry_run_changes_nothing(live: Path, cfpy: Any, api: CloudflareApi) -> None:
    api.mutations.clear()
    code, document = cfpy("deploy", live, "--dry-run")
    assert (code, document["data"]["deployment"], api.mutations) == (0, None, [])


EXAMPLE = """\
name = "example"
main = "index.js"
compatibility_date = "2026-11-01"
kv_namespaces = [{ binding = "KV" }]
d1_databases = [
  { binding = "DB", database_name = "q", database_id = "408cddb7-e3f7-40d7-a4f7-33136a7fd3fa" },
]
"""


def test_a_dry_run_reports_what_would_stop_a_deployment(
    tmp_path: Path, cfpy: Any, api: CloudflareApi
) -> None:
    (tmp_path / "wrangler.toml").write_text(EXAMPLE)
    (tmp_path / "index.js").write_text("export default { fetch() { return new Response(); } };\n")
    code, document = cfpy("deploy", tmp_path, "--dry-run")
    conflict, missing = document["data"]["findings"]
    assert (code, conflict["code"], missing["code"]) == (0, "plan_conflict", "usage")
    assert "d1:q: the configuration names the id 408cddb7" in conflict["message"]
    assert "cfpy adopt --remove-ids" in conflict["hint"]
    assert missing["message"] == "missing in the account: kv:example-kv"
    # Like `wrangler deploy --dry-run`, it needs no account.
    code, document = cfpy("deploy", tmp_path, "--dry-run", CLOUDFLARE_API_TOKEN="")
    assert (code, document["data"]["plan"]) == (0, None)
    assert [found["code"] for found in document["data"]["findings"]] == ["not_authenticated"]
    assert api.mutations == []


def test_a_failed_upload_leaves_the_old_version_live(
    live: Path, cfpy: Any, api: CloudflareApi
) -> None:
    before = dict(api.live)
    api.broken_kind = ("versions", Failure(403))
    code, document = cfpy("deploy", live, "--yes")
    assert (code, document["error"]["code"]) == (6, "wrangler")
    assert api.live == before


def test_a_version_that_does_not_answer_is_an_error_with_its_way_back(
    live: Path,
    cfpy: Any,
    api: CloudflareApi,
    worker: Callable[[int], str],
) -> None:
    before = api.live["shop"]
    sick = ("deploy", live, "--yes", "--url", worker(500), "--wait", "1")
    code, document = cfpy(*sick)
    assert (code, document["error"]["code"]) == (11, "deployment")
    assert f"wrangler rollback {before}" in document["error"]["hint"]
    version = api.live["shop"]
    assert version != before
    code, document = cfpy(*sick, "--rollback-on-failure")
    assert (code, document["error"]["code"]) == (11, "deployment")
    assert f"version {version} is live again" in document["error"]["message"]
    assert api.live["shop"] == version


def test_what_is_too_big_is_refused_before_it_is_uploaded(
    live: Path, cfpy: Any, api: CloudflareApi
) -> None:
    (live / "python_modules" / "huge.py").write_bytes(b"#" * (65 * 2**20))
    api.mutations.clear()
    code, document = cfpy("deploy", live, "--yes")
    assert (code, document["error"]["code"]) == (2, "usage")
    assert "huge.py" in document["error"]["hint"]
    assert api.mutations == []


def test_a_first_deployment_makes_a_worker_that_is_cfpys_own(
    ready: Callable[[str], Path], cfpy: Any, api: CloudflareApi, worker: Callable[[int], str]
) -> None:
    """Without secrets nothing has made the Worker before."""
    project = ready("rag")
    for name in ("wrangler.toml", "cfpy.toml"):
        text = (project / name).read_text()
        lines = [line for line in text.splitlines() if "required =" not in line]
        (project / name).write_text("\n".join(lines).partition("[[secrets]]")[0])
    code, document = cfpy("up", project, "--yes", "--url", worker(200))
    assert code == 0, document
    code, document = cfpy("destroy", project, "--yes", "--confirm", "shop")
    assert (code, api.scripts) == (0, {})


def test_the_real_wrangler_is_at_hand(live: Path) -> None:
    argv = [sys.executable, "-m", "cfpy", "wrangler", "d1", "--help"]
    done = subprocess.run(argv, cwd=live, capture_output=True, text=True, check=True)
    assert "wrangler d1 create <name>" in done.stdout
    wrong = subprocess.run([*argv[:4], "nonsense"], cwd=live, capture_output=True, check=False)
    assert wrong.returncode == 1
