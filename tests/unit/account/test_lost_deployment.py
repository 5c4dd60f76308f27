"""A deployment whose answer is lost: whether there is a new version, the account tells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cfpy.account.failed_deployment import with_what_is_live
from cfpy.errors import (
    CfpyError,
    CloudflareError,
    DeploymentError,
    NotAuthenticatedError,
    WranglerTimeoutError,
)

LOST = WranglerTimeoutError("wrangler deploy did not end", argv=(), returncode=-1, output="")
# The upload went well, and the token may not set what comes after it.
MAY_NOT = NotAuthenticatedError(
    "this token is not allowed to change routes", hint="Give it the permission."
)


def session(live: str | CfpyError) -> Any:
    def live_version(worker: str) -> str:
        assert worker == "shop"
        if isinstance(live, CfpyError):
            raise live
        return live

    account = SimpleNamespace(live_version=live_version)
    return SimpleNamespace(account=account, desired=SimpleNamespace(worker="shop"))


@pytest.mark.parametrize("before", ["", "1"])
@pytest.mark.parametrize("failure", [LOST, MAY_NOT])
def test_a_new_version_is_said_to_be_live(before: str, failure: CfpyError) -> None:
    error = with_what_is_live(session("2"), before, failure)
    assert isinstance(error, DeploymentError)
    assert "version 2 is live" in error.message
    assert failure.message in error.message
    assert error.hint.startswith(failure.hint)


@pytest.mark.parametrize("live", ["", "1", CloudflareError("no network")])
def test_where_nothing_is_new_or_known_the_failure_stands(live: str | CfpyError) -> None:
    assert with_what_is_live(session(live), "1", LOST) is LOST
