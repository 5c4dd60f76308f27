"""Previews with every request that changes the account broken once: each run converges.

The requests are those of wrangler, the answers those of the stand-in for Cloudflare's API.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from preview_account import FAULTS, Fault, Killed, PreviewTools

from account_in_process import InProcess
from cfpy.account.deploy import DeployRequest, Provisioning
from cfpy.account.preview_down import DownRequest, Which
from cfpy.account.preview_down import run as run_down
from cfpy.account.preview_up import UpRequest
from cfpy.account.preview_up import run as run_up
from cfpy.account.provision import ProvisionRequest
from cfpy.errors import CfpyError
from cfpy.tools.context import Context
from cfpy.tools.git import Git
from cloudflare_api import TOKEN, CloudflareApi
from wrangler_in_process import Tools

CONFIG = """\
name = "shop"
main = "src/index.js"
compatibility_date = "2026-09-01"
routes = ["shop.example/*"]

[triggers]
crons = ["0 3 * * *"]

[vars]
BUCKET_NAME = "shop-files"

[secrets]
required = ["API_TOKEN"]

[[d1_databases]]
binding = "DB"
database_name = "shop-db"
database_id = "11111111-1111-1111-1111-111111111111"

[[kv_namespaces]]
binding = "CACHE"
id = "22222222222222222222222222222222"

[[r2_buckets]]
binding = "FILES"
bucket_name = "shop-files"

[[vectorize]]
binding = "INDEX"
index_name = "shop-index"

[[queues.producers]]
binding = "JOBS"
queue = "shop-jobs"

