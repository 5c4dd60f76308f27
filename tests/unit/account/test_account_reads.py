"""What is read of an account: from the stand-in for Cloudflare's API, called in place."""

from __future__ import annotations

import httpx
import pytest

from account_in_process import InProcess, found, observe, refused
from cfpy.account.cloudflare import Account
from cfpy.account.observed import ObservedState
from cfpy.account.owned.class_migration import ClassMigration, MigrationTag
from cfpy.account.owned.custom_domain import CustomDomain, FreeHost, TakenDomain
from cfpy.account.owned.d1 import D1Database, FoundDatabase
from cfpy.account.owned.kv import FoundNamespace, KVNamespace
from cfpy.account.owned.queue import ConsumerSettings, ObservedQueue, Queue
from cfpy.account.owned.r2 import ObservedBucket, R2Bucket
from cfpy.account.owned.vectorize import ObservedIndex
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.owned.workers_dev import LiveAddresses, OnWorkersDev, Subdomain
from cfpy.errors import CloudflareError, NotAuthenticatedError
from cfpy.project.project import MetadataIndex, VectorizeIndex
from cloudflare_api import ACCOUNT, TOKEN

DB = D1Database("shop-db", "DB", "", ("1.sql",))
RULE = {"allowed": {"origins": ["https://a.test"], "methods": ["GET"]}}


@pytest.fixture
def account(cloudflare: InProcess, pauses: list[float]) -> Account:
    return Account(TOKEN, ACCOUNT)


# Which account


def test_the_only_account_is_taken(cloudflare: InProcess) -> None:
    assert Account(TOKEN).id == ACCOUNT
    assert Account(TOKEN, "another").id == "another"
    assert cloudflare.asked == ["GET accounts"]


def test_of_several_accounts_none_is_guessed(cloudflare: InProcess) -> None:
    cloudflare.api.accounts["f" * 32] = "Work"
    with pytest.raises(NotAuthenticatedError, match=rf"Test \({ACCOUNT}\), Work \(f+\)") as caught:
        Account(TOKEN)
    assert "CLOUDFLARE_ACCOUNT_ID" in caught.value.hint


def test_a_token_for_no_account_is_told_what_it_lacks(cloudflare: InProcess) -> None:
    cloudflare.api.accounts.clear()
    with pytest.raises(NotAuthenticatedError, match="has access to no account") as caught:
        Account(TOKEN)
    assert "Account Settings: Read" in caught.value.hint


# What there is


def test_only_what_the_project_uses_is_asked_for(account: Account, cloudflare: InProcess) -> None:
    cloudflare.api.add_database("shop-db")
    cloudflare.api.scripts["shop"] = ["API_TOKEN"]
    state = observe(account)
    assert sorted(cloudflare.asked) == [
        "GET workers/scripts/shop/secrets",
        "GET workers/scripts/shop/subdomain",
    ]
    worker = ObservedWorker("shop", frozenset({"API_TOKEN"}))
    addresses = state.get(LiveAddresses, "shop")
    assert addresses
    assert state == ObservedState.of(ACCOUNT, [worker, addresses])


def test_everything_is_found_wherever_it_is(account: Account, cloudflare: InProcess) -> None:
    api = cloudflare.api
    api.add_database("shop-db")
    api.namespaces = {"shop-kv": "a" * 32, "theirs": "b" * 32}
    api.queues = {"jobs": "1", "dead": "2"}
    api.consumers = {"jobs": "shop"}
    api.bindings = {"sender": [{"type": "queue", "queue_name": "jobs"}]}
    api.buckets = ["files", "eu-files"]
    api.jurisdictions = {
        ("d1", "shop-db"): "eu",
        ("queues", "dead"): "us",
        ("r2", "eu-files"): "eu",
    }
    api.add_index("docs", 768, "cosine", lang="string", year="number")
    api.zones.names, api.zones.records = {"test": "zone"}, {"free.test"}
    api.domains = {"shop.test": "other", "unasked.test": "shop"}
    api.scripts = {"shop": []}
    api.migration_tags = {"shop": "v2"}
    state = observe(
        account,
        D1Database("shop-db", "DB", ""),
        KVNamespace("shop-kv", "KV", ""),
        Queue("jobs"),
        *(R2Bucket("files"), R2Bucket("eu-files"), R2Bucket("missing")),
        *(VectorizeIndex("docs"), VectorizeIndex("missing")),
        OnWorkersDev(),
        *(CustomDomain("shop.test"), CustomDomain("free.test")),
        ClassMigration("v3", ("Room",)),
    )
    metadata = frozenset({MetadataIndex("lang", "string"), MetadataIndex("year", "number")})
    assert state == ObservedState.of(
        ACCOUNT,
        [
            FoundDatabase(api.database_id("shop-db"), "shop-db", "eu"),
            FoundNamespace("a" * 32, "shop-kv", ""),
            FoundNamespace("b" * 32, "theirs", ""),
            ObservedBucket("files"),
            ObservedBucket("eu-files", "eu"),
            ObservedQueue(
                "jobs",
                frozenset({"shop"}),
                frozenset({"sender"}),
                consumer_settings=(("shop", ConsumerSettings((), "")),),
            ),
            ObservedQueue("dead", jurisdiction="us"),
            ObservedIndex("docs", 768, "cosine", metadata),
            ObservedWorker("shop"),
            *(Subdomain("test"), state.all(LiveAddresses)["shop"]),
            *(TakenDomain("shop.test", "other"), TakenDomain("unasked.test", "shop")),
            FreeHost("free.test", record=True),
            MigrationTag("shop", "v2"),
        ],
    )


