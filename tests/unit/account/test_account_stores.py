"""What is read of databases' migrations, and of buckets."""

from __future__ import annotations

import httpx
import pytest

from account_in_process import InProcess, found, observe, refused
from cfpy.account.cloudflare import Account
from cfpy.account.owned.d1 import AppliedMigrations, D1Database
from cfpy.account.owned.r2 import ObservedBucket, R2Bucket
from cfpy.errors import CloudflareError, NotAuthenticatedError
from cloudflare_api import ACCOUNT, TOKEN

DB = D1Database("shop-db", "DB", "", ("1.sql",))
RULE = {"allowed": {"origins": ["https://a.test"], "methods": ["GET"]}}


@pytest.fixture
def account(cloudflare: InProcess, pauses: list[float]) -> Account:
    return Account(TOKEN, ACCOUNT)


def applied(account: Account, database: D1Database) -> dict[str, frozenset[str]]:
    """The migrations that the account shows for the bindings of databases."""
    found = observe(account, database).all(AppliedMigrations)
    return {binding: item.names for binding, item in found.items()}


def buckets(account: Account, bucket: R2Bucket) -> dict[str, str]:
    """The jurisdictions of the buckets that the account shows."""
    found = observe(account, bucket).all(ObservedBucket)
    return {name: item.jurisdiction for name, item in found.items()}


def test_migrations_that_a_database_has_had(account: Account, cloudflare: InProcess) -> None:
    id_ = cloudflare.api.add_database("shop-db", "1.sql", "2.sql")
    assert applied(account, DB) == {"DB": {"1.sql", "2.sql"}}
    by_id = D1Database("renamed", "DB", id_, ("1.sql",))
    assert applied(account, by_id) == {"DB": {"1.sql", "2.sql"}}


def test_a_table_of_migrations_with_any_name(account: Account, cloudflare: InProcess) -> None:
    cloudflare.api.add_database("shop-db")
    table = 'what"; DROP TABLE d1_migrations; --'
    database = cloudflare.api.databases["shop-db"]
    database.execute("CREATE TABLE d1_migrations (name)")
    quoted = table.replace('"', '""')
    database.execute(f'CREATE TABLE "{quoted}" (name TEXT)')
    database.execute(f"INSERT INTO \"{quoted}\" VALUES ('9.sql')")
    item = D1Database("shop-db", "DB", "", ("1.sql",), migrations_table=table)
    assert applied(account, item) == {"DB": {"9.sql"}}
    database.execute("SELECT * FROM d1_migrations")


def test_a_database_without_a_table_of_migrations_has_had_none(
    account: Account, cloudflare: InProcess
) -> None:
    cloudflare.api.add_database("shop-db")
    assert applied(account, DB) == {"DB": frozenset()}


def test_a_database_that_is_not_there_is_not_asked(account: Account, cloudflare: InProcess) -> None:
    assert applied(account, DB) == {}
    assert not [line for line in cloudflare.asked if line.startswith("POST")]


@pytest.mark.parametrize("answer", [refused(404, 7404), refused(403, 10000), refused(400, 7400)])
def test_an_id_of_another_account_is_left_to_the_plan(
    answer: httpx.Response, account: Account, cloudflare: InProcess
) -> None:
    cloudflare.instead["d1/database/of-another/query"] = [answer]
    item = D1Database("shop-db", "DB", "of-another", ("1.sql",))
    assert applied(account, item) == {}


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
        observe(account, DB)


def test_a_database_that_was_deleted_meanwhile(account: Account, cloudflare: InProcess) -> None:
    id_ = cloudflare.api.add_database("shop-db")
    cloudflare.instead[f"d1/database/{id_}/query"] = [refused(404, 7404)]
    assert applied(account, DB) == {}


# Buckets


@pytest.mark.parametrize(("wanted", "there"), [("", "eu"), ("eu", ""), ("eu", "us"), ("us", "us")])
def test_a_bucket_is_found_in_whichever_jurisdiction_it_is(
    wanted: str, there: str, account: Account, cloudflare: InProcess
) -> None:
    cloudflare.api.buckets = ["files"]
    cloudflare.api.jurisdictions = {("r2", "files"): there} if there else {}
    bucket = R2Bucket("files", jurisdiction=wanted)
    assert buckets(account, bucket) == {"files": there}


def test_the_wanted_one_of_two_buckets_of_a_name_counts(
    account: Account, cloudflare: InProcess
) -> None:
    cloudflare.instead["r2/buckets/files"] = [found({"name": "files"})] * 2
    wanted = R2Bucket("files", jurisdiction="us")
    assert buckets(account, wanted) == {"files": "us"}
    [asked] = [request for request in cloudflare.requests if "/r2/" in request.url.path]
    assert asked.headers["cf-r2-jurisdiction"] == "us"


def test_jurisdictions_that_an_account_does_not_have_hold_no_bucket(
    account: Account, cloudflare: InProcess
) -> None:
    no = refused(403, 10000, "not entitled")
    cloudflare.instead["r2/buckets/files"] = [refused(404, 10006), no, refused(400, 10005), no]
    assert buckets(account, R2Bucket("files")) == {}


def test_rules_of_buckets_are_read_where_the_project_has_some(
    account: Account, cloudflare: InProcess
) -> None:
    api = cloudflare.api
    api.buckets = ["files", "logs"]
    api.jurisdictions = {("r2", "files"): "eu"}
    api.rules["cors"]["files"] = [RULE]
    state = observe(
        account,
        R2Bucket("files", jurisdiction="eu", cors=(RULE,), lifecycle=({"id": "x"},)),
        R2Bucket("logs", cors=(RULE,)),
    )
    files, logs = state.all(ObservedBucket).values()
    # R2 answers 404 for a bucket that has had no CORS rules.
    assert (files.cors, logs.cors) == ([RULE], ())
    assert [rule["id"] for rule in files.lifecycle] == ["Default Multipart Abort Rule"]
    assert "GET r2/buckets/logs/lifecycle" not in cloudflare.asked
