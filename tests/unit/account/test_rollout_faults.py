"""Rollouts with every request that changes the account broken once: the same command again ends
with the account that a run without a fault ends with.

The requests are those of wrangler, the answers those of the stand-in for Cloudflare's API.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from cfpy.errors import RolledBackError
from preview_account import FAULTS
from rollout_stage import RolloutStage

Start = Callable[[], RolloutStage]
MOMENT = 0.001


def begins(here: RolloutStage) -> None:
    here.share(10)


def goes_on(here: RolloutStage) -> None:
    here.share(100)


def watches(here: RolloutStage) -> None:
    here.share(10, MOMENT)


def goes_back(here: RolloutStage) -> None:
    with contextlib.suppress(RolledBackError):
        here.share(10, MOMENT)


def rolls_back(here: RolloutStage) -> None:
    here.rollback()


def promotes(here: RolloutStage) -> None:
    here.promote()


# The command, what was there before it, and how many requests it makes.
FLOWS = {
    "begins": (begins, "live", 4),
    "goes on": (goes_on, "shared", 1),
    "watches": (watches, "watched", 5),
    "goes back": (goes_back, "sick", 1),
    "rolls back": (rolls_back, "shared", 1),
    "promotes": (promotes, "staging", 4),
}


def prepared(rollout: Start, before: str) -> RolloutStage:
    here = rollout()
    here.code("two")
    (here.root / "migrations" / "0002_more.sql").write_text("CREATE TABLE more (id INTEGER);")
    if before in ("shared", "sick"):
        version = here.share(10).shared.version
        if before == "sick":
            here.api.rollouts.invocations = {version: (100, 50)}
    if before == "watched":
        here.api.rollouts.invocations = {
            f"00000000-0000-0000-0000-{i:012d}": (9, 0) for i in range(9)
        }
    if before == "staging":
        here.deploy("staging")
    here.tools.mutations.clear()
    return here


@pytest.mark.parametrize("flow", FLOWS)
def test_the_same_command_again_finishes_what_a_fault_has_broken(flow: str, rollout: Start) -> None:
    """Each request with one of the faults; `rollout_matrix.py` has all of them, with the
    real wrangler."""
    run, before, mutations = FLOWS[flow]
    clean = prepared(rollout, before)
    run(clean)
    wanted = clean.outcome()
    assert len(clean.tools.mutations) == mutations
    for number in range(1, mutations + 1):
        fault = FAULTS[(number + list(FLOWS).index(flow)) % len(FAULTS)]
        here = prepared(rollout, before)
        here.broken(lambda: run(here), number, fault)  # noqa: B023
        run(here)
        assert here.outcome() == wanted, (fault, number)