def test_a_large_account_is_read_whole(account: Account, cloudflare: InProcess) -> None:
    cloudflare.api.namespaces = {f"kv{number}": f"{number:032x}" for number in range(201)}
    state = observe(account, KVNamespace("kv200", "KV", ""))
    assert {item.name for item in state.all(FoundNamespace).values()} == set(
        cloudflare.api.namespaces
    )


def test_a_place_that_the_api_does_not_tell_is_not_made_up(
    account: Account, cloudflare: InProcess
) -> None:
    cloudflare.instead["queues"] = [found([{"queue_name": "jobs"}])]
    [queue] = observe(account, Queue("jobs")).all(ObservedQueue).values()
    assert queue.jurisdiction is None


def test_the_workers_of_a_queue_by_each_of_their_names(
    account: Account, cloudflare: InProcess
) -> None:
    ends = [{"script": "a"}, {"script_name": "b"}, {"service": "c"}, {"type": "http_pull"}]
    cloudflare.instead["queues"] = [
        found([{"queue_name": "jobs", "consumers": ends, "producers": None}])
    ]
    [queue] = observe(account, Queue("jobs")).all(ObservedQueue).values()
    assert (queue.consumers, queue.producers) == ({"a", "b", "c"}, frozenset())


@pytest.mark.parametrize("status", [404, 410])
def test_an_index_that_is_gone(status: int, account: Account, cloudflare: InProcess) -> None:
    cloudflare.instead["vectorize/v2/indexes/docs"] = [refused(status, 3000)]
    cloudflare.api.add_index("docs", 3, "cosine")
    assert observe(account, VectorizeIndex("docs")).all(ObservedIndex) == {}


def test_before_its_first_deployment_a_worker_has_nothing(
    account: Account, cloudflare: InProcess
) -> None:
    cloudflare.api.subdomain = ""
    cloudflare.instead["workers/services/shop"] = [refused(404, 10090)]
    state = observe(account, OnWorkersDev(), ClassMigration("v1", ("Room",)))
    assert state == ObservedState(ACCOUNT)


READS: list[tuple[str, tuple[object, ...]]] = [
    ("workers/scripts/shop/secrets", ()),
    ("workers/subdomain", (OnWorkersDev(),)),
    ("workers/services/shop", (ClassMigration("v1", ("Room",)),)),
    ("workers/domains", (CustomDomain("a.test"),)),
    ("d1/database", (DB,)),
    ("storage/kv/namespaces", (KVNamespace("kv", "KV", ""),)),
    ("queues", (Queue("jobs"),)),
    ("r2/buckets/files/cors", (R2Bucket("files", cors=(RULE,)),)),
    ("vectorize/v2/indexes/docs", (VectorizeIndex("docs"),)),
]


@pytest.mark.parametrize(("path", "wanted"), [*READS, ("r2/buckets/files", (R2Bucket("files"),))])
def test_what_can_not_be_read_is_never_taken_for_absent(
    path: str, wanted: tuple[object, ...], account: Account, cloudflare: InProcess
) -> None:
    """Or a plan would create it once more."""
    failures: list[tuple[httpx.Response | Exception, type[Exception]]] = [
        (refused(500, 10001, "Oops"), CloudflareError),
        (refused(400, 7400, "Malformed"), CloudflareError),
        (refused(403, 10000, "Authentication error"), NotAuthenticatedError),
        (httpx.ConnectError("lost"), CloudflareError),
    ]
    for failure, error in failures:
        cloudflare.instead = {path: [failure] * 4}
        with pytest.raises(error):
            observe(account, *wanted)


@pytest.mark.parametrize(("path", "wanted"), READS)
@pytest.mark.parametrize("result", [None, "odd", 7])
def test_an_answer_of_another_shape_is_no_bug_of_ours_and_not_absent(
    result: object, path: str, wanted: tuple[object, ...], account: Account, cloudflare: InProcess
) -> None:
    cloudflare.instead = {path: [found(result)]}
    with pytest.raises(CloudflareError, match="not as documented"):
        observe(account, *wanted)
