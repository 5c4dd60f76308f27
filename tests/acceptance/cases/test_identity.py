"""A resource is one thing for every command, by its id: nothing else is touched or deleted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudflare_api import CloudflareApi

DESTROY = ("--yes", "--delete-data", "--confirm")


@pytest.fixture(autouse=True)
def _locked(case: Path, sdk: Callable[[Path], Path]) -> None:
    sdk(case)


def actions(document: dict[str, Any]) -> dict[str, str]:
    return {action["key"]: action["do"] for action in document["data"]["actions"]}


def refused(cfpy: Any, project: Path, worker: str) -> str:
    """What every command says that refuses, and that they all say the same."""
    code, document = cfpy("plan", project)
    assert code == 7
    [reason] = [item["reason"] for item in document["data"]["actions"] if item["do"] == "conflict"]
    for command in (
        ("provision", "--yes"),
        ("deploy", "--yes"),
        ("destroy", *DESTROY, worker),
    ):
        code, document = cfpy(command[0], project, *command[1:])
        assert (code, document["error"]["code"]) == (7, "plan_conflict"), document
        assert reason in document["error"]["message"]
    code, document = cfpy("status", project)
    assert code == 7
    assert reason in [item["reason"] for item in document["data"]["resources"]]
    return str(reason)


@pytest.mark.case("destroy-wrong-db")
def test_a_database_that_cfpy_did_not_create_is_never_deleted(
    case: Path, cfpy: Any, api: CloudflareApi
) -> None:
    other = api.add_database("precious")
    assert cfpy("provision", case, "--yes")[0] == 0
    config = case / "wrangler.toml"
    config.write_text(config.read_text().replace(api.database_id("till-db"), other))
    mutations = list(api.mutations)
    reason = refused(cfpy, case, "till")
    assert other in reason
    assert "precious" in reason
    assert api.database_id("till-db") in reason
    assert api.mutations == mutations


@pytest.mark.case("destroy-wrong-kv")
def test_a_namespace_that_cfpy_did_not_create_is_never_deleted(
    case: Path, cfpy: Any, api: CloudflareApi
) -> None:
    api.namespaces["precious"] = "f" * 32
    assert cfpy("provision", case, "--yes")[0] == 0
    created = api.namespaces["kiosk-carts"]
    config = case / "wrangler.toml"
    config.write_text(config.read_text().replace(created, "f" * 32))
    mutations = list(api.mutations)
    reason = refused(cfpy, case, "kiosk")
    assert re.search(rf"{'f' * 32}, which the account has as precious; .*{created}", reason)
    assert api.mutations == mutations


@pytest.mark.case("d1-name-differs")
def test_a_database_is_known_by_its_id_whatever_it_is_called(
    case: Path, cfpy: Any, api: CloudflareApi
) -> None:
    identifier = api.add_database("notes-production")
    config = case / "wrangler.toml"
    config.write_text(
        re.sub(r'database_id = ".*"', f'database_id = "{identifier}"', config.read_text())
    )
    code, document = cfpy("plan", case)
    assert (code, actions(document)["d1:notes-production"]) == (0, "keep")
    # Not created by cfpy: it stays unless its own name is given.
    code, document = cfpy("destroy", case, *DESTROY, "notes")
    assert (code, actions(document)["d1:notes-production"]) == (0, "keep")
    code, document = cfpy("destroy", case, *DESTROY, "notes", "--include", "d1:notes-production")
    assert code == 0, document
    assert api.databases == {}


@pytest.mark.case("d1-two-bindings")
def test_two_bindings_of_one_database(case: Path, cfpy: Any, api: CloudflareApi) -> None:
    code, document = cfpy("provision", case, "--yes")
    assert (code, actions(document)["d1:twin-db"]) == (0, "create")
    config = case / "wrangler.toml"
    assert config.read_text().count(api.database_id("twin-db")) == 2
    assert cfpy("plan", case)[0] == 0
    # One of the two gets it back.
    config.write_text(config.read_text().replace(api.database_id("twin-db"), "", 1))
    code, document = cfpy("provision", case, "--yes")
    assert (code, actions(document)["d1:twin-db"]) == (0, "adopt")
    assert cfpy("plan", case)[0] == 0
    assert cfpy("destroy", case, *DESTROY, "twin")[0] == 0
    assert (api.databases, "database_id" in config.read_text()) == ({}, False)


@pytest.mark.case("nameless")
def test_what_has_no_name_gets_wranglers_own(case: Path, cfpy: Any, api: CloudflareApi) -> None:
    config = case / "wrangler.toml"
    config.write_text(config.read_text() + '\n[[d1_databases]]\nbinding = "MY_DB"\n')
    code, document = cfpy("up", case, "--yes", "--health", "")
    assert code == 0, document
    assert (list(api.databases), list(api.namespaces), api.buckets) == (
        ["auto-my-db"],
        ["auto-kv"],
        ["auto-files"],
    )
    assert 'bucket_name = "auto-files"' in config.read_text()
    assert cfpy("plan", case)[0] == 0
    # A database is known by its id alone.
    assert "database_name" not in config.read_text()
    assert cfpy("destroy", case, *DESTROY, "auto")[0] == 0
    assert (api.databases, api.namespaces, api.buckets) == ({}, {}, [])


@pytest.mark.case("vectorize-foreign")
def test_an_index_that_cfpy_toml_does_not_describe(
    case: Path, cfpy: Any, api: CloudflareApi
) -> None:
    code, document = cfpy("plan", case)
    [reason] = [i["reason"] for i in document["data"]["actions"] if i["do"] == "conflict"]
    assert code == 7
    assert "[[vectorize]]" in reason
    api.add_index("kb", 512, "euclidean")
    code, document = cfpy("plan", case)
    assert (code, actions(document)["vectorize:kb"]) == (0, "keep")
    code, document = cfpy("deploy", case, "--yes", "--health", "")
    assert code == 0, document
    assert cfpy("status", case)[0] == 0
    code, document = cfpy("destroy", case, *DESTROY, "kbapp")
    assert (code, actions(document)["vectorize:kb"]) == (0, "keep")


@pytest.mark.case("eu-jurisdiction")
def test_a_bucket_is_created_in_its_jurisdiction(case: Path, cfpy: Any, api: CloudflareApi) -> None:
    code, document = cfpy("up", case, "--yes", "--health", "")
    assert code == 0, document
    assert api.jurisdictions == {("r2", "ledger-files"): "eu"}
    [bucket] = [i for i in document["data"]["plan"]["actions"] if i["kind"] == "r2"]
    assert (bucket["jurisdiction"], "eu" in bucket["reason"]) == ("eu", True)
    assert cfpy("plan", case)[0] == 0
    assert cfpy("destroy", case, *DESTROY, "ledger")[0] == 0
    assert api.buckets == []
    # One of this name in another place is another bucket.
    api.buckets.append("ledger-files")
    assert "default" in refused(cfpy, case, "ledger")


@pytest.mark.case("eu-jurisdiction")
def test_all_that_can_have_a_jurisdiction_or_a_place(
    case: Path, cfpy: Any, api: CloudflareApi
) -> None:
    config = case / "wrangler.toml"
    config.write_text(
        config.read_text()
        + '[[d1_databases]]\nbinding = "DB"\ndatabase_name = "ledger-db"\njurisdiction = "us"\n'
        + '[[d1_databases]]\nbinding = "NEAR"\ndatabase_name = "ledger-near"\n'
        + '[[kv_namespaces]]\nbinding = "CACHE"\n'
        + '[[queues.producers]]\nbinding = "JOBS"\nqueue = "ledger-jobs"\n'
    )
    (case / "cfpy.toml").write_text(
        '[[kv]]\nbinding = "CACHE"\njurisdiction = "eu"\n'
        '[[queues]]\nqueue = "ledger-jobs"\njurisdiction = "fedramp"\n'
        '[[d1]]\ndatabase_name = "ledger-near"\nlocation = "weur"\n'
    )
    code, document = cfpy("provision", case, "--yes")
    assert code == 0, document
    assert api.jurisdictions == {
        ("r2", "ledger-files"): "eu",
        ("d1", "ledger-db"): "us",
        ("kv", "ledger-cache"): "eu",
        ("queues", "ledger-jobs"): "fedramp",
    }
    assert api.hints == {"ledger-near": "weur"}
    assert cfpy("plan", case)[0] == 0
    api.jurisdictions["kv", "ledger-cache"] = "us"
    code, document = cfpy("plan", case)
    assert (code, actions(document)["kv:ledger-cache"]) == (7, "conflict")


@pytest.mark.case("migrations-pattern")
def test_migrations_are_those_that_wrangler_finds(
    case: Path, cfpy: Any, api: CloudflareApi
) -> None:
    code, document = cfpy("provision", case, "--yes")
    [migrations] = [i for i in document["data"]["actions"] if i["kind"] == "d1_migrations"]
    assert (code, migrations["files"]) == (0, ["20260101000000_init/migration.sql"])
    tables = api.databases["orders-db"].execute("SELECT name FROM sqlite_master").fetchall()
    assert ("item",) in tables
    assert cfpy("plan", case)[0] == 0
