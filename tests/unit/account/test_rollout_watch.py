"""Watching a new version: when it goes on, and when it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx
import pytest
from test_health import FakeClock

from account_in_process import InProcess
from cfpy.account.cloudflare import Account
from cfpy.account.error_rates import Counts, too_many_errors
from cfpy.account.health import Answer
from cfpy.account.watching import NewVersion, Verdict, watch
from cloudflare_api import ACCOUNT, TOKEN

WELL, SICK = Answer("200 OK", healthy=True), Answer("500 Internal Server Error")
NOWHERE = Answer("the name x.test is not in DNS", resolved=False)
NONE: Mapping[str, Counts] = {}


def watched(
    *answers: Answer, counts: Callable[[], Mapping[str, Counts] | str] = lambda: NONE
) -> tuple[Verdict, FakeClock]:
    """For 600 seconds; the last answer from then on."""
    queue, clock = list(answers), FakeClock()

    def ask() -> Answer:
        return queue.pop(0) if len(queue) > 1 else queue[0]

    what = NewVersion("new", "old", ask if answers else None, counts, lambda: None)
    return watch(what, 600, clock, lambda _: None), clock


def test_a_version_that_stays_well_is_watched_to_the_end() -> None:
    verdict, clock = watched(WELL)
    assert (verdict.sick, verdict.seen, sum(clock.slept)) == ("", True, 600)
    assert "200 OK" in verdict.said


@pytest.mark.parametrize("answers", [(WELL, SICK, WELL), (SICK, SICK, WELL), (WELL, NOWHERE)])
def test_a_bad_answer_or_two_may_be_the_networks(answers: tuple[Answer, ...]) -> None:
    assert watched(*answers)[0].sick == ""


def test_three_bad_answers_end_the_watch() -> None:
    verdict, clock = watched(WELL, SICK)
    assert "500" in verdict.sick
    assert sum(clock.slept) == 30


def test_a_bad_answer_at_the_end_counts() -> None:
    assert "500" in watched(*[WELL] * 60, SICK)[0].sick


@pytest.mark.parametrize(
    ("new", "old", "sick"),
    [
        ((100, 3), (900, 9), True),
        ((100, 3), (900, 18), False),
        ((100, 2), (900, 0), False),
        ((19, 19), (900, 0), False),
        ((20, 1), (0, 0), True),
        ((0, 0), (900, 900), False),
    ],
)
def test_errors_count_against_those_of_the_old_version(
    new: tuple[int, int], old: tuple[int, int], sick: bool
) -> None:
    assert too_many_errors(Counts(*new), Counts(*old)) is sick
    counts = {"new": Counts(*new), "old": Counts(*old)}
    verdict, clock = watched(WELL, counts=lambda: counts)
    assert bool(verdict.sick) is sick
    assert sum(clock.slept) == (30 if sick else 600)


def test_without_an_answer_or_a_request_nothing_was_seen() -> None:
    assert not watched()[0].seen
    assert not watched(NOWHERE)[0].seen
    assert watched(counts=lambda: {"new": Counts(1, 0)})[0].seen
    verdict = watched(WELL, counts=lambda: "no permission")[0]
    assert (verdict.seen, "no error rate: no permission" in verdict.said) == (True, True)


def rates(cloudflare: InProcess) -> Mapping[str, Counts] | str:
    del cloudflare
    return Account(TOKEN, ACCOUNT).error_rates("shop").read("2026-11-26T12:00:00Z")


def test_the_rows_of_one_version_are_added_up(cloudflare: InProcess) -> None:
    rows = [
        {"sum": {"requests": of, "errors": bad}, "dimensions": {"scriptVersion": id_}}
        for id_, of, bad in (("a", 3, 1), ("b", 5, 0), ("a", 4, 2))
    ]
    data = {"viewer": {"accounts": [{"workersInvocationsAdaptive": rows}]}}
    document = {"data": data, "errors": None}
    cloudflare.instead["graphql"] = [httpx.Response(200, json=document)]
    assert rates(cloudflare) == {"a": Counts(7, 3), "b": Counts(5, 0)}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            httpx.Response(200, json={"data": None, "errors": [{"message": "not authorized"}]}),
            "Account Analytics: Read",
        ),
        (
            httpx.Response(200, json={"data": None, "errors": [{"message": "quota"}]}),
            "quota",
        ),
        (httpx.Response(200, json={"data": {}}), "not as documented"),
        (httpx.Response(200, text="<html>"), "not as documented"),
        (httpx.Response(403, json={"success": False, "errors": []}), "Account Analytics: Read"),
    ],
)
def test_why_there_are_no_figures_is_told(
    cloudflare: InProcess, answer: httpx.Response, said: str
) -> None:
    cloudflare.instead["graphql"] = [answer]
    found = rates(cloudflare)
    assert isinstance(found, str)
    assert said in found
