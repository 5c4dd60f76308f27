"""A preview with the real wrangler: up, again after a kill, and down. One project and one account
for all: each test goes on where the one before it stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudflare_api import CloudflareApi, Failure

SECRETS = {"API_TOKENS": "me:x"}
WORKER = "shop-preview-feature-a-d25eb0"
UP = ("preview", "up", "--yes", "--health", "", "--seed", "seed.sql")


def git(project: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.test")
    subprocess.run(["git", *identity, *words], cwd=project, check=True, capture_output=True)


@pytest.fixture(scope="module")
def account() -> CloudflareApi:
    return CloudflareApi()


@pytest.fixture(scope="module")
def there(
    account: CloudflareApi,
    vendored: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Any, Path]]:
    """cfpy, and a repository on the branch feature/A with something of other people around it."""
    from conftest import served

    account.add_database("shop-db")
    account.buckets.append("shop-files")
    project = tmp_path_factory.mktemp("previews") / "shop"
    shutil.copytree(vendored("pipeline"), project, symlinks=True)
    (project / "seed.sql").write_text("CREATE TABLE seeded (id INTEGER);\n")
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=first")
    git(project, "checkout", "--quiet", "-b", "feature/A")
    git(project, "commit", "--quiet", "--allow-empty", "--message=second")
    with served(account) as cfpy:
        yield cfpy, project


def status(project: Path) -> str:
    words = ["git", "status", "--short"]
    return subprocess.run(words, cwd=project, check=True, capture_output=True, text=True).stdout


def test_a_run_that_is_killed(there: Any, account: CloudflareApi) -> None:
    """At its database: the note is there, and nothing else need be."""
    cfpy, project = there
    started: list[subprocess.Popen[bytes]] = []
    creates = "POST accounts/0123456789abcdef0123456789abcdef/d1/database"

    def kill() -> None:
        os.kill(started[0].pid, signal.SIGKILL)

    account.broken_time = (creates, 1, Failure(200, then=kill))
    argv = [sys.executable, "-m", "cfpy", *UP]
    environment = cfpy.environment(**SECRETS)
    quiet = subprocess.DEVNULL
    started.append(
        subprocess.Popen(
            argv, cwd=project, env=environment, stdin=quiet, stdout=quiet, stderr=quiet
        )
    )
    assert started[0].wait(300) == -signal.SIGKILL
    account.broken_time = None
    code, document = cfpy("preview", project, "list")
    [left] = document["data"]["previews"]
    assert (code, left["name"], left["branch"]) == (0, "feature/A", "feature/A")
    assert f"d1:{WORKER}-db" in left["owned"]


def test_up_finishes_it(there: Any, account: CloudflareApi) -> None:
    cfpy, project = there
    code, document = cfpy(*UP[:1], project, *UP[1:], **SECRETS)
    assert code == 0, document
    data = document["data"]
    assert data["url"] == f"https://{WORKER}.test.workers.dev"
    assert data["version_id"] == account.live[WORKER]
    kinds = (account.databases, account.buckets, account.queues)
    found = {name for kind in kinds for name in kind} - {"shop-db", "shop-files"}
    assert found == {key.partition(":")[2] for key in data["owned"]}
    bound = {item.get("id") or item.get("bucket_name") for item in account.bindings[WORKER]}
    assert {account.database_id(f"{WORKER}-db"), f"{WORKER}-files"} <= bound
    rows = account.databases[f"{WORKER}-db"].execute("SELECT name FROM d1_migrations").fetchall()
    assert rows[-1] == ("zz_cfpy_seed.sql",)
    assert set(account.consumers.values()) == {WORKER}
    # Nothing of it is in a file that git sees.
    assert status(project) == ""


def test_down_merged_keeps_it_until_it_is_merged(there: Any, account: CloudflareApi) -> None:
    cfpy, project = there
    git(project, "checkout", "--quiet", "main")
    account.mutations.clear()
    code, document = cfpy("preview", project, "down", "--merged", "--yes")
    assert (code, document["data"]["previews"], account.mutations) == (0, [], [])
    git(project, "merge", "--quiet", "--ff-only", "feature/A")
    account.objects[f"{WORKER}-files"] = ["a/b c.txt"]
    code, document = cfpy("preview", project, "down", "--merged", "--yes")
    assert code == 0, document
    assert [item["why"] for item in document["data"]["previews"]] == [
        "the branch feature/A is merged into main"
    ]
    assert (list(account.databases), account.buckets) == (["shop-db"], ["shop-files"])
    assert (account.queues, account.consumers, account.scripts) == ({}, {}, {})
    assert account.mutations[-1].endswith(f"{WORKER}-note")


def test_what_is_not_there_is_no_error(there: Any) -> None:
    cfpy, project = there
    for words in (("down", "feature/A", "--yes"), ("prune", "--yes")):
        code, document = cfpy("preview", project, *words)
        assert (code, document["data"]["previews"], document["data"]["done"]) == (0, [], [])
