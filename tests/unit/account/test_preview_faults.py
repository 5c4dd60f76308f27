"""Previews with every request that changes the account broken once: each run converges.

The requests are those of wrangler, the answers those of the stand-in for Cloudflare's API.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from preview_account import FAULTS
from preview_stage import Stage


@pytest.fixture
def finished(stage: Callable[[], Stage]) -> tuple[str, int]:
    """What a run without a fault leaves, and how many requests it made."""
    clean = stage()
    clean.up(seed=str(clean.root / "seed.sql"))
    return clean.outcome(), len(clean.tools.mutations)


BY_NAME = {fault.name: fault for fault in FAULTS}
# What ends a run within the command leaves what a kill leaves, so the other way is for these.
KILLS = ["killed", "killed, applied"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "way"),
    [*((fault, "up") for fault in BY_NAME), *((fault, "down") for fault in KILLS)],
)
def test_a_broken_up_is_finished_by_up_and_undone_by_down(
    fault: str, way: str, stage: Callable[[], Stage], finished: tuple[str, int]
) -> None:
    wanted, mutations = finished
    # 15 requests in 5 + 2 ways: 105 cases.
    assert mutations == 15
    for number in range(1, mutations + 1):
        here = stage()
        up = partial(here.up, seed=str(here.root / "seed.sql"))
        here.broken(up, number, BY_NAME[fault])
        files = sorted(path.name for path in here.root.iterdir())
        if way == "up":
            up()
        else:
            here.down()
        assert here.outcome() == (wanted if way == "up" else here.others), number
        assert files == sorted(path.name for path in here.root.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "way"),
    [*((fault, "down") for fault in BY_NAME), *((fault, "up") for fault in KILLS)],
)
def test_a_broken_down_is_finished_by_down_and_undone_by_up(
    fault: str, way: str, stage: Callable[[], Stage], finished: tuple[str, int]
) -> None:
    wanted, _ = finished
    # 11 requests in 5 + 2 ways: 77 cases.
    for number in range(1, 12):
        here = stage()
        up = partial(here.up, seed=str(here.root / "seed.sql"))
        up()
        here.api.objects["shop-preview-feature-a-d25eb0-files"] = ["a/b", "c"]
        here.broken(here.down, number, BY_NAME[fault])
        if way == "up":
            up()
            here.api.objects.clear()
        else:
            here.down()
        assert here.outcome() == (wanted if way == "up" else here.others), number


def test_a_down_makes_as_many_requests_as_are_broken(stage: Callable[[], Stage]) -> None:
    here = stage()
    here.up()
    here.api.objects["shop-preview-feature-a-d25eb0-files"] = ["a/b", "c"]
    here.tools.mutations.clear()
    here.down()
    assert len(here.tools.mutations) == 11
    order = [mutation.split("/")[0].removeprefix("DELETE ") for mutation in here.tools.mutations]
    assert order[:3] == ["queues", "workers", "r2"]
    assert here.tools.mutations[-1].endswith("-note")
    assert here.outcome() == here.others
