"""Who else works on the account, or on the files, while cfpy runs: nothing of theirs is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudflare_api import ACCOUNT, CloudflareApi, Failure

HEAD = 'name = "shop"\nmain = "index.js"\ncompatibility_date = "2026-11-17"\n'
DB = '[[d1_databases]]\nbinding = "DB"\ndatabase_name = "shop-db"\n'
CACHE = '[[kv_namespaces]]\nbinding = "CACHE"\n'
DESTROY = ("--yes", "--delete-data", "--confirm")
NEW_DATABASE = f"POST accounts/{ACCOUNT}/d1/database"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A Worker in JavaScript, in a folder that is not plain: nothing has to be installed."""
    project = tmp_path / "mein Laden ü"
    (project / "migrations").mkdir(parents=True)
    (project / "migrations" / "1_item.sql").write_text("CREATE TABLE item (id INTEGER);\n")
    (project / "index.js").write_text("export default { fetch: () => new Response() }\n")
    (project / "wrangler.toml").write_text(HEAD + DB + CACHE)
    return project


def created(project: Path) -> dict[str, str]:
    record = json.loads((project / "cfpy.state.json").read_text())
    return dict(record["environments"][""]["created"])


def editing(project: Path, edit: Callable[[str], str]) -> Callable[[], None]:
    config = project / "wrangler.toml"
    return lambda: config.write_text(edit(config.read_text())) and None


def test_the_record_knows_the_id_of_what_a_killed_run_created(
    cfpy: Any, api: CloudflareApi, shop: Path
) -> None:
    # Killed behind the creation of the database: the record has its name, nobody its id.
    id_ = api.add_database("shop-db")
    environments = {"": {"account_id": ACCOUNT, "created": {"d1:shop-db": ""}}}
    record = {"record_version": 2, "environments": environments}
    (shop / "cfpy.state.json").write_text(json.dumps(record))
    # And a colleague is quicker with the namespace.
    colleague = Failure(200, then=lambda: api.namespaces.update({"shop-cache": "c" * 32}))
    api.broken_time = (f"POST accounts/{ACCOUNT}/storage/kv/namespaces", 1, colleague)
    code, document = cfpy("provision", shop, "--yes")
    assert code == 0, document
    # Who created it can't be told: wrangler asks again by itself where an answer is lost.
    assert created(shop) == {"d1:shop-db": id_, "kv:shop-cache": "c" * 32}
    assert f'id = "{"c" * 32}"' in (shop / "wrangler.toml").read_text()
    # But what the colleague's Worker is bound to stays.
    bound = {"type": "kv_namespace", "name": "CACHE", "namespace_id": "c" * 32}
    api.scripts["colleague"], api.bindings["colleague"] = [], [bound]
    assert cfpy("destroy", shop, *DESTROY, "shop")[0] == 0
    assert (api.databases, list(api.namespaces)) == ({}, ["shop-cache"])


def test_an_edit_while_provision_runs_is_neither_overwritten_nor_migrated(
    cfpy: Any, api: CloudflareApi, shop: Path
) -> None:
    other = api.add_database("production")
    before = (shop / "wrangler.toml").read_text()

    def edit(text: str) -> str:
        return text.replace("database_name", f'database_id = "{other}"\ndatabase_name')

    api.broken_time = (NEW_DATABASE, 1, Failure(200, then=editing(shop, edit)))
    code, document = cfpy("provision", shop, "--yes")
    assert (code, document["error"]["code"]) == (8, "project"), document
    assert f'database_id = "{other}"' in (shop / "wrangler.toml").read_text()
    assert not any("query" in mutation for mutation in api.mutations)
    # What was created is known, and found again.
    assert created(shop)["d1:shop-db"] == api.database_id("shop-db")
    (shop / "wrangler.toml").write_text(before)
    code, document = cfpy("provision", shop, "--yes")
    assert code == 0, document
    assert cfpy("plan", shop)[0] == 0


def test_a_worker_that_was_renamed_is_named_and_keeps_its_data(
    cfpy: Any, api: CloudflareApi, shop: Path
) -> None:
    code, document = cfpy("up", shop, "--yes", "--health", "")
    assert code == 0, document
    editing(shop, lambda text: text.replace('name = "shop"', 'name = "store"', 1))()
    api.scripts["store"] = []
    code, document = cfpy("deploy", shop, "--health", "")
    assert (code, "a Worker store that cfpy did not create" in document["error"]["message"]) == (
        2,
        True,
    )
    code, document = cfpy("status", shop)
    assert [notice.split(",")[0] for notice in document["data"]["notices"]][1:] == [
        "cfpy created worker:shop"
    ]
    code, document = cfpy("destroy", shop, *DESTROY, "store")
    assert (code, document["data"]["done"]) == (0, [])
    assert (list(api.databases), list(api.namespaces)) == (["shop-db"], ["shop-cache"])
    reasons = {action["key"]: action["reason"] for action in document["data"]["actions"]}
    assert reasons["d1:shop-db"] == reasons["kv:shop-cache"] == "also used by the Worker shop"


def test_up_does_what_it_showed_and_nothing_else(cfpy: Any, api: CloudflareApi, shop: Path) -> None:
    api.add_database("shop-db")
    real = api.answer

    def gone_when_the_plan_is_made(method: str, path: str, query: Any, body: Any) -> Any:
        found = real(method, path, query, body)
        # What its schema is, is the last that a plan asks for.
        if "SELECT sql FROM sqlite_master" in str(body):
            api.databases.pop("shop-db", None)
        return found

    api.answer = gone_when_the_plan_is_made  # type: ignore[method-assign]
    code, document = cfpy("up", shop, "--yes", "--health", "")
    assert (code, document["error"]["code"]) == (2, "usage"), document
    assert api.mutations == []


def test_an_error_in_the_middle_of_a_destroy_claims_nothing_and_it_can_go_on(
    cfpy: Any, api: CloudflareApi, shop: Path
) -> None:
    assert cfpy("provision", shop, "--yes")[0] == 0
    delete = f"DELETE accounts/{ACCOUNT}/d1/database/{api.database_id('shop-db')}"

    def down() -> None:
        api.failures = [Failure(500)] * 60

    api.broken_time = (delete, 1, Failure(200, then=down))
    code, document = cfpy("destroy", shop, *DESTROY, "shop")
    assert (code, "Nothing was" in document["error"]["hint"]) == (6, False), document
    api.failures = []
    code, document = cfpy("destroy", shop, *DESTROY, "shop")
    assert (code, document["data"]["done"]) == (0, ["kv:shop-cache"])
    assert (shop / "wrangler.toml").read_text() == HEAD + DB + CACHE
