"""Routes, domains, schedules and what somebody changes by hand: the real cfpy and the real wrangler
against the stand-in for Cloudflare's API. The tests share one deployed project, and copy its
account."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cfpy_process import Cfpy, served
from reader import new_reader

from cloudflare_api import CloudflareApi

CONFIG = """\
name = "shop"
main = "src/index.js"
compatibility_date = "2026-11-17"
compatibility_flags = ["nodejs_compat"]
workers_dev = false
preview_urls = false
routes = [
  { pattern = "shop.test/*", zone_name = "shop.test" },
  { pattern = "api.shop.test", custom_domain = true },
]
tail_consumers = [{ service = "watcher" }]

[triggers]
crons = ["0 3 * * *"]

[vars]
LEVEL = "info"
LIMITS = { most = 3 }

[secrets]
required = ["API_TOKEN"]

[[queues.producers]]
binding = "JOBS"
queue = "shop-jobs"

[[queues.consumers]]
queue = "shop-jobs"
max_batch_size = 5
max_retries = 2
dead_letter_queue = "shop-dead"

[[vectorize]]
binding = "INDEX"
index_name = "shop-index"

[env.staging]
routes = []
"""
SETTINGS = """\
[[vectorize]]
index_name = "shop-index"
dimensions = 8
metric = "cosine"
metadata_indexes = [{ property = "lang", type = "string" }]
"""
SOURCE = "export default { fetch() {}, queue() {}, scheduled() {} };\n"
ZONE = "zone-of-shop"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "drift.md"


def account() -> CloudflareApi:
    """The project was deployed, and then somebody changed all of it by hand."""
    api = CloudflareApi()
    api.scripts = {"watcher": [], "website": [], "shop": ["API_TOKEN", "OLD_KEY"]}
    api.queues = {"shop-jobs": "q1", "shop-dead": "q2"}
    api.consumers = {"shop-jobs": "shop"}
    api.add_index("shop-index", 8, "cosine", lang="string", year="number")
    api.domains = {"extra.shop.test": "shop", "other.shop.test": "website"}
    api.live = {"shop": "00000000-0000-0000-0000-000000000007"}
    variable = {"type": "plain_text", "name": "LEVEL", "text": "debug-of-dashboard"}
    api.bindings["shop"] = [
        *(variable, {**variable, "name": "BY_HAND"}),
        {"type": "json", "name": "LIMITS", "json": {"most": 3}},
        {"type": "queue", "name": "JOBS", "queue_name": "shop-jobs"},
        {"type": "vectorize", "name": "INDEX", "index_name": "shop-index"},
    ]
    zones = api.zones
    zones.names = {"shop.test": ZONE}
    zones.routes = {ZONE: {"shop.test/blog/*": "website", "shop.test/more/*": "shop"}}
    zones.queue_settings = {"shop-jobs": {"delivery_delay": 60, "message_retention_period": 600}}
    zones.consumer_settings["shop-jobs"] = {"batch_size": 50, "max_retries": 9}
    zones.schedules["shop"] = ["*/5 * * * *"]
    zones.on_workers_dev["shop"] = (True, True)
    zones.runtimes["shop"] = {"compatibility_date": "2026-10-01"}
    zones.sources["shop"] = "dash"
    return api


def project(root: Path, config: str = CONFIG) -> Path:
    (root / "src").mkdir(parents=True)
    (root / "src/index.js").write_text(SOURCE)
    (root / "cfpy.toml").write_text(SETTINGS)
    (root / "wrangler.toml").write_text(config)
    return root


#: What is listed, and what reverts it: a part of it.
CHANGED = {
    ("workers_dev", "shop"): "cfpy deploy",
    ("preview_urls", "shop"): "cfpy deploy",
    ("custom_domain", "extra.shop.test"): "cfpy deploy",
    ("custom_domain", "api.shop.test"): "cfpy deploy",
    ("route", "shop.test/*"): "cfpy deploy",
    ("route", "shop.test/more/*"): "cfpy deploy",
    ("cron", "0 3 * * *"): "cfpy deploy",
    ("cron", "*/5 * * * *"): "cfpy deploy",
    ("tail_consumer", "watcher"): "cfpy deploy",
    ("queue_consumer", "shop-jobs"): "cfpy deploy",
    ("setting", "compatibility_date"): "cfpy deploy",
    ("setting", "compatibility_flags"): "cfpy deploy",
    ("variable", "LEVEL"): "cfpy deploy",
    ("variable", "BY_HAND"): "cfpy deploy",
    ("queue", "shop-jobs"): "cfpy wrangler queues update shop-jobs --",
    ("vectorize_metadata_index", "shop-index/year"): "delete-metadata-index shop-index",
    ("secret", "OLD_KEY"): "cfpy wrangler secret delete OLD_KEY --name shop",
}


@dataclass(frozen=True)
class Story:
    """The project, its status before a deployment, and its account after it."""

    root: Path
    status: tuple[int, dict[str, Any]]
    state: dict[str, Any]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Story:
    root, api = project(tmp_path_factory.mktemp("drift") / "shop"), account()
    with served(api) as cfpy:
        status = cfpy("status", root, "--exit-code")
        code, document = cfpy("deploy", root, "--yes", "--health", "")
        assert code == 0, document
    return Story(root, status, api.state())


@pytest.fixture
def here(deployed: Story, tmp_path: Path) -> Iterator[tuple[Cfpy, CloudflareApi, Path]]:
    api = CloudflareApi()
    api.take(deployed.state)
    with served(api) as cfpy:
        yield cfpy, api, Path(shutil.copytree(deployed.root, tmp_path / "shop"))


def test_what_somebody_changed_by_hand_is_listed(deployed: Story) -> None:
    code, document = deployed.status
    assert code == 13
    found = [item for item in document["data"]["differences"] if item["kind"] != "version"]
    assert {(item["kind"], item["name"]) for item in found} == set(CHANGED)
    for item in found:
        assert CHANGED[item["kind"], item["name"]] in item["revert"], item
        assert item["adopt"], item
        assert "debug-of-dashboard" not in str(item)
    [version] = [item for item in document["data"]["differences"] if item["kind"] == "version"]
    assert "deployed from the dashboard" in version["message"]
    assert document["data"]["drift"] == [i["message"] for i in document["data"]["differences"]]


def test_a_deployment_reverts_what_is_said_to_be_reverted_by_one(
    here: tuple[Cfpy, CloudflareApi, Path],
) -> None:
    cfpy, api, root = here
    assert api.zones.routes == {ZONE: {"shop.test/blog/*": "website", "shop.test/*": "shop"}}
    assert api.domains == {"api.shop.test": "shop", "other.shop.test": "website"}
    assert (api.zones.schedules["shop"], api.zones.tails["shop"]) == (["0 3 * * *"], ["watcher"])
    code, document = cfpy("status", root, "--exit-code")
    left = {(item["kind"], item["name"]) for item in document["data"]["differences"]}
    assert left == {key for key, revert in CHANGED.items() if revert != "cfpy deploy"}
    assert code == 13
    api.zones.queue_settings.clear()
    del api.indexes["shop-index"]["metadata"]["year"]
    api.scripts["shop"].remove("OLD_KEY")
    code, document = cfpy("status", root, "--exit-code")
    assert (code, document["data"]["differences"]) == (0, [])


def test_the_page_shows_what_status_prints(
    here: tuple[Cfpy, CloudflareApi, Path], tmp_path: Path
) -> None:
    cfpy, api, root = here
    api.zones.consumer_settings["shop-jobs"]["batch_size"] = 50
    reader = new_reader(tmp_path)
    path = {"PATH": reader.environment["PATH"]}
    reader.environment |= cfpy.environment(COLUMNS="200") | path
    reader.directory = root
    reader.follow(PAGE)
    shown = re.findall(r"^    (.+)$", PAGE.read_text("utf-8").partition("| exit")[0], re.MULTILINE)
    assert len(shown) == 3
    assert all(line in reader.printed[0].splitlines() for line in shown)
    workflow = root / ".github" / "workflows" / "drift.yml"
    assert "cfpy status --exit-code" in workflow.read_text("utf-8")


def test_a_route_of_another_worker_stops_a_deployment_before_the_upload(
    here: tuple[Cfpy, CloudflareApi, Path],
) -> None:
    cfpy, api, root = here
    api.zones.routes[ZONE]["shop.test/*"] = "website"
    code, document = cfpy("status", root, "--exit-code")
    assert code == 7
    mutations = len(api.mutations)
    code, document = cfpy("deploy", root, "--yes", "--health", "")
    assert (code, document["error"]["code"]) == (7, "plan_conflict")
    assert "it leads to the Worker website" in document["error"]["message"]
    assert len(api.mutations) == mutations
    code, document = cfpy("plan", root, "--env", "staging")
    assert "route" not in {item["kind"] for item in document["data"]["actions"]}


def test_destroy_removes_what_leads_to_the_worker_and_nothing_else(
    here: tuple[Cfpy, CloudflareApi, Path],
) -> None:
    cfpy, api, root = here
    include = ("--include", "worker:shop")
    code, document = cfpy("destroy", root, "--yes", "--confirm", "shop", *include)
    assert code == 0, document
    gone = {i["key"] for i in document["data"]["actions"] if i["do"] == "delete"}
    assert {"worker:shop", "route:shop.test/*", "custom_domain:api.shop.test"} <= gone
    assert api.zones.routes == {ZONE: {"shop.test/blog/*": "website"}}
    assert api.domains == {"other.shop.test": "website"}
    assert "shop" not in api.scripts
    assert "shop-index" in api.indexes
