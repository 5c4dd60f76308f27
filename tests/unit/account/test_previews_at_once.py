"""One preview is brought up and deleted at once, by two clones of the project.

Each run stops before and after each of its requests that change the account; the other one then
runs to each of its own; the first one ends, and the other one after it.
"""

from __future__ import annotations

import copy
import itertools
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cfpy.account.provision as provision
from cfpy.errors import CfpyError, PlanConflictError
from preview_account import Fault, Killed, PreviewTools
from preview_stage import Stage

WORKER = "shop-preview-feature-a-d25eb0"
Start = Callable[[], Stage]
KV = 'name = "shop"\nmain = "src/index.js"\ncompatibility_date = "2026-09-01"\n'
KV += '[[kv_namespaces]]\nbinding = "CACHE"\nid = "22222222222222222222222222222222"\n'
BOTH = KV + '[[r2_buckets]]\nbinding = "FILES"\nbucket_name = "shop-files"\n'
TIMEOUT = 60


class Stopping(PreviewTools):
    """Calls ``stop`` at one of its places: before and after each request, from 0."""

    place = -1
    stop: Callable[[], None]
    seen = 0

    def _ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        # The last look before a note is deleted is right before that process: nothing else has the
        # time to create something, and to look for its note, in between.
        if not (method == "DELETE" and path.endswith("-note")):
            self._here()
        try:
            return super()._ask(method, path, body, **options)
        finally:
            self._here()

    def _here(self) -> None:
        number, self.seen = self.seen, self.seen + 1
        if number == self.place:
            self.stop()


class Clone(Stage):
    """A clone of a stage's project, with tools of its own and the same account."""

    @classmethod
    def of(cls, stage: Stage) -> Clone:
        clone = copy.copy(stage)
        clone.__class__ = cls
        clone.root = stage.root.parent / "clone"
        shutil.rmtree(clone.root, ignore_errors=True)
        shutil.copytree(stage.root, clone.root)
        clone.tools = Stopping(stage.api)
        return clone


@pytest.fixture
def projects(stage: Start, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Stage, Stage]]:
    """Two clones with this configuration."""
    # One step at a time, so that the places are the same each time.
    monkeypatch.setattr(provision, "_AT_ONCE", 1)

    def make(config: str) -> tuple[Stage, Stage]:
        here = stage()
        here.tools = Stopping(here.api)
        (here.root / "cfpy.toml").write_text("")
        (here.root / "wrangler.toml").write_text(config)
        return here, Clone.of(here)

    return make


def interleaved(
    first: tuple[Stage, Callable[[], Any]], then: tuple[Stage, Callable[[], Any]], at: int, to: int
) -> tuple[bool, bool, list[CfpyError]]:
    """Run the first one to its place ``at``, then the other one to its place ``to``, and both to
    their ends. Whether each has such a place, and the errors of both."""
    (one, run_one), (two, run_two) = first, then
    stopped, go_on, errors = threading.Event(), threading.Event(), list[CfpyError]()

    def end(run: Callable[[], Any]) -> None:
        try:
            run()
        except CfpyError as error:
            errors.append(error)

    def second() -> None:
        end(run_two)
        stopped.set()

    def wait() -> None:
        stopped.set()
        assert go_on.wait(TIMEOUT)

    other = threading.Thread(target=second, daemon=True)

    def meanwhile() -> None:
        other.start()
        assert stopped.wait(TIMEOUT)

    for tools, place, stop in ((one.tools, at, meanwhile), (two.tools, to, wait)):
        assert isinstance(tools, Stopping)
        tools.seen, tools.place, tools.stop = 0, place, stop
    end(run_one)
    go_on.set()
    if began := other.ident is not None:
        other.join(TIMEOUT)
        assert not other.is_alive()
    both = [tools.seen > tools.place for tools in (one.tools, two.tools)]  # type: ignore[attr-defined]
    for tools in (one.tools, two.tools):
        tools.place = -1  # type: ignore[attr-defined]
    return began, both[1], errors


def owned(here: Stage) -> set[str]:
    """What the preview has in the account."""
    api = here.api
    found = {f"kv:{name}" for name in api.namespaces} | {f"r2:{name}" for name in api.buckets}
    found |= {f"worker:{name}" for name in api.scripts if not name.endswith("-note")}
    return {key for key in found if WORKER in key}


def noted(here: Stage) -> set[str]:
    """What its note has."""
    variables = here.api.bindings.get(f"{WORKER}-note", [])
    texts = {item["name"]: item["text"] for item in variables}
    found = {f"worker:{WORKER}"} if texts else set()
    for kind in ("kv", "r2"):
        found |= {f"{kind}:{name}" for name in texts.get(f"CFPY_OWNS_{kind.upper()}", "").split()}
    return found


def schedules(
    make: Callable[[], tuple[Stage, Stage]], order: str
) -> Iterator[tuple[tuple[int, int], Stage, Stage, list[CfpyError]]]:
    for at in itertools.count():
        for to in itertools.count():
            up, down = make()
            runs = [(up, up.up), (down, down.down)]
            first, then = runs if order == "up first" else runs[::-1]
            began, has_place, errors = interleaved(first, then, at, to)
            if not began:
                return
            yield (at, to), up, down, errors
            if not has_place:
                break


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "exists", "cases"),
    [("up first", False, 33), ("up first", True, 42), ("down first", True, 39)],
)
def test_up_and_down_at_once_leave_nothing_that_no_run_finishes(
    order: str, exists: bool, cases: int, projects: Callable[[str], tuple[Stage, Stage]]
) -> None:
    def make() -> tuple[Stage, Stage]:
        up, down = projects(KV if exists else BOTH)
        if exists:
            up.up()
            (up.root / "wrangler.toml").write_text(BOTH)
        return up, down

    clean, _ = make()
    clean.up()
    wanted, seen = clean.outcome(), []
    for place, up, down, errors in schedules(make, order):
        seen.append((place, [type(error).__name__ for error in errors]))
        assert owned(up) <= noted(up), seen[-1]
        for error in errors:
            assert "un the same command again" in error.hint, (seen[-1], error.hint)
        # Both ways from here, one after the other.
        if len(seen) % 2:
            up.up()
            assert up.outcome() == wanted, seen[-1]
        down.down()
        assert down.outcome() == down.others, seen[-1]
    assert len(seen) == cases


def test_an_up_that_is_killed_after_a_down_leaves_nothing_that_no_run_finishes(
    projects: Callable[[str], tuple[Stage, Stage]],
) -> None:
    up, down = projects(
        BOTH.replace("kv_namespaces", "r2_buckets").replace("id =", "bucket_name =")
    )
    # After its first bucket; it then writes its note again, and is killed with the second one.
    up.tools.fault = 4, Fault(0, applied=True)
    with pytest.raises(Killed):
        interleaved((up, up.up), (down, down.down), 3, -1)
    kinds = [mutation.split("/")[0] for mutation in up.tools.mutations]
    assert kinds == ["PUT workers", "POST r2", "PUT workers", "POST r2"]
    assert len(owned(up)) == 1
    assert owned(up) <= noted(up)
    down.down()
    assert down.outcome() == down.others


def test_what_a_preview_did_not_create_can_be_deleted_by_hand(
    projects: Callable[[str], tuple[Stage, Stage]],
) -> None:
    here, _ = projects(BOTH)
    here.api.buckets.append(f"{WORKER}-files")
    with pytest.raises(PlanConflictError, match=f"r2:{WORKER}-files") as caught:
        here.up()
    assert "delete this in the dashboard" in caught.value.hint
    here.api.buckets.remove(f"{WORKER}-files")
    here.up()
