"""Steps of a plan: order, several at once, failures."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfpy.account.steps import attempt, run_all
from cfpy.errors import CfpyError, ToolTimeoutError, WranglerError, WranglerTimeoutError

# By step: the earlier ones that it needs.
GRAPHS = st.lists(st.sets(st.integers(0, 9)), max_size=10).map(
    lambda needs: {
        str(number): [str(other) for other in sorted(needed) if other < number]
        for number, needed in enumerate(needs)
    }
)


@given(GRAPHS, st.integers(1, 4), st.data())
def test_a_step_comes_after_all_that_it_needs(
    graph: dict[str, list[str]], at_once: int, data: st.DataObject
) -> None:
    broken = data.draw(st.sets(st.sampled_from(sorted(graph)))) if graph else set()
    done: list[str] = []

    def step(key: str) -> Callable[[], None]:
        def run() -> None:
            assert set(graph[key]) <= set(done)
            if key in broken:
                raise ValueError(key)
            done.append(key)

        return run

    steps = {key: step(key) for key in graph}
    if broken:
        with pytest.raises(ValueError, match=r"\d"):
            run_all(steps, graph, at_once)
    else:
        run_all(steps, graph, at_once)

    def is_cut_off(key: str) -> bool:
        return key in broken or any(is_cut_off(other) for other in graph[key])

    assert sorted(done) == sorted(key for key in graph if not is_cut_off(key))


def test_what_does_not_wait_for_each_other_runs_at_once() -> None:
    both = threading.Barrier(2, timeout=120)
    run_all({"a": lambda: both.wait() and None, "b": lambda: both.wait() and None}, {}, 2)


def failure(message: str = "no", code: int = 0, retry_after: float | None = None) -> WranglerError:
    return WranglerError(
        message, argv=(), returncode=1, output="", api_code=code, retry_after=retry_after
    )


class Command:
    """Fails with each of these in turn, then succeeds."""

    def __init__(self, *failures: CfpyError) -> None:
        self.failures = list(failures)
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1
        if self.failures:
            raise self.failures.pop(0)


def test_what_passes_is_tried_again() -> None:
    command = Command(failure(code=10001, retry_after=0), failure("fetch failed", retry_after=0))
    attempt(command, lambda: False)
    assert command.runs == 3


def test_what_does_not_pass_is_not() -> None:
    command = Command(failure("the name is taken"), failure())
    with pytest.raises(WranglerError, match="the name is taken"):
        attempt(command, lambda: False)
    assert command.runs == 1


def test_what_is_there_is_done_whatever_was_answered() -> None:
    command = Command(failure("already exists"))
    attempt(command, lambda: True)
    assert command.runs == 1


def test_it_ends_at_some_time() -> None:
    command = Command(*[failure(code=10001, retry_after=0) for _ in range(20)])
    with pytest.raises(WranglerError):
        attempt(command, lambda: False)
    assert command.runs == 4


def lost() -> WranglerTimeoutError:
    return WranglerTimeoutError("wrangler did not finish", argv=(), returncode=-1, output="")


@pytest.mark.parametrize("error", [lost(), ToolTimeoutError("node", 180)])
def test_what_did_not_end_and_is_there_was_done(error: CfpyError) -> None:
    command = Command(error)
    attempt(command, lambda: True)
    assert command.runs == 1


@pytest.mark.parametrize("error", [lost(), ToolTimeoutError("node", 180)])
def test_what_did_not_end_and_is_not_there_has_failed(error: CfpyError) -> None:
    """It is not waited for again: that may last as long once more."""
    command = Command(error, failure())
    with pytest.raises(type(error), match="did not finish"):
        attempt(command, lambda: False)
    assert command.runs == 1


def test_an_answer_that_is_lost_after_others_that_pass() -> None:
    command = Command(failure("fetch failed", retry_after=0), lost())
    there = iter([False, True])
    attempt(command, lambda: next(there))
    assert command.runs == 2
