"""Previews with the real wrangler: the page of the docs, on an account where an earlier run was
killed. One account for all: each test goes on where the one before it stopped."""

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
from cfpy_process import served
from reader import BLOCK, Reader, new_reader

from cfpy.bindings.previews import preview_worker
from cloudflare_api import ACCOUNT, CloudflareApi, Failure

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "previews.md"
BRANCH = "feature/prices"
WORKER = preview_worker("shop", BRANCH)


@pytest.fixture(scope="module")
def account() -> CloudflareApi:
    """One that has something of other people."""
    api = CloudflareApi()
    api.add_database("shop-db")
    api.buckets.append("shop-files")
    return api


@pytest.fixture(scope="module")
def cfpy_there(account: CloudflareApi) -> Iterator[Any]:
    with served(account) as cfpy:
        yield cfpy


@pytest.fixture(scope="module")
def machine(
    cfpy_there: Any, vendored: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Reader]:
    """Makes a machine with a clone of the project."""

    def make() -> Reader:
        reader = new_reader(tmp_path_factory.mktemp("machine"))
        path = reader.environment["PATH"]
        reader.environment |= cfpy_there.environment() | {"PATH": path}
        reader.directory /= "shop"
        shutil.copytree(vendored("pipeline"), reader.directory, symlinks=True)
        first = "git add --all\ngit commit --quiet --message first"
        reader.run(f"git init --quiet --initial-branch=main\n{first}", 0)
        return reader

    return make


@pytest.mark.slow
def test_a_run_that_is_killed(
    cfpy_there: Any, account: CloudflareApi, machine: Callable[[], Reader]
) -> None:
    """At its database: the note is there, and what else there is depends on the moment."""
    reader = machine()
    project = reader.directory
    started: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        os.kill(started[0].pid, signal.SIGKILL)

    creates = f"POST accounts/{ACCOUNT}/d1/database"
    account.broken_time = (creates, 1, Failure(200, then=kill))
    argv = [sys.executable, "-m", "cfpy", "preview", "up", BRANCH, "--yes"]
    environment = cfpy_there.environment(API_TOKENS="me:x", WEBHOOK_SECRET="x" * 16)
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    started.append(subprocess.Popen(argv, cwd=project, env=environment, **streams))
    assert started[0].wait(300) == -signal.SIGKILL
    account.broken_time = None
    assert (project / ".cfpy-preview.json").exists()
    assert reader.run("git status --short", 0) == ""
    code, document = cfpy_there("preview", project, "list")
    [left] = document["data"]["previews"]
    assert (code, left["name"], left["worker"]) == (0, BRANCH, WORKER)
    assert f"d1:{WORKER}-db" in left["owned"]


@pytest.mark.slow
def test_another_machine_follows_the_page(
    account: CloudflareApi, machine: Callable[[], Reader], worker: Callable[[int], str]
) -> None:
    reader = machine()
    # The address at workers.dev leads nowhere from here.
    up = f"cfpy preview up --url {worker(200)}"
    blocks = list(BLOCK.finditer(PAGE.read_text("utf-8").replace("cfpy preview up", up)))
    last = next(n for n, block in enumerate(blocks) if "down" in block["text"])
    reader.follow_blocks(blocks[:last])
    databases, mine = account.databases, f"{WORKER}-db"
    assert [*databases] == ["shop-db", mine]
    assert databases[mine].execute("SELECT name FROM jobs").fetchall() == [("example.txt",)]
    bound = {item.get("id") or item.get("bucket_name") for item in account.bindings[WORKER]}
    assert {account.database_id(mine), f"{WORKER}-files"} <= bound
    assert set(account.consumers.values()) == {WORKER}
    assert WORKER in reader.printed[-2]
    assert reader.run("git status --short", 0) == ""

    account.objects[f"{WORKER}-files"] = ["a/b c.txt"]
    reader.follow_blocks(blocks[last:])
    assert "Deleted the preview feature/prices" in reader.printed[-1]
    assert (list(account.databases), account.buckets) == (["shop-db"], ["shop-files"])
    assert (account.queues, account.consumers, account.scripts) == ({}, {}, {})
    assert account.mutations[-1].endswith(f"{WORKER}-note")
