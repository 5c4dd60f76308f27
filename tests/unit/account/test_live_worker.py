"""What is live in an account, and who needs it: from the stand-in, called in place."""

from __future__ import annotations

import httpx
import pytest

from account_in_process import InProcess, found, refused
from cfpy.account.cloudflare import Account
from cfpy.errors import CloudflareError
from cloudflare_api import ACCOUNT, TOKEN


@pytest.fixture
def account(cloudflare: InProcess, pauses: list[float]) -> Account:
    return Account(TOKEN, ACCOUNT)


# A deployment of nothing.
EMPTY: dict[str, object] = {"id": "1", "versions": []}


def deployed(*versions: tuple[str, float]) -> httpx.Response:
    shares = [{"version_id": id_, "percentage": share} for id_, share in versions]
    return found({"deployments": [{"id": "2", "versions": shares}, EMPTY]})


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
    "answer",
    [refused(400, 10001), found({}), found({"deployments": [EMPTY]})],
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
