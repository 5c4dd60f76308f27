"""Vectorize is late: what a search finds meanwhile, whatever happens in which order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import pytest

from fakes import World
from rag import records
from rag.limits import SETTLE_BATCH

TEXT = "The ferry Sandpiper leaves Port Ellery twice a day in the summer. " * 60


def version(title: str, **fields: Any) -> dict[str, Any]:
    return {"id": "ferry", "title": title, "text": f"{title}. {TEXT}", **fields}


def late_world(*documents: Mapping[str, Any]) -> World:
    """A world with documents that are searchable, in which Vectorize lags from now on."""
    world = World()
    for document in documents:
        world.ingest(document)
        world.search("ferry")
    world.run_cron()
    world.vectorize.lags = True
    return world


def states(world: World) -> list[tuple[str, str]]:
    _, page = world.call("GET", "/documents")
    return [(document["title"], document["state"]) for document in page["documents"]]


def test_a_new_document_is_pending_until_it_is_found() -> None:
    world = late_world()
    assert world.ingest(version("A")) == ["indexed"]
    assert (world.search("ferry"), states(world)) == ([], [("A", "pending")])
    _, page = world.call("GET", "/documents", parameters={"state": "pending"})
    assert [document["id"] for document in page["documents"]] == ["ferry"]
    world.vectorize.process()
    assert (world.search("ferry"), states(world)) == (["A"], [("A", "searchable")])
    _, page = world.call("GET", "/documents", parameters={"state": "pending"})
    assert page["documents"] == []


@pytest.mark.parametrize(
    "edited",
    [version("B"), version("A", source="https://example.org"), version("A", metadata={"x": 1})],
    ids=["text", "source", "metadata"],
)
def test_an_edited_document_is_found_all_the_time(edited: dict[str, Any]) -> None:
    world = late_world(version("A"))
    assert world.ingest(edited) == ["indexed"]
    assert world.search("ferry") == ["A"]
    assert states(world) == [(edited["title"], "pending")]
    world.run_cron()
    assert world.search("ferry") == ["A"]
    world.vectorize.process()
    assert world.search("ferry") == [edited["title"]]
    _, document = world.call("GET", "/documents/ferry")
    assert (document["source"], document["state"]) == (edited.get("source", ""), "searchable")


def test_a_raised_scheme_leaves_every_document_searchable(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [{"id": f"{n}", "title": f"{n}", "text": f"ferry {n}"} for n in range(9)]
    world = late_world(*documents)
    titles = world.search("ferry")
    monkeypatch.setattr(records, "SCHEME", [*records.SCHEME, 1])
    assert set(world.ingest(*documents)) == {"indexed"}
    for count in (1, 1, None):
        assert world.search("ferry") == titles
        world.vectorize.process(count)
    assert world.search("ferry") == titles
    assert {state for _, state in states(world)} == {"searchable"}


def test_the_same_text_while_it_is_pending_costs_nothing() -> None:
    world = late_world(version("A"))
    world.ingest(version("B"))
    calls = len(world.ai.calls)
    assert world.ingest(version("B")) == ["unchanged"]
    assert len(world.ai.calls) == calls
    world.vectorize.process()
    assert world.search("ferry") == ["B"]


def test_vectors_that_are_about_to_be_deleted_do_not_count() -> None:
    world = late_world(version("A"))
    world.call("DELETE", "/documents/ferry")
    assert world.ingest(version("A")) == ["indexed"]
    # Those of before are still in the index.
    assert world.vectorize.vectors
    assert (world.search("ferry"), states(world)) == ([], [("A", "pending")])
    world.vectorize.process()
    assert world.search("ferry") == ["A"]


def test_a_long_document_waits_for_its_last_vector() -> None:
    world = late_world(version("A"))
    world.ingest(version("B", text=TEXT * 80))
    assert len(world.vectorize.mutations) > 2
    while world.vectorize.mutations:
        assert world.search("ferry") == ["A"]
        world.vectorize.process(1)
    assert world.search("ferry") == ["B"]


def test_more_documents_than_a_search_looks_for_become_searchable() -> None:
    world = late_world()
    count = SETTLE_BATCH + 30
    for start in range(0, count, 50):
        batch = range(start, min(start + 50, count))
        world.ingest(*({"id": f"{n:03}", "title": f"{n}", "text": f"n{n}"} for n in batch))
    world.vectorize.process()
    world.run_cron()
    _, page = world.call("GET", "/documents", parameters={"limit": "200"})
    assert [document["state"] for document in page["documents"]] == ["searchable"] * count


def test_the_oldest_become_searchable_first_whatever_follows_them() -> None:
    world = late_world()
    world.ingest({"id": "z", "title": "z", "text": "ferry"})
    world.database.rows("UPDATE documents SET pending = json_set(pending, '$.since', 1)")
    visible = len(world.vectorize.mutations)
    world.ingest(*({"id": f"{n:03}", "text": f"n{n}"} for n in range(SETTLE_BATCH)))
    world.vectorize.process(visible)
    assert world.search("ferry") == ["z"]


def test_documents_that_never_become_visible_keep_no_other_waiting() -> None:
    world = late_world()
    world.ingest(*({"id": f"{n:03}", "text": f"n{n}"} for n in range(SETTLE_BATCH)))
    world.vectorize.mutations.clear()
    world.ingest({"id": "z", "title": "z", "text": "ferry"})
    world.vectorize.process()
    world.run_cron()
    assert world.search("ferry") == ["z"]


def test_a_search_that_is_overtaken_by_an_edit_finds_the_new_revision() -> None:
    world = late_world(version("A"))
    world.ingest(version("B"))
    query = world.vectorize.query

    async def query_and_wait(vector: list[float], options: Mapping[str, Any]) -> dict[str, Any]:
        world.vectorize.query = query  # type: ignore[method-assign]
        found = await query(vector, options)
        world.vectorize.process()
        await world.resources().tidy()
        return found

    world.vectorize.query = query_and_wait  # type: ignore[method-assign]
    assert world.search("ferry") == ["B"]


@pytest.mark.parametrize(("lang", "titles"), [("en", ["A"]), ("de", [])])
def test_a_filter_is_about_what_is_served(lang: str, titles: list[str]) -> None:
    world = late_world(version("A", metadata={"lang": "en"}))
    world.ingest(version("B", text=TEXT * 80, metadata={"lang": "de"}))
    world.vectorize.process(1)
    _, reply = world.call("GET", "/search", parameters={"q": "ferry", "lang": lang})
    assert sorted({source["title"] for source in reply["sources"]}) == titles
    world.vectorize.process()
    world.search("ferry")
    # The vectors of A, which are "en", are still there.
    _, reply = world.call("GET", "/search", parameters={"q": "ferry", "lang": "en"})
    assert reply["sources"] == []


def test_a_search_while_a_document_is_deleted_finds_nothing_of_it() -> None:
    world = late_world(version("A"))
    world.ingest(version("B"))
    assert world.call("DELETE", "/documents/ferry") == (204, None)
    for _ in range(4):
        assert (world.search("ferry"), states(world)) == ([], [])
        world.vectorize.process(1)
        world.run_cron()
    world.vectorize.process()
    assert world.vectorize.vectors == {}
    assert world.database.rows("SELECT id FROM documents UNION SELECT id FROM chunks") == []


def test_documents_from_before_there_were_pending_ones_go_on() -> None:
    world = late_world(version("A"))
    [row] = world.database.rows("SELECT revision FROM documents")
    ours, theirs = row["revision"], row["revision"].partition("-")[0]
    world.database.rows(f"UPDATE documents SET revision = '{theirs}'")
    world.database.rows(
        f"UPDATE chunks SET revision = '{theirs}', id = replace(id, '{ours}', '{theirs}')"
    )
    vectors = world.vectorize.vectors
    for id_ in list(vectors):
        vector = vectors.pop(id_)
        vectors[id_.replace(ours, theirs)] = vector | {"id": id_.replace(ours, theirs)}
    assert world.search("ferry") == ["A"]
    assert world.ingest(version("A")) == ["unchanged"]
    world.ingest(version("B"))
    assert world.search("ferry") == ["A"]
    world.vectorize.process()
    assert world.search("ferry") == ["B"]


EVENTS = ("A", "B", "C", "delete", "process", "process", "process all", "cron", "search")


@pytest.mark.parametrize("seed", range(40))
def test_any_order_of_events(seed: int) -> None:
    """A search finds one revision of the document, and the newest that Vectorize has."""
    chance = random.Random(seed)
    world = late_world()
    latest: str | None = None
    found: list[str] = []
    history: list[str] = []
    for event in chance.choices(EVENTS, k=12):
        history.append(event)
        if event in ("A", "B", "C"):
            world.ingest(version(event))
            latest = event
        elif event == "delete":
            world.call("DELETE", "/documents/ferry")
            latest, found = None, []
        elif event == "process":
            world.vectorize.process(1)
        elif event == "process all":
            world.vectorize.process()
        elif event == "cron":
            world.run_cron()
        now = world.search("ferry")
        assert now in (found, [latest]), history
        if event == "process all" and latest:
            assert now == [latest], history
        found = now
    world.vectorize.process()
    assert world.search("ferry") == ([latest] if latest else []), history
    world.run_cron()
    world.vectorize.process()
    chunks = {row["id"] for row in world.database.rows("SELECT id FROM chunks")}
    assert set(world.vectorize.vectors) == chunks, history
    assert len(world.database.rows("SELECT * FROM documents")) == (1 if latest else 0), history


def test_a_slow_index_never_makes_two_crons_collide() -> None:
    world = late_world(version("A"))
    world.ingest(version("B"))
    world.vectorize.process()

    async def both() -> None:
        await asyncio.gather(world.resources().tidy(), world.resources().tidy())

    asyncio.run(both())
    assert world.search("ferry") == ["B"]
    assert world.database.rows("SELECT id FROM documents WHERE claim IS NOT NULL") == []


def test_a_search_finds_what_replaced_a_revision_that_is_deleted_meanwhile() -> None:
    world = late_world(version("A"))
    world.ingest(version("B"))
    query = world.vectorize.query

    async def query_and_wait(vector: list[float], options: Mapping[str, Any]) -> dict[str, Any]:
        world.vectorize.query = query  # type: ignore[method-assign]
        found = await query(vector, options)
        world.vectorize.process()
        await world.send("GET", "/documents")
        await world.send("POST", "/documents", version("B"))
        return found

    world.vectorize.query = query_and_wait  # type: ignore[method-assign]
    _, reply = world.call("GET", "/search", parameters={"q": "ferry", "mode": "vector"})
    assert {source["title"] for source in reply["sources"]} == {"B"}


def test_what_the_index_has_lost_is_indexed_again_if_somebody_asks() -> None:
    world = late_world(version("A"))
    world.vectorize.vectors.clear()
    assert world.ingest(version("A")) == ["unchanged"]
    assert world.ingest(version("A", again=True)) == ["indexed"]
    world.vectorize.process()
    _, reply = world.call("GET", "/search", parameters={"q": "ferry", "mode": "vector"})
    assert {source["title"] for source in reply["sources"]} == {"A"}
    assert world.ingest(version("A")) == ["unchanged"]
