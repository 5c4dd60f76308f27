"""A token's policies against what a project needs, and what `cfpy doctor` says about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cloudflare_zones import TOKEN_ID

from cfpy.account.session import open_session
from cfpy.account.token_check import TokenComparison, compare
from cfpy.account.token_checks import token_findings
from cfpy.account.token_permissions import Needed
from cfpy.bindings.finding import Finding
from cloudflare_api import ACCOUNT, TOKEN
from preview_stage import Stage

HERE = f"com.cloudflare.api.account.{ACCOUNT}"
ZONE = "com.cloudflare.api.account.zone.z"
NEEDED = (
    Needed("D1", "Account", "DB", {"plan": "Read", "provision": "Edit", "deploy": "Read"}),
    Needed("Workers Tail", "Account", "the live log", {"logs": "Read"}),
    Needed("Workers Routes", "Zone", "shop.test/*", {"deploy": "Edit"}),
)
D1 = ("D1 Write", HERE)
TAIL = ("Workers Tail Read", HERE)
ROUTES = ("Workers Routes Write", ZONE)
DENIED = [{"effect": "deny", "resources": {HERE: "*"}, "permission_groups": [{"name": "D1 Write"}]}]


def policies(*groups: tuple[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "effect": "allow",
            "resources": {where: "*"} if isinstance(where, str) else where,
            "permission_groups": [{"id": "g", "name": name}],
        }
        for name, where in groups
    ]


@pytest.mark.parametrize(
    ("given", "missing", "extra"),
    [
        (policies(D1, TAIL, ROUTES), (), ()),
        (policies(("D1 Edit", HERE), TAIL, ROUTES), (), ()),
        (policies(D1, TAIL, ("Workers Routes Write", {HERE: {f"{ZONE}": "*"}})), (), ()),
        (policies(D1, TAIL, ROUTES, ("API Tokens Read", "com.cloudflare.api.user.u")), (), ()),
        (policies(("D1 Read", HERE), TAIL, ROUTES), ("D1: Edit (provision)",), ()),
        (policies(D1, TAIL, ROUTES) + DENIED, ("D1: Edit (provision)",), ()),
        (policies(D1, TAIL), ("Workers Routes: Edit (deploy)",), ()),
        (
            policies(("D1 Write", "com.cloudflare.api.account.other"), TAIL, ROUTES),
            ("D1: Edit (plan, provision, deploy)",),
            (),
        ),
        (
            policies(D1, ("Workers Tail Write", HERE), ROUTES),
            (),
            ("Workers Tail: Edit instead of Read",),
        ),
        (policies(D1, TAIL, ROUTES, ("Billing Read", HERE)), (), ("Billing: Read",)),
        (policies(D1, TAIL, ROUTES, ("Cache Purge", ZONE)), (), ("Cache Purge: Edit",)),
        (
            [],
            (
                "D1: Edit (plan, provision, deploy)",
                "Workers Tail: Read (logs)",
                "Workers Routes: Edit (deploy)",
            ),
            (),
        ),
    ],
)
def test_policies_are_compared_by_scope_name_and_level(
    given: list[dict[str, Any]], missing: tuple[str, ...], extra: tuple[str, ...]
) -> None:
    assert compare(given, NEEDED, ACCOUNT) == TokenComparison(missing, extra)


def found(stage: Stage) -> list[Finding]:
    session = open_session(stage.context(), stage.root, "")
    findings = list(token_findings(session))
    assert TOKEN not in json.dumps([str(item) for item in findings])
    assert TOKEN_ID not in json.dumps([str(item) for item in findings])
    return findings


@pytest.mark.parametrize("owner", ["user", "account"])
def test_doctor_names_what_is_missing_and_what_is_too_much(
    owner: str, stage: Callable[[], Stage]
) -> None:
    here = stage()
    here.api.zones.owner = owner
    here.api.zones.policies = policies(("Workers Scripts Write", HERE), ("Billing Read", HERE))
    missing, extra = found(here)
    assert (
        "D1: Edit (plan, provision, deploy, preview, backup, restore, destroy)" in missing.message
    )
    assert "Workers Scripts" not in missing.message
    assert "Account Settings" not in missing.message
    assert extra.message == "more than this project needs: Billing: Read"
    assert missing.fix
    assert extra.fix


def test_a_token_that_may_not_read_itself_is_tried_and_told(stage: Callable[[], Stage]) -> None:
    here = stage()
    [said] = found(here)
    assert (said.broken, said.fix) == (False, "")
    assert "may not read its own policies" in said.message
    here.api.forbidden = {"queues", "r2"}
    lacking, said = found(here)
    assert lacking.message == "missing: Workers R2 Storage: Read; Queues: Read"
    assert "the rest" in said.message


def test_a_login_of_wrangler_is_not_compared(stage: Callable[[], Stage]) -> None:
    here = stage()
    here.api.zones.owner = "nobody"
    [said] = found(here)
    assert "wrangler's login" in said.message
