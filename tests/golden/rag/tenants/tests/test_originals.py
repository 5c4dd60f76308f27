"""Files that were uploaded, kept beside their documents."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from fakes import World
from test_files import FORM, form, upload


@pytest.fixture
def world() -> World:
    return World()


def test_an_original_comes_back_to_be_saved_and_not_shown(world: World) -> None:
    page = b"<script>alert(1)</script> Whales swim."
    assert upload(world, {"sea/page.html": page})[0] == 200
    reply = asyncio.run(world.send("GET", "/originals/sea/page.html"))
    assert (reply.status, reply.body) == (200, page)
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert reply.headers["Content-Disposition"] == 'attachment; filename="page.html"'
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_without_a_token_nothing_comes_back(world: World) -> None:
    upload(world, {"a.md": b"Text."})
    status, _ = world.call("GET", "/originals/a.md", headers={"authorization": ""})
    assert status == 401


def test_what_is_not_there(world: World) -> None:
    world.ingest({"id": "a", "text": "Sent as text."})
    for path in ("/originals/a", "/originals/b"):
        status, problem = world.call("GET", path)
        assert (status, problem["code"]) == (404, "not-found")
    assert world.call("DELETE", "/originals/a")[0] == 405


def test_an_id_may_end_like_any_address(world: World) -> None:
    for id_ in ("a/original", "originals/a", "a"):
        upload(world, {"a.md": id_.encode()}, {"id": id_})
    for id_ in ("a/original", "originals/a", "a"):
        assert asyncio.run(world.send("GET", f"/originals/{id_}")).body == id_.encode()
        assert world.call("GET", f"/documents/{id_}")[1]["id"] == id_
        assert world.call("DELETE", f"/documents/{id_}")[0] == 204


def test_a_file_that_is_refused_is_not_kept(world: World) -> None:
    assert upload(world, {"a.pdf": b"no PDF"})[0] == 415
    assert world.call("POST", "/documents", form({"a.md": b""}), headers=FORM)[0] == 422
    assert not world.bucket.files


def test_another_file_with_the_same_text_replaces_the_original(world: World) -> None:
    for content in (b"Text.", b"Text.\n"):
        upload(world, {"a.md": content})
    assert asyncio.run(world.send("GET", "/originals/a.md")).body == b"Text.\n"


def test_an_original_is_replaced_with_its_document(world: World) -> None:
    upload(world, {"a.md": b"Old."})
    upload(world, {"a.md": b"New."})
    assert asyncio.run(world.send("GET", "/originals/a.md")).body == b"New."
    world.ingest({"id": "a.md", "text": "Without a file."})
    assert world.call("GET", "/originals/a.md")[0] == 404
    world.search("anything")
    world.run_cron()
    assert not world.bucket.files


def test_whoever_lost_its_claim_leaves_the_original_of_the_next_holder(world: World) -> None:
    upload(world, {"a.md": b"Old."})
    put, reached, may_go_on = world.bucket.put, asyncio.Event(), asyncio.Event()

    async def put_slowly(key: str, value: Any) -> None:
        world.bucket.put = put  # type: ignore[method-assign]
        reached.set()
        await may_go_on.wait()
        await put(key, value)

    async def overtaken() -> list[int]:
        world.bucket.put = put_slowly  # type: ignore[method-assign]
        send = partial(world.send, "POST", "/documents", headers=FORM)
        slow = asyncio.create_task(send(form({"a.md": b"Slow."})))
        await asyncio.wait_for(reached.wait(), timeout=120)
        world.database.rows("UPDATE documents SET claimed_at = 0")
        fast = await send(form({"a.md": b"Fast."}))
        may_go_on.set()
        return [(await slow).status, fast.status]

    assert asyncio.run(overtaken()) == [409, 200]
    assert asyncio.run(world.send("GET", "/originals/a.md")).body == b"Fast."
    world.search("anything")
    world.run_cron()
    assert [file.data for file in world.bucket.files.values()] == [b"Fast."]


@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
def test_a_document_is_deleted_with_its_original_wherever_it_is_cut(after: bool) -> None:
    for step in range(1, 100):
        world = World()
        upload(world, {"a.md": b"Text."})
        world.fuse.calls, world.fuse.blows_at, world.fuse.after = 0, step, after
        status, _ = world.call("DELETE", "/documents/a.md")
        world.fuse.blows_at = float("inf")
        if status == 204:
            assert not world.bucket.files
            return
        world.database.connection.execute("UPDATE documents SET claimed_at = 0")
        assert world.call("DELETE", "/documents/a.md")[0] in (204, 404)
        assert not world.bucket.files, f"cut off at call {step}"
    pytest.fail("the deletion never ended")