[[queues.consumers]]
queue = "shop-jobs"
dead_letter_queue = "shop-dead"
"""
SETTINGS = """\
[[vectorize]]
index_name = "shop-index"
dimensions = 8
metric = "cosine"
metadata_indexes = [{ property = "lang", type = "string" }]
"""
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
NAME = "feature/A"


class Stage:
    """A project, and an account with things of other people."""

    def __init__(self, root: Path, cloudflare: InProcess) -> None:
        self.root = root
        self.api = cloudflare.api = CloudflareApi()
        self.tools = PreviewTools(self.api)
        for name in ("shop-db", "blog-preview-feature-a-db"):
            self.api.add_database(name)
        self.api.buckets.append("shop-files")
        self.api.scripts |= {"shop": [], "shop-preview-note": [], "blog-preview-a-note": []}
        self.others = self.outcome()

    def up(self, name: str = NAME, **options: Any) -> Any:
        asked = ProvisionRequest(self.root, "", {"API_TOKEN": "x"}, lambda _: None, None)
        making = Provisioning(asked, lambda _: None)
        deploy = DeployRequest(
            self.root, "", "", "", False, options.pop("dry_run", False), 0, making
        )
        given = {"source": "", "seed": "", "ttl": timedelta(days=7)} | options
        now = given.pop("now", NOW)
        return run_up(self._context(), UpRequest(name, deploy=deploy, **given), lambda _: True, now)

    def down(self, name: str = NAME, which: Which = Which.NAMED, now: datetime = NOW) -> Any:
        request = DownRequest(self.root, which, name)
        return run_down(self._context(), request, lambda _: True, lambda _: None, now)

    def broken(self, run: Callable[[], Any], number: int, fault: Fault) -> None:
        """Run something into a fault."""
        self.tools.mutations.clear()
        self.tools.fault = number, fault
        with contextlib.suppress(CfpyError, Killed):
            run()
        assert len(self.tools.mutations) >= number
        self.tools.fault, self.tools.dead = None, False

    def outcome(self) -> str:
        """What the account has, except for counters."""
        api = self.api
        rows = {
            name: [
                *(str(row) for row in connection.execute("SELECT name FROM sqlite_master")),
                *_migrations(connection),
            ]
            for name, connection in api.databases.items()
        }
        kinds = (api.namespaces, api.buckets, api.queues, api.consumers, api.scripts, api.bindings)
        indexes = {name: item["metadata"] for name, item in api.indexes.items()}
        found = [sorted(kind) for kind in kinds]
        return json.dumps([rows, found, indexes, api.bindings], sort_keys=True)

    def _context(self) -> Context:
        tools: Any = Tools()
        return Context(self.tools, Git(self.tools), tools, lambda _: None)


def _migrations(connection: Any) -> Iterator[str]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'd1_migrations'")
    if tables.fetchone():
        yield from (row[0] for row in connection.execute("SELECT name FROM d1_migrations"))


@pytest.fixture
def stage(
    tmp_path: Path, cloudflare: InProcess, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> Callable[[], Stage]:
    """Makes a project, always in the same place, with a new account."""
    del pauses
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    (tmp_path / "src").mkdir()
    (tmp_path / "migrations").mkdir()
    (tmp_path / "src" / "index.js").write_text("export default {}")
    (tmp_path / "migrations" / "0001_notes.sql").write_text("CREATE TABLE notes (id INTEGER)")
    (tmp_path / "wrangler.toml").write_text(CONFIG)
    (tmp_path / "cfpy.toml").write_text(SETTINGS)
    (tmp_path / "seed.sql").write_text("INSERT INTO notes VALUES (1)")
    return lambda: Stage(tmp_path, cloudflare)


@pytest.fixture
def finished(stage: Callable[[], Stage]) -> tuple[str, int]:
    """What a run without a fault leaves, and how many requests it made."""
    clean = stage()
    clean.up(seed=str(clean.root / "seed.sql"))
    return clean.outcome(), len(clean.tools.mutations)


BY_NAME = {fault.name: fault for fault in FAULTS}
# What ends a run within the command leaves what a kill leaves, so the other way is for these.
KILLS = ["killed", "killed, applied"]


@pytest.mark.parametrize(
    ("fault", "way"),
    [*((fault, "up") for fault in BY_NAME), *((fault, "down") for fault in KILLS)],
)
def test_a_broken_up_is_finished_by_up_and_undone_by_down(
    fault: str, way: str, stage: Callable[[], Stage], finished: tuple[str, int]
) -> None:
    wanted, mutations = finished
    # 15 requests in 5 + 2 ways: 105 cases.
    assert mutations == 15
    for number in range(1, mutations + 1):
        here = stage()
        up = partial(here.up, seed=str(here.root / "seed.sql"))
        here.broken(up, number, BY_NAME[fault])
        files = sorted(path.name for path in here.root.iterdir())
        if way == "up":
            up()
        else:
            here.down()
        assert here.outcome() == (wanted if way == "up" else here.others), number
        assert files == sorted(path.name for path in here.root.iterdir())


@pytest.mark.parametrize(
    ("fault", "way"),
    [*((fault, "down") for fault in BY_NAME), *((fault, "up") for fault in KILLS)],
)
def test_a_broken_down_is_finished_by_down_and_undone_by_up(
    fault: str, way: str, stage: Callable[[], Stage], finished: tuple[str, int]
) -> None:
    wanted, _ = finished
    # 11 requests in 5 + 2 ways: 77 cases.
    for number in range(1, 12):
        here = stage()
        up = partial(here.up, seed=str(here.root / "seed.sql"))
        up()
        here.api.objects["shop-preview-feature-a-d25eb0-files"] = ["a/b", "c"]
        here.broken(here.down, number, BY_NAME[fault])
        if way == "up":
            up()
            here.api.objects.clear()
        else:
            here.down()
        assert here.outcome() == (wanted if way == "up" else here.others), number


def test_a_down_makes_as_many_requests_as_are_broken(stage: Callable[[], Stage]) -> None:
    here = stage()
    here.up()
    here.api.objects["shop-preview-feature-a-d25eb0-files"] = ["a/b", "c"]
    here.tools.mutations.clear()
    here.down()
    assert len(here.tools.mutations) == 11
    order = [mutation.split("/")[0].removeprefix("DELETE ") for mutation in here.tools.mutations]
    assert order[:3] == ["queues", "workers", "r2"]
    assert here.tools.mutations[-1].endswith("-note")
    assert here.outcome() == here.others
