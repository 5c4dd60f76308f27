"""What is read of an account: from the stand-in for Cloudflare's API, called in place."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from account_in_process import InProcess, found, refused
from cfpy.adapters.cloudflare import Account
from cfpy.domain.observed import Found, ObservedIndex, ObservedQueue, ObservedState
from cfpy.domain.project import MetadataIndex, R2Settings, VectorizeIndex
from cfpy.domain.resources import D1Database, DesiredState, KVNamespace, Queue, R2Bucket
from cfpy.errors import CloudflareError, NotAuthenticatedError
from cloudflare_api import ACCOUNT, TOKEN

DB = D1Database("shop-db", "DB", "", ("1.sql",))
RULE = {"allowed": {"origins": ["https://a.test"], "methods": ["GET"]}}


def wants(**kinds: Any) -> DesiredState:
    """What a project wants that has a Worker and nothing else, but for ``kinds``."""
    nothing: dict[str, Any] = dict.fromkeys(
        (
            *("databases", "namespaces", "buckets", "bucket_settings", "queues", "consumed"),
            *("indexes", "datasets", "secrets"),
        ),
        (),
    )
    return DesiredState("shop", "", **{**nothing, "workers_dev": False, **kinds})


@pytest.fixture
def account(cloudflare: InProcess, pauses: list[float]) -> Account:
    return Account(TOKEN, ACCOUNT)


def observe(account: Account, **kinds: Any) -> ObservedState:
    return account.observe(wants(**kinds))


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
    with pytest.raises(NotAuthenticatedError, match="reaches no account") as caught:
        Account(TOKEN)
    assert "Account Settings: Read" in caught.value.hint


# What there is


def test_only_what_the_project_uses_is_asked_for(account: Account, cloudflare: InProcess) -> None:
    cloudflare.api.add_database("shop-db")
    cloudflare.api.scripts["shop"] = ["API_TOKEN"]
    state = observe(account)
    assert cloudflare.asked == ["GET workers/scripts/shop/secrets"]
    assert (state.account_id, state.databases, state.secrets) == (ACCOUNT, {}, {"API_TOKEN"})


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
    api.domains = {"shop.test": "other", "unasked.test": "shop"}
    api.scripts = {"shop": []}
    api.migration_tags = {"shop": "v2"}
    state = observe(
        account,
        databases=(D1Database("shop-db", "DB", ""),),
        namespaces=(KVNamespace("shop-kv", "KV", ""),),
        queues=(Queue("jobs"),),
        buckets=(R2Bucket("files"), R2Bucket("eu-files"), R2Bucket("missing")),
        indexes=(VectorizeIndex("docs"), VectorizeIndex("missing")),
        workers_dev=True,
        custom_domains=("shop.test", "free.test"),
        deleted_classes=(("v3", ("Room",)),),
    )
    assert state == ObservedState(
        account_id=ACCOUNT,
        databases={api.database_id("shop-db"): Found("shop-db", "eu")},
        applied={},
        namespaces={"a" * 32: Found("shop-kv", ""), "b" * 32: Found("theirs", "")},
        buckets={"files": "", "eu-files": "eu"},
        cors={},
        lifecycle={},
        queues={
            "jobs": ObservedQueue(frozenset({"shop"}), frozenset({"sender"})),
            "dead": ObservedQueue(jurisdiction="us"),
        },
        indexes={
            "docs": ObservedIndex(
                768,
                "cosine",
                frozenset({MetadataIndex("lang", "string"), MetadataIndex("year", "number")}),
            )
        },
        secrets=frozenset(),
        subdomain="test",
        domains={"shop.test": "other"},
        migration_tag="v2",
    )


def test_a_large_account_is_read_whole(account: Account, cloudflare: InProcess) -> None:
    cloudflare.api.namespaces = {f"kv{number}": f"{number:032x}" for number in range(201)}
    state = observe(account, namespaces=(KVNamespace("kv200", "KV", ""),))
    assert {item.name for item in state.namespaces.values()} == set(cloudflare.api.namespaces)


def test_a_place_that_the_api_does_not_tell_is_not_made_up(
    account: Account, cloudflare: InProcess
) -> None:
    cloudflare.instead["queues"] = [found([{"queue_name": "jobs"}])]
    assert observe(account, queues=(Queue("jobs"),)).queues["jobs"].jurisdiction is None


def test_the_workers_of_a_queue_by_each_of_their_names(
    account: Account, cloudflare: InProcess
) -> None:
    ends = [{"script": "a"}, {"script_name": "b"}, {"service": "c"}, {"type": "http_pull"}]
    cloudflare.instead["queues"] = [
        found([{"queue_name": "jobs", "consumers": ends, "producers": None}])
    ]
    queue = observe(account, queues=(Queue("jobs"),)).queues["jobs"]
    assert (queue.consumers, queue.producers) == ({"a", "b", "c"}, frozenset())


@pytest.mark.parametrize("status", [404, 410])
def test_an_index_that_is_gone(status: int, account: Account, cloudflare: InProcess) -> None:
    cloudflare.instead["vectorize/v2/indexes/docs"] = [refused(status, 3000)]
    cloudflare.api.add_index("docs", 3, "cosine")
    assert observe(account, indexes=(VectorizeIndex("docs"),)).indexes == {}


def test_before_its_first_deployment_a_worker_has_nothing(
    account: Account, cloudflare: InProcess
) -> None:
    cloudflare.api.subdomain = ""
    cloudflare.instead["workers/services/shop"] = [refused(404, 10090)]
    state = observe(account, workers_dev=True, deleted_classes=(("v1", ("Room",)),))
    assert (state.secrets, state.subdomain, state.migration_tag) == (None, "", "")


READS: list[tuple[str, dict[str, Any]]] = [
    ("workers/scripts/shop/secrets", {}),
    ("workers/subdomain", {"workers_dev": True}),
    ("workers/services/shop", {"deleted_classes": (("v1", ("Room",)),)}),
    ("workers/domains", {"custom_domains": ("a.test",)}),
    ("d1/database", {"databases": (DB,)}),
    ("storage/kv/namespaces", {"namespaces": (KVNamespace("kv", "KV", ""),)}),
    ("queues", {"queues": (Queue("jobs"),)}),
    (
        "r2/buckets/files/cors",
        {
            "buckets": (R2Bucket("files"),),
            "bucket_settings": (R2Settings("files", cors=(RULE,)),),
        },
    ),
    ("vectorize/v2/indexes/docs", {"indexes": (VectorizeIndex("docs"),)}),
]


@pytest.mark.parametrize(
    ("path", "kinds"), [*READS, ("r2/buckets/files", {"buckets": (R2Bucket("files"),)})]
)
def test_what_can_not_be_read_is_never_taken_for_absent(
    path: str, kinds: dict[str, Any], account: Account, cloudflare: InProcess
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
            observe(account, **kinds)


@pytest.mark.parametrize(("path", "kinds"), READS)
@pytest.mark.parametrize("result", [None, "odd", 7])
def test_an_answer_of_another_shape_is_no_bug_of_ours_and_not_absent(
    result: object, path: str, kinds: dict[str, Any], account: Account, cloudflare: InProcess
) -> None:
    cloudflare.instead = {path: [found(result)]}
    with pytest.raises(CloudflareError, match="not as documented"):
        observe(account, **kinds)


# Migrations


def test_migrations_that_a_database_has_had(account: Account, cloudflare: InProcess) -> None:
    id_ = cloudflare.api.add_database("shop-db", "1.sql", "2.sql")
    assert observe(account, databases=(DB,)).applied == {"DB": {"1.sql", "2.sql"}}
    by_id = D1Database("renamed", "DB", id_, ("1.sql",))
    assert observe(account, databases=(by_id,)).applied == {"DB": {"1.sql", "2.sql"}}


def test_a_table_of_migrations_with_any_name(account: Account, cloudflare: InProcess) -> None:
    cloudflare.api.add_database("shop-db")
    table = 'what"; DROP TABLE d1_migrations; --'
    database = cloudflare.api.databases["shop-db"]
    database.execute("CREATE TABLE d1_migrations (name)")
    quoted = table.replace('"', '""')
    database.execute(f'CREATE TABLE "{quoted}" (name TEXT)')
    database.execute(f"INSERT INTO \"{quoted}\" VALUES ('9.sql')")
    item = D1Database("shop-db", "DB", "", ("1.sql",), migrations_table=table)
    assert observe(account, databases=(item,)).applied == {"DB": {"9.sql"}}
    database.execute("SELECT * FROM d1_migrations")


def test_a_database_without_a_table_of_migrations_has_had_none(
    account: Account, cloudflare: InProcess
) -> None:
    cloudflare.api.add_database("shop-db")
    assert observe(account, databases=(DB,)).applied == {"DB": frozenset()}


def test_a_database_that_is_not_there_is_not_asked(account: Account, cloudflare: InProcess) -> None:
    assert observe(account, databases=(DB,)).applied == {}
    assert not [line for line in cloudflare.asked if line.startswith("POST")]


@pytest.mark.parametrize("answer", [refused(404, 7404), refused(403, 10000), refused(400, 7400)])
def test_an_id_of_another_account_is_left_to_the_plan(
    answer: httpx.Response, account: Account, cloudflare: InProcess
) -> None:
    cloudflare.instead["d1/database/of-another/query"] = [answer]
    item = D1Database("shop-db", "DB", "of-another", ("1.sql",))
    assert observe(account, databases=(item,)).applied == {}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(403, 10000, "Authentication error"), NotAuthenticatedError),
        (refused(400, 7500, "database is locked: SQLITE_BUSY"), CloudflareError),
        (refused(400, 7400, "no such table"), CloudflareError),
        (found([]), CloudflareError),
        (found([{"results": [{"id": 1}]}]), CloudflareError),
    ],
)
def test_a_database_that_can_not_be_asked_is_not_taken_for_a_new_one(
    answer: httpx.Response, error: type[Exception], account: Account, cloudflare: InProcess
) -> None:
    id_ = cloudflare.api.add_database("shop-db", "1.sql")
    cloudflare.instead[f"d1/database/{id_}/query"] = [answer]
    with pytest.raises(error):
        observe(account, databases=(DB,))


def test_a_database_that_was_deleted_meanwhile(account: Account, cloudflare: InProcess) -> None:
    id_ = cloudflare.api.add_database("shop-db")
    cloudflare.instead[f"d1/database/{id_}/query"] = [refused(404, 7404)]
    assert observe(account, databases=(DB,)).applied == {}


# Buckets


@pytest.mark.parametrize(("wanted", "there"), [("", "eu"), ("eu", ""), ("eu", "us"), ("us", "us")])
def test_a_bucket_is_found_in_whichever_jurisdiction_it_is(
    wanted: str, there: str, account: Account, cloudflare: InProcess
) -> None:
    cloudflare.api.buckets = ["files"]
    cloudflare.api.jurisdictions = {("r2", "files"): there} if there else {}
    bucket = R2Bucket("files", jurisdiction=wanted)
    assert observe(account, buckets=(bucket,)).buckets == {"files": there}


def test_the_wanted_one_of_two_buckets_of_a_name_counts(
    account: Account, cloudflare: InProcess
) -> None:
    cloudflare.instead["r2/buckets/files"] = [found({"name": "files"})] * 2
    wanted = (R2Bucket("files", jurisdiction="us"),)
    assert observe(account, buckets=wanted).buckets == {"files": "us"}
    [asked] = [request for request in cloudflare.requests if "/r2/" in request.url.path]
    assert asked.headers["cf-r2-jurisdiction"] == "us"


def test_jurisdictions_that_an_account_does_not_have_hold_no_bucket(
    account: Account, cloudflare: InProcess
) -> None:
    no = refused(403, 10000, "not entitled")
    cloudflare.instead["r2/buckets/files"] = [refused(404, 10006), no, refused(400, 10005), no]
    assert observe(account, buckets=(R2Bucket("files"),)).buckets == {}


def test_rules_of_buckets_are_read_where_the_project_has_some(
    account: Account, cloudflare: InProcess
) -> None:
    api = cloudflare.api
    api.buckets = ["files", "logs"]
    api.jurisdictions = {("r2", "files"): "eu"}
    api.rules["cors"]["files"] = [RULE]
    state = observe(
        account,
        buckets=(R2Bucket("files", jurisdiction="eu"), R2Bucket("logs")),
        bucket_settings=(
            R2Settings("files", cors=(RULE,), lifecycle=({"id": "x"},)),
            R2Settings("logs", cors=(RULE,)),
        ),
    )
    # R2 answers 404 for a bucket that has had no CORS rules.
    assert state.cors == {"files": [RULE], "logs": ()}
    assert [rule["id"] for rule in state.lifecycle["files"]] == ["Default Multipart Abort Rule"]
    assert "GET r2/buckets/logs/lifecycle" not in cloudflare.asked


# What is live


def deployed(*versions: tuple[str, float]) -> httpx.Response:
    shares = [{"version_id": id_, "percentage": share} for id_, share in versions]
    return found({"deployments": [{"versions": shares}, {"versions": []}]})


def test_the_live_version_is_the_one_with_most_requests(
    account: Account, cloudflare: InProcess
) -> None:
    first, second = ("00000000-0000-0000-0000-00000000000" + n for n in "12")
    cloudflare.api.scripts = {"shop": []}
    cloudflare.instead["workers/scripts/shop/deployments"] = [deployed((first, 10), (second, 90))]
    assert account.live_version("shop") == second


def test_what_is_not_deployed_has_no_live_version(account: Account, cloudflare: InProcess) -> None:
    assert account.live_version("shop") == ""
    # Its first secret has created it: no code of the project is live.
    cloudflare.api.scripts = {"shop": ["API_TOKEN"]}
    assert account.live_version("shop") == ""
    cloudflare.instead["workers/scripts/shop/deployments"] = [found({"deployments": []})]
    assert account.live_version("shop") == ""


@pytest.mark.parametrize(
    "answer", [refused(400, 10001), found({}), found({"deployments": [{"versions": []}]})]
)
def test_a_live_version_that_can_not_be_told_is_an_error(
    answer: httpx.Response, account: Account, cloudflare: InProcess
) -> None:
    cloudflare.instead["workers/scripts/shop/deployments"] = [answer]
    with pytest.raises(CloudflareError):
        account.live_version("shop")


def test_bindings_of_the_live_version(account: Account, cloudflare: InProcess) -> None:
    cloudflare.api.scripts = {"shop": [], "bare": []}
    cloudflare.api.bindings["shop"] = [
        {"name": "DB", "type": "d1", "id": "1"},
        {"name": "KV", "type": "kv_namespace", "namespace_id": "2"},
        {"name": "TOKEN", "type": "secret_text"},
    ]
    bound = {"DB": "d1 1", "KV": "kv_namespace 2", "TOKEN": "secret_text"}
    assert account.bindings("shop") == bound
    cloudflare.instead["workers/scripts/bare/settings"] = [found({"bindings": None})]
    assert account.bindings("bare") == {}


def test_users_of_resources_are_the_other_workers(account: Account, cloudflare: InProcess) -> None:
    shared = {"name": "DB", "type": "d1", "id": "1"}
    cloudflare.api.scripts = {"shop": [], "b": [], "a": [], "gone": [], "stub": []}
    cloudflare.api.bindings = {
        "shop": [shared],
        "a": [shared, {**shared, "name": "AGAIN"}],
        "b": [shared, {"name": "Q", "type": "queue", "queue_name": "jobs"}],
    }
    # Deleted since they were listed.
    cloudflare.instead["workers/scripts/gone/settings"] = [refused(404, 10007)]
    cloudflare.instead["workers/scripts/stub/settings"] = [refused(404, 7003)]
    assert account.users("shop") == {"d1 1": ("a", "b"), "queue jobs": ("b",)}


def test_users_that_can_not_be_told_are_an_error(account: Account, cloudflare: InProcess) -> None:
    """Or a database would be deleted that another Worker needs."""
    cloudflare.api.scripts = {"shop": [], "a": []}
    for answer in (refused(400, 10001), found(None)):
        cloudflare.instead["workers/scripts/a/settings"] = [answer]
        with pytest.raises(CloudflareError):
            account.users("shop")


def test_who_would_break_without_a_worker(account: Account, cloudflare: InProcess) -> None:
    references = {
        "services": {"incoming": [{"name": "caller"}, {"name": "shop"}], "pages_function": True},
        "durable_objects": [{"service": "rooms"}, {"service": "shop"}],
        "dispatch_outbounds": [{"service": "platform"}],
    }
    tails = [{"producer": {"script": "tailed"}}, {"producer": {"name": "named"}}]
    cloudflare.instead = {
        "workers/scripts/shop/references": [found(references)],
        "workers/tails/by-consumer/shop": [found(tails)],
    }
    names = ("a Pages project", "caller", "named", "platform", "rooms", "tailed")
    assert account.dependents("shop") == names


def test_nobody_needs_a_worker_that_stands_alone(account: Account, cloudflare: InProcess) -> None:
    cloudflare.api.scripts = {"shop": []}
    assert account.dependents("shop") == ()
    cloudflare.instead["workers/scripts/shop/references"] = [found({"services": None})]
    assert account.dependents("shop") == ()
