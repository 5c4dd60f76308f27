"""A project and an account for previews, without processes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from account_in_process import InProcess
from cfpy.account.deploy import DeployRequest, Provisioning
from cfpy.account.plan import Plan
from cfpy.account.preview_down import DownRequest, Which
from cfpy.account.preview_down import run as run_down
from cfpy.account.preview_up import UpRequest
from cfpy.account.preview_up import run as run_up
from cfpy.account.provision import ProvisionRequest
from cfpy.errors import CfpyError
from cfpy.tools.context import Context
from cfpy.tools.git import Git
from cloudflare_api import CloudflareApi
from preview_account import Fault, Killed, PreviewTools
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
        self.confirmed: list[Plan] = []
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
        request = UpRequest(name, deploy=deploy, **given)
        return run_up(self.context(), request, self._confirm, now)

    def _confirm(self, plan: Plan) -> bool:
        self.confirmed.append(plan)
        return True

    def down(self, name: str = NAME, which: Which = Which.NAMED, now: datetime = NOW) -> Any:
        request = DownRequest(self.root, which, name)
        return run_down(self.context(), request, lambda _: True, lambda _: None, now)

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

    def context(self) -> Context:
        tools: Any = Tools()
        return Context(self.tools, Git(self.tools), tools, lambda _: None)


def _migrations(connection: Any) -> Iterator[str]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'd1_migrations'")
    if tables.fetchone():
        yield from (row[0] for row in connection.execute("SELECT name FROM d1_migrations"))
