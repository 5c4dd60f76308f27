"""The real `cfpy plan` against the stand-in for Cloudflare's API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfpy.tools.toolchain import cache_directory
from cloudflare_api import ACCOUNT, CloudflareApi, Failure

Make = Callable[[str], Path]
Plan = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def plan(cfpy: Any) -> Plan:
    return lambda *arguments, **variables: cfpy("plan", *arguments, **variables)


def actions(document: dict[str, Any]) -> dict[str, str]:
    return {action["key"]: action["do"] for action in document["data"]["actions"]}


RAG = {
    "vectorize:shop-docs": "create",
    "vectorize_metadata_index:shop-docs/lang": "create",
    "vectorize_metadata_index:shop-docs/section": "create",
    "d1:shop-db": "create",
    "d1_migrations:shop-db": "update",
    "workers_dev:test.workers.dev": "keep",
    "secret:API_TOKEN": "create",
    "cron:*/5 * * * *": "deploy",
}


def test_an_empty_account_lacks_everything(make: Make, plan: Plan) -> None:
    code, document = plan(make("rag"))
    assert code == 1
    assert actions(document) == RAG
    assert document["data"]["account_id"] == ACCOUNT


def test_queues_come_with_their_dead_letters(make: Make, plan: Plan) -> None:
    code, document = plan(make("pipeline"))
    assert code == 1
    assert set(actions(document)) == {
        "queue:shop-jobs",
        "queue:shop-jobs-dead-letters",
        "d1:shop-db",
        "d1_migrations:shop-db",
        "r2:shop-files",
        "workers_dev:test.workers.dev",
        "secret:API_TOKENS",
        "secret:WEBHOOK_SECRET",
        "cron:*/10 * * * *",
    }


def test_datasets_need_nothing_and_namespaces_get_a_title(make: Make, plan: Plan) -> None:
    code, document = plan(make("fullstack"))
    found = actions(document)
    assert code == 1
    assert found["kv:shop-cache"] == found["queue:shop-work-dead-letters"] == "create"
    assert found["analytics_engine:shop_events"] == "keep"


def test_a_full_account_lacks_nothing(make: Make, plan: Plan, api: CloudflareApi) -> None:
    project = make("rag")
    identifier = api.add_database(
        "shop-db", "0001_documents.sql", "0002_pending.sql", "0003_text_index.sql", "0005_views.sql"
    )
    api.add_index("shop-docs", 1024, "cosine", lang="string", section="string")
    api.scripts["shop"] = ["API_TOKEN"]
    api.zones.schedules["shop"] = ["*/5 * * * *"]
    config = project / "wrangler.toml"
    name = 'database_name = "shop-db"\n'
    text = config.read_text().replace(name, f'{name}database_id = "{identifier}"\n')
    config.write_text(text)
    code, document = plan(project)
    assert (code, document["data"]["changes"]) == (0, 0)
    assert set(actions(document).values()) == {"keep"}


def test_what_is_there_by_name_is_adopted(make: Make, plan: Plan, api: CloudflareApi) -> None:
    api.add_database("shop-db")
    _, document = plan(make("rag"))
    assert actions(document)["d1:shop-db"] == "adopt"
    assert actions(document)["d1_migrations:shop-db"] == "update"


def test_another_shape_of_an_index_is_a_conflict(
    make: Make, plan: Plan, api: CloudflareApi
) -> None:
    api.add_index("shop-docs", 768, "cosine")
    code, document = plan(make("rag"))
    [conflict] = [a for a in document["data"]["actions"] if a["do"] == "conflict"]
    assert code == 7
    has, wants = conflict["reason"].split("; ")
    assert has == "the account has 768 dimensions, cosine"
    assert wants == "cfpy.toml wants 1024, cosine"


def test_what_passes_is_asked_again(make: Make, plan: Plan, api: CloudflareApi) -> None:
    """A connection that is dropped; answers that pass are in test_api_client.py."""
    api.failures = [Failure(0), Failure(0)]
    code, document = plan(make("rag"))
    assert (code, actions(document)) == (1, RAG)


def test_a_missing_permission_is_named(make: Make, plan: Plan, api: CloudflareApi) -> None:
    api.forbidden = {"vectorize"}
    code, document = plan(make("rag"))
    assert (code, document["error"]["code"]) == (5, "not_authenticated")
    assert "Vectorize: Edit" in document["error"]["hint"]


def test_a_wrong_token_is_told(make: Make, plan: Plan) -> None:
    code, document = plan(make("rag"), CLOUDFLARE_API_TOKEN="wrong")
    assert (code, document["error"]["code"]) == (5, "not_authenticated")


def test_of_several_accounts_one_has_to_be_chosen(
    make: Make, plan: Plan, api: CloudflareApi
) -> None:
    api.accounts["f" * 32] = "Another"
    project = make("rag")
    code, document = plan(project)
    assert (code, document["error"]["code"]) == (5, "not_authenticated")
    assert f"Another ({'f' * 32})" in document["error"]["message"]
    assert plan(project, CLOUDFLARE_ACCOUNT_ID=ACCOUNT)[0] == 1


def test_an_unreachable_api_is_told(make: Make, plan: Plan) -> None:
    code, document = plan(make("rag"), CLOUDFLARE_API_BASE_URL="http://127.0.0.1:9/")
    assert (code, document["error"]["code"]) == (6, "cloudflare")


def test_an_environment_has_what_its_own_tables_say(make: Make, plan: Plan) -> None:
    project = make("rag")
    config = project / "wrangler.toml"
    queue = '\n[[env.staging.queues.producers]]\nbinding = "Q"\nqueue = "shop-staging-q"\n'
    config.write_text(config.read_text() + queue)
    code, document = plan(project, "--env", "staging")
    assert (code, document["data"]["worker"]) == (1, "shop-staging")
    assert "queue:shop-staging-q" in actions(document)
    assert "d1:shop-db" not in actions(document)
    code, document = plan(project, "--env", "prod")
    assert (code, document["error"]["code"]) == (2, "usage")
    assert "staging" in document["error"]["hint"]


def test_that_nobody_is_logged_in_is_told(make: Make, plan: Plan, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    nobody = {"CLOUDFLARE_API_TOKEN": "", "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    nobody["CFPY_CACHE_DIR"] = str(cache_directory())
    code, document = plan(make("rag"), **nobody)
    assert (code, document["error"]["code"]) == (5, "not_authenticated")
    assert "wrangler login" in document["error"]["hint"]


def test_an_account_without_a_workers_dev_subdomain_is_told_where_to_get_one(
    make: Make, plan: Plan, api: CloudflareApi
) -> None:
    api.subdomain = ""
    code, document = plan(make("rag"))
    [action] = [item for item in document["data"]["actions"] if item["kind"] == "workers_dev"]
    assert (code, action["do"]) == (7, "conflict")
    assert "dashboard" in action["reason"]


def test_a_worker_with_routes_needs_no_subdomain(
    make: Make, plan: Plan, api: CloudflareApi
) -> None:
    api.subdomain = ""
    project = make("rag")
    config = project / "wrangler.toml"
    config.write_text('routes = ["shop.example.com/*"]\n' + config.read_text())
    code, document = plan(project)
    assert code == 1
    assert "workers_dev" not in {item["kind"] for item in document["data"]["actions"]}


def test_what_wrangler_would_find_out_too_late_is_said_before(make: Make, plan: Plan) -> None:
    project = make("pipeline")
    config = project / "wrangler.toml"
    config.write_text(config.read_text().replace("max_batch_size = 10", "max_batch_size = 1000", 1))
    code, document = plan(project)
    assert (code, document["error"]["code"]) == (8, "project")
    assert "max_batch_size = 1000" in document["error"]["message"]


def test_another_account_than_the_one_it_lives_in_is_refused(
    make: Make, plan: Plan, cfpy: Any, api: CloudflareApi
) -> None:
    project = make("rag")
    assert cfpy("provision", project, "--yes", API_TOKEN="x")[0] == 0
    other = "f" * 32
    api.accounts[other] = "Other"
    code, document = plan(project, CLOUDFLARE_ACCOUNT_ID=other)
    assert (code, document["error"]["code"]) == (5, "not_authenticated")
    assert ACCOUNT in document["error"]["message"]
    # Two accounts are within reach, and the project says which is meant.
    assert plan(project)[0] == 0
