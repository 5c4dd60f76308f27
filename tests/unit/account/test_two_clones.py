"""`cfpy destroy` while somebody deploys the same Worker from another clone."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cfpy.account.destroy import DestroyRequest, run
from cfpy.account.plan import Action
from cfpy.errors import PlanConflictError
from cloudflare_api import ACCOUNT
from preview_stage import Stage

CONFIG = """\
name = "shop"
main = "src/index.js"
compatibility_date = "2026-09-01"

[[d1_databases]]
binding = "DB"
database_name = "shop-db"
database_id = "{db}"

[[r2_buckets]]
binding = "FILES"
bucket_name = "shop-files"
"""


@pytest.fixture
def shop(stage: Callable[[], Stage]) -> Stage:
    """A Worker with a database and a bucket, all made by cfpy."""
    here = stage()
    db = here.api.database_id("shop-db")
    (here.root / "wrangler.toml").write_text(CONFIG.format(db=db))
    created = {"worker:shop": "", "d1:shop-db": db, "r2:shop-files": ""}
    environments = {"": {"account_id": ACCOUNT, "created": created}}
    record = {"record_version": 2, "environments": environments}
    (here.root / "cfpy.state.json").write_text(json.dumps(record))
    return here


def destroy(here: Stage, meanwhile: Callable[[Action], None]) -> None:
    request = DestroyRequest(here.root, "", True, frozenset(), False)
    run(here.context(), request, lambda _: True, meanwhile)


@pytest.mark.parametrize(
    ("after", "kept"),
    [("worker:shop", "d1:shop-db, r2:shop-files"), ("d1:shop-db", "r2:shop-files")],
)
def test_data_of_a_worker_that_is_back_stays(shop: Stage, after: str, kept: str) -> None:
    def up(action: Action) -> None:
        if action.key == after:
            shop.api.scripts["shop"] = []

    with pytest.raises(PlanConflictError, match=f"deployed shop again, .* kept: {kept}$"):
        destroy(shop, up)
    assert ("shop-db" in shop.api.databases) is ("d1" in kept)
    assert "shop-files" in shop.api.buckets
    left = json.loads((shop.root / "cfpy.state.json").read_text())["environments"][""]["created"]
    assert ", ".join(left) == kept


def test_data_that_another_worker_uses_meanwhile_stays(shop: Stage) -> None:
    def bind(action: Action) -> None:
        if action.key == "worker:shop":
            shop.api.scripts["other"] = []
            bucket = {"type": "r2_bucket", "name": "FILES", "bucket_name": "shop-files"}
            shop.api.bindings["other"] = [bucket]

    with pytest.raises(PlanConflictError, match="r2:shop-files is used by the Worker other"):
        destroy(shop, bind)
    assert "shop-files" in shop.api.buckets


def test_without_anybody_else_all_of_it_goes(shop: Stage) -> None:
    destroy(shop, lambda _: None)
    assert "shop-db" not in shop.api.databases
    assert "shop-files" not in shop.api.buckets
    assert not (shop.root / "cfpy.state.json").exists()
