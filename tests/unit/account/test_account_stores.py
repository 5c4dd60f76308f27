"""What is read of databases' migrations, and of buckets."""

from __future__ import annotations

import httpx
import pytest

from account_in_process import InProcess, found, observe, refused
from cfpy.account.cloudflare import Account
from cfpy.account.resources import D1Database, R2Bucket
from cfpy.errors import CloudflareError, NotAuthenticatedError
from cfpy.project.project import R2Settings
from cloudflare_api import ACCOUNT, TOKEN

DB = D1Database("shop-db", "DB", "", ("1.sql",))
RULE = {"allowed": {"origins": ["https://a.test"], "methods": ["GET"]}}


@pytest.fixture
def account(cloudflare: InProcess, pauses: list[float]) -> Account:
    return Account(TOKEN, ACCOUNT)


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
