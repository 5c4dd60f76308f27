"""Two stores without a common transaction: what holds when something breaks between them.

``test_pending.py`` has what holds while Vectorize is late.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes import World
from rag.limits import MAX_BLANK
from rag.store import Store
from services import ServiceError

LONG = "The ferry Sandpiper leaves Port Ellery twice a day in the summer. " * 60
OLD = {"id": "ferry", "title": "Old", "text": LONG, "metadata": {"lang": "en"}}
NEW = {"id": "ferry", "title": "New", "text": LONG.replace("summer", "winter"), "metadata": {}}


def end_claims(world: World) -> None:
    """Let the time pass after which a claim ends."""
    world.database.rows("UPDATE documents SET claimed_at = 0")


def assert_tidy(world: World, revisions: int) -> None:
    """No vector without a chunk, no chunk without a vector, and only served revisions, after the
    cron has published and, the next time, swept."""
    for _ in range(2):
        world.run_cron()
        world.vectorize.process()
    chunks = {row["id"] for row in world.database.rows("SELECT id FROM chunks")}
    assert set(world.vectorize.vectors) == chunks
    assert len(world.database.rows("SELECT DISTINCT revision FROM chunks")) == revisions
    assert len(world.database.rows("SELECT * FROM documents")) == revisions
    left = "claim IS NOT NULL OR pending IS NOT NULL OR unswept"
    assert world.database.rows(f"SELECT id FROM documents WHERE {left}") == []


def breaks(world: World, fuse_at: int, after: bool, method: str, path: str, body: Any) -> bool:
    """Send a request during which everything fails from one call on; whether it noticed."""
    world.fuse.calls, world.fuse.blows_at, world.fuse.after = 0, fuse_at, after
    status, _ = world.call(method, path, body)
    world.fuse.blows_at = float("inf")
    return status >= 400


@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
@pytest.mark.parametrize("first", [None, OLD], ids=["new", "replaced"])
@pytest.mark.parametrize("lags", [False, True], ids=["at once", "late"])
def test_a_cut_anywhere_is_mended_by_the_next_ingestion(
    first: dict[str, Any] | None, lags: bool, after: bool
) -> None:
    before = ["Old"] if first else []
    for step in range(1, 100):
        world = World()
        if first:
            world.ingest(first)
            world.search("ferry")
        world.vectorize.lags = lags
        cut = breaks(world, step, after, "POST", "/documents", NEW)
        assert world.search("ferry") in ([before] if lags else [before, ["New"]])
        world.vectorize.process()
        assert world.search("ferry") in (before, ["New"])
        end_claims(world)
        world.ingest(NEW)
        world.vectorize.process()
        assert world.search("ferry") == ["New"]
        assert_tidy(world, revisions=1)
        if not cut:
            assert step > 8
            return
    pytest.fail("the ingestion never ended")


@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_the_cron_clears_up_after_a_cut_anywhere(method: str, after: bool) -> None:
    path, body = ("/documents", NEW) if method == "POST" else ("/documents/ferry", None)
    for step in range(1, 100):
        world = World()
        if method == "DELETE":
            world.ingest(OLD)
        cut = breaks(world, step, after, method, path, body)
        end_claims(world)
        found = world.search("ferry")
        assert_tidy(world, revisions=len(found))
        if not cut:
            assert found == (["New"] if method == "POST" else [])
            return
    pytest.fail("the request never ended")


@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
def test_a_cron_that_was_cut_off_continues(after: bool) -> None:
    for step in range(1, 100):
        world = World()
        world.ingest(OLD)
        world.search("ferry")
        world.ingest(NEW)
        world.fuse.calls, world.fuse.blows_at, world.fuse.after = 0, step, after
        try:
            world.run_cron()
            return
        except ServiceError:
            world.fuse.blows_at = float("inf")
        assert world.search("ferry") == ["New"]
        end_claims(world)
        assert_tidy(world, revisions=1)
    pytest.fail("the cron never ended")


@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
def test_a_cut_deletion_can_be_repeated(after: bool) -> None:
    for step in range(1, 100):
        world = World()
        world.ingest(OLD)
        cut = breaks(world, step, after, "DELETE", "/documents/ferry", None)
        end_claims(world)
        status, _ = world.call("DELETE", "/documents/ferry")
        assert status in (204, 404)
        assert_tidy(world, revisions=0)
        if not cut:
            assert step > 4
            return
    pytest.fail("the deletion never ended")


def test_the_same_document_twice_costs_no_embedding() -> None:
    world = World()
    assert world.ingest(OLD) == ["indexed"]
    calls = len(world.ai.calls)
    assert world.ingest(OLD) == ["unchanged"]
    assert len(world.ai.calls) == calls


def test_a_document_without_an_id_is_found_again_by_its_text() -> None:
    world = World()
    assert world.ingest({"text": "One fact."}) == ["indexed"]
    assert world.ingest({"text": "One fact."}) == ["unchanged"]


def test_two_requests_for_one_document_do_not_mix() -> None:
    world = World()

    async def both() -> list[int]:
        replies = await asyncio.gather(
            world.send("POST", "/documents", OLD), world.send("POST", "/documents", NEW)
        )
        return sorted(reply.status for reply in replies)

    assert asyncio.run(both()) == [200, 409]
    assert_tidy(world, revisions=1)


def test_a_batch_says_which_document_is_busy_and_takes_the_others() -> None:
    world = World()
    world.database.rows(
        "INSERT INTO documents (id, claim, claimed_at) "
        f"VALUES ('acme/{OLD['id']}', 'x', unixepoch())"
    )
    first, last = ({"id": id_, "text": "One fact."} for id_ in ("first", "last"))
    status, reply = world.call("POST", "/documents", {"documents": [first, OLD, last]})
    statuses = [document["status"] for document in reply["documents"]]
    assert (status, statuses) == (207, ["indexed", "busy", "indexed"])
    assert world.call("POST", "/documents", OLD)[0] == 409
    end_claims(world)
    assert world.ingest(first, OLD, last) == ["unchanged", "indexed", "unchanged"]


def test_whoever_lost_its_claim_publishes_nothing_and_leaves_nothing() -> None:
    world = World()

    async def overtaken() -> tuple[int, int]:
        reached, may_go_on = asyncio.Event(), asyncio.Event()
        embed = world.ai.run

        async def embed_slowly(*arguments: Any) -> Any:
            world.ai.run = embed  # type: ignore[method-assign]
            reached.set()
            await may_go_on.wait()
            return await embed(*arguments)

        world.ai.run = embed_slowly  # type: ignore
        slow = asyncio.create_task(world.send("POST", "/documents", OLD))
        await asyncio.wait_for(reached.wait(), timeout=120)
        end_claims(world)
        fast = await world.send("POST", "/documents", NEW)
        may_go_on.set()
        return (await slow).status, fast.status

    assert asyncio.run(overtaken()) == (409, 200)
    assert world.search("ferry") == ["New"]
    assert_tidy(world, revisions=1)


@pytest.mark.parametrize(("step", "status"), [("hold", 200), ("withdraw", 204)])
def test_whoever_lost_its_claim_sweeps_nothing_of_the_next_holder(
    monkeypatch: pytest.MonkeyPatch, step: str, status: int
) -> None:
    world = World()
    world.ingest(OLD)
    slow_step, embed = getattr(Store, step), world.ai.run
    claim_ended, written, swept = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hang(*arguments: Any) -> None:
        monkeypatch.undo()
        await slow_step(*arguments)
        end_claims(world)
        claim_ended.set()
        await written.wait()

    async def embed_later(*arguments: Any) -> Any:
        written.set()
        await swept.wait()
        return await embed(*arguments)

    async def slow() -> int:
        method, path, body = ("POST", "/documents", {**OLD, "text": "Short."})
        if step == "withdraw":
            method, path, body = ("DELETE", "/documents/ferry", {})
        reply = await world.send(method, path, body)
        swept.set()
        return reply.status

    async def fast() -> int:
        await claim_ended.wait()
        world.ai.run = embed_later  # type: ignore
        return (await world.send("POST", "/documents", NEW)).status

    async def both() -> list[int]:
        replies = asyncio.gather(slow(), fast())
        return [*await asyncio.wait_for(replies, timeout=120)]

    monkeypatch.setattr(Store, step, hang)
    assert asyncio.run(both()) == [status, 200]
    assert world.search("ferry") == ["New"]
    assert_tidy(world, revisions=1)


def test_a_deletion_that_lost_its_claim_says_so() -> None:
    world = World()
    world.ingest(OLD)
    claim = Store.claim

    @contextlib.asynccontextmanager
    async def overtaken(*arguments: Any) -> AsyncIterator[str | None]:
        async with claim(*arguments) as latest:
            world.database.rows("UPDATE documents SET claim = 'another'")
            yield latest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "claim", overtaken)
        status, problem = world.call("DELETE", "/documents/ferry")
    assert (status, problem["code"]) == (409, "document-busy")
    assert world.search("ferry") == ["Old"]


def test_a_long_document_is_embedded_and_deleted_in_batches() -> None:
    world = World()
    world.ingest({"id": "long", "text": LONG * 80})
    assert len(world.vectorize.vectors) > 200
    assert world.call("DELETE", "/documents/long") == (204, None)
    assert not world.vectorize.vectors


def test_the_longest_chunks_fit_into_the_database() -> None:
    blank = "\x1c" * MAX_BLANK  # JSON takes six bytes for each.
    assert World().ingest({"text": f"x{blank}" * 15_000}) == ["indexed"]


def test_marks_are_joined_to_their_letters_in_time_that_grows_with_the_text() -> None:
    def seconds(marks: int) -> float:
        world = World()
        start = time.process_time()
        world.ingest({"title": "Fa\u0308hre", "text": "a" + "\u0315\u0300" * marks})
        taken = time.process_time() - start
        assert world.call("GET", "/documents")[1]["documents"][0]["title"] == "F\u00e4hre"
        return taken

    # Eight times the text: 8 times as long, and 64 times where each mark is compared with all.
    assert seconds(120_000) < 32 * seconds(15_000)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/documents", {"text": "x"}),
        ("POST", "/query", {"query": "x"}),
        ("GET", "/health", None),
    ],
)
def test_vectors_of_two_models_are_never_mixed(method: str, path: str, body: Any) -> None:
    world = World()
    world.ingest(OLD)
    world.variables["EMBEDDING_MODEL"] = "@cf/baai/bge-m3"
    status, problem = world.call(method, path, body)
    assert (status, problem["code"]) == (500, "index-mismatch")
    assert "bge-base-en-v1.5" in problem["detail"]


def test_an_ingestion_that_takes_longer_than_a_claim_renews_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    upsert, batches = world.vectorize.upsert, list[int]()

    async def much_later(vectors: list[dict[str, Any]]) -> None:
        await upsert(vectors)
        batches.append(len(vectors))
        world.database.rows("UPDATE documents SET claimed_at = claimed_at - 70")
        await world.resources().tidy()

    monkeypatch.setattr(world.vectorize, "upsert", much_later)
    assert world.ingest({**NEW, "text": LONG * 80}) == ["indexed"]
    assert len(batches) > 2
    assert world.search("ferry") == ["New"]


def test_whoever_lost_its_claim_pays_for_no_other_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    upsert, batches = world.vectorize.upsert, list[int]()

    async def too_late(vectors: list[dict[str, Any]]) -> None:
        await upsert(vectors)
        batches.append(len(vectors))
        end_claims(world)
        await world.resources().tidy()

    monkeypatch.setattr(world.vectorize, "upsert", too_late)
    assert world.call("POST", "/documents", {**NEW, "text": LONG * 80})[0] == 409
    assert len(batches) == 1
    assert_tidy(world, revisions=0)


@pytest.mark.parametrize(("age", "least", "most"), [(0, 1, 2), (50, 50, 60), (100, 10, 20)])
def test_who_finds_a_document_held_is_told_how_long(age: int, least: int, most: int) -> None:
    """As long as it has been held, for it may be free at once; not longer than it can be."""
    world = World()
    world.ingest(OLD)
    world.database.rows(f"UPDATE documents SET claim = 'x', claimed_at = unixepoch() - {age}")
    for method, path, body in (("POST", "/documents", NEW), ("DELETE", "/documents/ferry", None)):
        reply = asyncio.run(world.send(method, path, body))
        assert reply.status == 409
        assert least <= int(reply.headers["Retry-After"]) <= most
