"""What leads to a Worker, what somebody changed by hand, and what the token does not show."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from account_in_process import InProcess, refused
from cfpy.account.cloudflare import Account
from cfpy.account.comparison import Comparison, Permission
from cfpy.account.desired import DesiredState
from cfpy.account.diff import diff
from cfpy.account.differences import differences, unseen
from cfpy.account.drift import Drift
from cfpy.account.observed import ObservedState
from cfpy.account.owned.custom_domain import FreeHost, TakenDomain
from cfpy.account.owned.outside import Changing
from cfpy.account.owned.registry import BY_STEP
from cfpy.account.owned.route import ObservedRoute, Route
from cfpy.account.owned.tail_consumer import TailWorkers
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.plan import Action, Do
from cfpy.account.resources import desired_state
from cfpy.account.teardown import teardown
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import CloudflareError
from cloudflare_api import ACCOUNT, TOKEN, CloudflareApi

HEAD = 'name = "shop"\nmain = "index.js"\ncompatibility_date = "2026-11-17"\n'
ZONE = "zone-of-shop"
WORKER = ObservedWorker("shop")
Wants = Callable[..., DesiredState]


@pytest.fixture(params=["wrangler.toml", "wrangler.jsonc"])
def wants(tmp_path: Path, request: pytest.FixtureRequest) -> Wants:
    """What an environment needs, from a configuration in either format."""

    def wants_(text: str, environment: str = "") -> DesiredState:
        whole = HEAD + text
        content = whole if request.param.endswith(".toml") else json.dumps(tomllib.loads(whole))
        (tmp_path / request.param).write_text(content)
        return desired_state(load_project(tmp_path), environment)

    return wants_


@pytest.fixture
def account(cloudflare: InProcess, pauses: list[float]) -> Account:
    del cloudflare, pauses
    return Account(TOKEN, ACCOUNT)


@pytest.fixture
def api(cloudflare: InProcess) -> CloudflareApi:
    """An account with a deployed Worker and a zone."""
    api = cloudflare.api
    api.scripts["shop"] = []
    api.live["shop"] = "00000000-0000-0000-0000-000000000001"
    api.zones.names = {"shop.test": ZONE}
    api.zones.routes = {ZONE: {}}
    return api


def steps(account: Account, desired: DesiredState) -> dict[str, tuple[str, str]]:
    """What is done with what leads to the Worker, and why, by key."""
    plan = diff(desired, account.observe(desired), {"worker:shop": ""})
    return {item.key: (str(item.do), item.reason) for item in plan.actions}


def drifts(account: Account, desired: DesiredState) -> dict[str, Drift]:
    now = Comparison(desired, account.observe(desired, thorough=True), {"worker:shop": ""})
    plan = diff(desired, now.observed, now.created)
    return {f"{i.kind}:{i.name}": i for i in differences(now, plan, "v1", {})}


@pytest.mark.parametrize(
    ("text", "environment", "patterns"),
    [
        ('route = "a.test/*"', "", ["a.test/*"]),
        (
            'routes = ["a.test/*", { pattern = "b.test/x", zone_id = "z" }]',
            "",
            ["a.test/*", "b.test/x"],
        ),
        ('route = "a.test/*"\n[env.staging]', "staging", ["a.test/*"]),
        ('route = "a.test/*"\n[env.staging]\nroutes = []', "staging", []),
        ('routes = ["a.test/*"]\n[env.staging]\nroutes = ["s.test/*"]', "staging", ["s.test/*"]),
        ('routes = [{ pattern = "a.test", custom_domain = true }]', "", []),
        ('route = ""', "", []),
    ],
)
def test_an_environment_has_the_routes_that_wrangler_gives_it(
    text: str, environment: str, patterns: list[str], wants: Wants
) -> None:
    found = wants(text, environment).all(Route)
    assert [item.pattern for item in found] == patterns
    assert all(
        item.inherited == (environment != "" and "s.test" not in item.pattern) for item in found
    )


def test_a_route_is_looked_up_in_its_zone(
    wants: Wants, account: Account, api: CloudflareApi
) -> None:
    api.zones.routes[ZONE] = {
        "deep.shop.test/*": "shop",
        "shop.test/b/*": "website",
        "shop.test/c": "",
    }
    desired = wants(
        'routes = ["*.deep.shop.test/*", "deep.shop.test/*", "shop.test/b/*", "shop.test/c", '
        f'{{ pattern = "shop.test/d", zone_id = "{ZONE}" }}]'
    )
    found = steps(account, desired)
    assert found["route:deep.shop.test/*"][0] == "keep"
    assert found["route:*.deep.shop.test/*"] == found["route:shop.test/d"] == ("deploy", "new")
    do, reason = found["route:shop.test/b/*"]
    assert do == "conflict"
    assert "it leads to the Worker website" in reason
    assert found["route:shop.test/c"][0] == "conflict"


def test_a_route_that_is_no_longer_in_the_file_is_shown_as_removed(
    wants: Wants, account: Account, api: CloudflareApi
) -> None:
    api.zones.routes[ZONE] = {"shop.test/old": "shop"}
    found = steps(account, wants('route = "shop.test/*"'))
    assert found["route:shop.test/old"] == ("deploy", "not in the configuration: it is removed")
    # Without any route, a deployment leaves it.
    assert "route:shop.test/old" not in steps(account, wants(""))
    [item] = [
        i for k, i in drifts(account, wants("workers_dev = true")).items() if k.startswith("route:")
    ]
    assert item.revert == "Delete it in the dashboard, under Workers Routes of the zone."


def test_an_environment_that_inherits_productions_route_gets_told(
    wants: Wants, account: Account, api: CloudflareApi
) -> None:
    api.zones.routes[ZONE] = {"shop.test/*": "shop"}
    api.scripts["shop-staging"] = []
    desired = wants('route = "shop.test/*"\n[env.staging]', "staging")
    do, reason = steps(account, desired)["route:shop.test/*"]
    assert do == "conflict"
    assert "the environment staging inherits it from the top level" in reason


@pytest.mark.parametrize(
    ("hide", "said"),
    [
        (lambda api: api.zones.names.clear(), "the token sees no such zone"),
        (lambda api: api.zones.hidden.add(ZONE), "the token may not read them"),
    ],
)
def test_a_zone_that_the_token_does_not_show_stops_nothing_and_is_named(
    hide: Callable[[CloudflareApi], Any],
    said: str,
    wants: Wants,
    account: Account,
    api: CloudflareApi,
) -> None:
    hide(api)
    desired = wants('route = "shop.test/*"')
    do, reason = steps(account, desired)["route:shop.test/*"]
    assert do == "keep"
    assert said in reason
    now = Comparison(desired, account.observe(desired, thorough=True))
    assert any(said in line for line in unseen(now))


def test_an_outage_is_not_taken_for_a_missing_permission(
    wants: Wants, account: Account, api: CloudflareApi, cloudflare: InProcess, pauses: list[float]
) -> None:
    del pauses
    cloudflare.instead["workers/scripts/shop/schedules"] = [refused(500, 10001)] * 4
    with pytest.raises(CloudflareError):
        account.observe(wants('[triggers]\ncrons = ["0 3 * * *"]'))


DOMAIN = 'routes = [{ pattern = "api.shop.test", custom_domain = true }]'


def test_a_custom_domain_does_not_replace_a_dns_record(
    wants: Wants, account: Account, api: CloudflareApi
) -> None:
    key = "custom_domain:api.shop.test"
    assert steps(account, wants(DOMAIN))[key] == ("deploy", "new")
    api.zones.records = {"api.shop.test"}
    do, reason = steps(account, wants(DOMAIN))[key]
    assert do == "conflict"
    assert "the zone has a DNS record for it" in reason
    api.domains = {"api.shop.test": "shop", "extra.shop.test": "shop"}
    found = steps(account, wants(DOMAIN))
    assert found[key][0] == "keep"
    assert found["custom_domain:extra.shop.test"][1].startswith(
        "not in the configuration: it is det"
    )
    api.domains["api.shop.test"] = "website"
    assert steps(account, wants(DOMAIN))[key] == ("deploy", "taken from the Worker website")


def test_before_the_worker_exists_a_dns_record_is_a_notice(
    wants: Wants, account: Account, api: CloudflareApi
) -> None:
    api.scripts.clear()
    desired = wants(DOMAIN)
    plan = diff(desired, account.observe(desired), {})
    assert any("replaces the DNS record that it has, if any" in line for line in plan.notices)


@pytest.mark.parametrize(
    ("text", "steps_", "drift"),
    [
        ("", {}, ["cron:*/5 * * * *"]),
        ("[triggers]\ncrons = []", {"cron:*/5 * * * *": "deploy"}, ["cron:*/5 * * * *"]),
        ('[triggers]\ncrons = ["*/5 * * * *"]', {"cron:*/5 * * * *": "keep"}, []),
        (
            '[triggers]\ncrons = ["0 3 * * *"]',
            {"cron:0 3 * * *": "deploy", "cron:*/5 * * * *": "deploy"},
            ["cron:*/5 * * * *", "cron:0 3 * * *"],
        ),
    ],
)
def test_schedules(
    text: str,
    steps_: dict[str, str],
    drift: list[str],
    wants: Wants,
    account: Account,
    api: CloudflareApi,
) -> None:
    api.zones.schedules["shop"] = ["*/5 * * * *"]
    found = {k: do for k, (do, _) in steps(account, wants(text)).items() if k.startswith("cron:")}
    assert found == steps_
    assert sorted(k for k in drifts(account, wants(text)) if k.startswith("cron:")) == drift


def test_schedules_are_inherited_and_tail_workers_are_not(wants: Wants) -> None:
    text = 'tail_consumers = [{ service = "watcher" }]\n[triggers]\ncrons = ["0 3 * * *"]\n'
    own = text + "[env.staging]\n[env.staging.triggers]\n"
    observed = ObservedState(ACCOUNT)
    for whole, environment, expected in (
        (text, "", ["cron", "tail_consumer"]),
        (text + "[env.staging]\n", "staging", ["cron"]),
        (own, "staging", []),
    ):
        plan = diff(wants(whole, environment), observed, {})
        assert [item.kind for item in plan.deploys] == expected


def test_a_streaming_tail_worker_that_the_account_does_not_show(wants: Wants) -> None:
    desired = wants('streaming_tail_consumers = [{ service = "watcher" }]')
    live = ObservedState.of(
        ACCOUNT, [WORKER, TailWorkers("shop", (("tail_consumers", frozenset()),))]
    )
    [action] = [i for i in diff(desired, live, {}).actions if i.kind == "streaming_tail_consumer"]
    assert (action.do, "the account does not show it" in action.reason) == (Do.KEEP, True)


@pytest.mark.parametrize(
    ("text", "live", "expected"),
    [
        ("workers_dev = false", (True, True), {"workers_dev:shop": "deploy"}),
        ("workers_dev = false", (False, False), {}),
        ("workers_dev = true", (False, False), {"workers_dev:test.workers.dev": "deploy"}),
        (
            "preview_urls = false",
            (True, True),
            {"preview_urls:shop": "deploy", "workers_dev:test.workers.dev": "keep"},
        ),
        ("preview_urls = true", (True, True), {"workers_dev:test.workers.dev": "keep"}),
        # Without a key, the routes decide.
        ("", (False, False), {"workers_dev:test.workers.dev": "deploy"}),
        (
            'routes = ["shop.test/*"]',
            (True, True),
            {"route:shop.test/*": "deploy", "workers_dev:shop": "deploy"},
        ),
    ],
)
def test_addresses_on_workers_dev(
    text: str,
    live: tuple[bool, bool],
    expected: dict[str, str],
    wants: Wants,
    account: Account,
    api: CloudflareApi,
) -> None:
    api.zones.on_workers_dev["shop"] = live
    found = {key: do for key, (do, _) in steps(account, wants(text)).items()}
    assert found == expected


def test_variables_that_a_deployment_keeps_are_no_drift(
    wants: Wants, account: Account, api: CloudflareApi
) -> None:
    api.bindings["shop"] = [{"type": "plain_text", "name": "BY_HAND", "text": "x"}]
    assert "variable:BY_HAND" in drifts(account, wants(""))
    assert "variable:BY_HAND" not in drifts(account, wants("keep_vars = true"))


def test_a_project_without_a_deployment_differs_by_one_line(wants: Wants) -> None:
    now = Comparison(wants('route = "a.test/*"'), ObservedState(ACCOUNT))
    [item] = differences(now, diff(now.desired, now.observed, {}), "", {})
    assert (item.kind, item.message) == ("worker", "nothing is deployed")


def test_what_leads_to_a_worker_goes_with_it_or_stays_with_it(wants: Wants) -> None:
    desired = wants('routes = ["a.test/*", { pattern = "b.test", custom_domain = true }]')
    found = (WORKER, ObservedRoute("a.test/*", "shop"), ObservedRoute("a.test/x", "website"))
    observed = ObservedState.of(
        ACCOUNT, [*found, TakenDomain("b.test", "shop"), FreeHost("c", False)]
    )
    for created, do in (({"worker:shop": ""}, Do.DELETE), ({}, Do.KEEP)):
        plan = teardown(desired, observed, Permission(created, frozenset(), data=False))
        keys = ["worker:shop", "custom_domain:b.test", "route:a.test/*"]
        assert [(item.key, item.do) for item in plan.actions] == [(key, do) for key in keys]


@pytest.mark.parametrize("kind", ["route", "custom_domain"])
def test_what_still_leads_to_a_deleted_worker_is_named(kind: str, tmp_path: Path) -> None:
    nothing: Any = None
    changing = Changing(nothing, tmp_path, DesiredState("shop", ""), lambda: ObservedState(ACCOUNT))
    with pytest.raises(
        CloudflareError, match="shop is deleted, but the account still has"
    ) as error:
        BY_STEP[kind].delete(changing, Action(Do.DELETE, kind, "a.test/*", "", id="a.test/*"))
    assert "in the dashboard" in error.value.hint


def test_what_adopts_a_difference_is_an_edit_with_its_value(
    wants: Wants, account: Account, api: CloudflareApi
) -> None:
    api.zones.schedules["shop"] = ["*/5 * * * *"]
    api.zones.routes[ZONE] = {"shop.test/old": "shop"}
    for text in ("", '[triggers]\ncrons = ["0 3 * * *"]'):
        found = drifts(account, wants(text))["cron:*/5 * * * *"]
        assert found.adopt.startswith('Set `crons = ["*/5 * * * *"]` in [triggers]')
    without = drifts(account, wants(""))["route:shop.test/old"]
    assert without.adopt.startswith('Set `routes = ["shop.test/old"]`')
    found_routes = drifts(account, wants('routes = ["shop.test/new"]'))
    assert found_routes["route:shop.test/old"].adopt.startswith('Add "shop.test/old" to `routes`')
    assert found_routes["route:shop.test/new"].adopt.startswith('Remove "shop.test/new" from')
