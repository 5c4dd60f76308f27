"""Documents that a queue brings in: all of them once, whatever is cut off on the way."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fakes import World
from job_services import Page
from jobs.consumer import DEAD_LETTERS
from jobs.limits import MAX_CRASHES
from rag import intake, requests
from rag.background import fetched_type
from rag.files import file_id
from rag.limits import MAX_AT_ONCE, MAX_DOCUMENTS
from services import ServiceError
from test_files import FORM, form

URL = "https://docs.example.org/whales"
EMBEDDING_MODEL = "@cf/baai/bge-base-en-v1.5"
HTML = {"content-type": "text/html; charset=utf-8"}


@pytest.fixture
def world() -> World:
    return World()


def many(count: int = MAX_AT_ONCE + 1, text: str = "Whales swim.") -> dict[str, Any]:
    documents = [{"id": f"d{i}", "title": f"Whale {i}", "text": text} for i in range(count)]
    return {"documents": documents}


def accept(world: World, body: Any, **options: Any) -> str:
    """Send what becomes a job; return its id."""
    status, job = world.call("POST", "/documents", body, **options)
    assert status == 202, job
    assert (job["status"], job["documents"]) == ("queued", None)
    return str(job["id"])


def ended(world: World, job_id: str) -> Any:
    status, job = world.call("GET", f"/jobs/{job_id}")
    assert status == 200
    return job


def texts(world: World) -> set[str]:
    """What a search finds."""
    sources = world.call("GET", "/search", parameters={"q": "whales"})[1]["sources"]
    return {source["text"] for source in sources}


def settle(world: World) -> None:
    """Let all waits pass."""
    for _ in range(20):
        world.deliver_due()
        world.pass_time(minutes=16)
        world.database.connection.execute("UPDATE documents SET claimed_at = 0")
        world.run_cron()


def test_a_few_are_indexed_at_once_and_more_by_a_job(world: World) -> None:
    assert world.call("POST", "/documents", many(MAX_AT_ONCE))[0] == 200
    assert not world.queue.waiting
    reply = asyncio.run(world.send("POST", "/documents", many(text="Whales sing.")))
    job = json.loads(reply.body)
    assert (reply.status, reply.headers["Location"]) == (202, f"/jobs/{job['id']}")
    assert texts(world) == {"Whales swim."}
    world.deliver()
    job = ended(world, job["id"])
    assert (job["status"], job["attempts"], job["error"]) == ("done", 1, None)
    assert job["documents"] == [
        {"id": f"d{i}", "status": "indexed"} for i in range(MAX_AT_ONCE + 1)
    ]
    assert texts(world) == {"Whales sing."}


def test_a_request_is_read_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read, times = requests.read_documents, list[int]()

    def counted(body: Any) -> Any:
        times.append(1)
        return read(body)

    monkeypatch.setattr(intake, "read_documents", counted)
    world.ingest(many(1)["documents"][0])
    assert len(times) == 1


def test_files_of_a_form_that_cant_go_in_are_named_in_the_job(world: World) -> None:
    files = {f"{i}.md": b"Whales swim." for i in range(MAX_AT_ONCE)} | {"a.pdf": b"no PDF"}
    job_id = accept(world, form(files), headers=FORM)
    world.deliver()
    job = ended(world, job_id)
    *good, bad = job["documents"]
    assert job["status"] == "done"
    assert {outcome["status"] for outcome in good} == {"indexed"}
    assert (bad["id"], bad["status"], bad["code"]) == ("a.pdf", "refused", "unsupported-type")


def test_two_files_of_one_id_are_no_job(world: World) -> None:
    names = ["\u00e9.md", "e\u0301.md", *(f"{i}.md" for i in range(MAX_AT_ONCE))]
    body = form(dict.fromkeys(names, b"Whales swim."))
    status, problem = world.call("POST", "/documents", body, headers=FORM)
    assert (status, problem["errors"][0]["pointer"]) == (422, "#/file")
    assert not world.queue.waiting


@pytest.mark.parametrize(
    ("url", "page", "name"),
    [
        (URL, Page(b"<h1>Whales</h1>", headers=HTML), "whales.html"),
        (f"{URL}.pdf", Page(b"%PDF-1.7", headers={"content-type": "application/pdf"}), None),
        (f"{URL}.csv", Page(b"a,b", headers={"content-type": "text/plain"}), "whales.csv"),
        ("https://docs.example.org/", Page(b"<p>Hi.</p>", headers=HTML), "page.html"),
        (f"{URL}.docx", Page(b"PK\x03\x04", headers={}), "whales.docx"),
    ],
)
def test_what_is_at_an_address_is_indexed(
    world: World, url: str, page: Page, name: str | None
) -> None:
    world.web[url] = page
    job_id = accept(world, {"url": url})
    assert not world.fetched
    world.deliver()
    job = ended(world, job_id)
    assert (job["status"], job["url"]) == ("done", url)
    assert job["documents"] == [{"id": file_id(url), "status": "indexed"}]
    assert world.call("GET", f"/documents/{file_id(url)}")[1]["source"] == url
    assert world.ai.converted[0][0] == (name or "whales.pdf")


def test_the_same_address_again_brings_what_is_new_there(world: World) -> None:
    for text in ("Whales swim.", "Whales sing."):
        world.web[URL] = Page(text.encode())
        accept(world, {"url": URL})
        world.deliver()
    assert texts(world) == {"Whales sing."}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "http://docs.example.org/"}, "#/url"),
        ({"url": "https://169.254.169.254/latest/meta-data/"}, "#/url"),
        ({"url": "https://localhost/"}, "#/url"),
        ({"url": 7}, "#/url"),
        ({"url": URL, "text": "both"}, "#"),
        ({"documents": [{"text": "x", "id": "twice"}] * 11}, "#/documents/1/id"),
    ],
)
def test_what_can_never_go_in_is_refused_at_once(world: World, body: Any, pointer: str) -> None:
    status, problem = world.call("POST", "/documents", body)
    assert (status, problem["errors"][0]["pointer"]) == (422, pointer)
    assert not world.queue.waiting and not world.bucket.files
    assert not world.database.rows("SELECT id FROM jobs")


def test_only_allowed_hosts_are_fetched_from() -> None:
    world = World(ALLOWED_HOSTS="docs.example.com, Other.example.com")
    assert world.call("POST", "/documents", {"url": URL})[0] == 422
    accept(world, {"url": "https://other.example.com/"})


def test_a_redirect_to_the_inside_is_not_followed(world: World) -> None:
    world.web[URL] = Page(b"", 302, {"location": "https://10.0.0.1/"})
    job_id = accept(world, {"url": URL})
    world.deliver()
    job = ended(world, job_id)
    assert job["status"] == "failed"
    assert "redirects to an address that" in job["error"]
    assert world.fetched == [URL]


def test_what_is_no_kind_of_document_fails(world: World) -> None:
    world.web[URL] = Page(b"\0", headers={"content-type": "video/mp4"})
    job_id = accept(world, {"url": URL})
    world.deliver()
    assert "'video/mp4', which is not taken" in ended(world, job_id)["error"]


def test_servers_call_most_texts_plain() -> None:
    assert fetched_type("text/plain; charset=utf-8", "/a/README.md", None) == "text/markdown"
    assert fetched_type("text/plain", "/a", None) == "text/plain"
    assert fetched_type("text/html", "/a.pdf", None) == "text/html"
    assert fetched_type("application/octet-stream", "/a.PDF", None) == "application/pdf"


def test_while_the_models_are_away_a_job_waits_and_keeps_what_it_has(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = accept(world, many())
    calls = 0

    async def embed(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise RuntimeError("3040: Capacity temporarily exceeded")
        return await run(*arguments)

    run = world.ai.run
    monkeypatch.setattr(world.ai, "run", embed)
    [message] = world.deliver()
    assert (message.outcome, message.delay) == ("retry", 10)
    job = ended(world, job_id)
    assert (job["status"], job["error"]) == (
        "queued",
        "The model has no capacity just now. Try again.",
    )
    world.deliver()
    job = ended(world, job_id)
    assert (job["status"], job["attempts"]) == ("done", 2)
    assert {outcome["status"] for outcome in job["documents"]} == {"indexed"}
    # Each document was embedded once, but for the one that failed.
    assert calls == MAX_AT_ONCE + 2


def test_an_outage_makes_no_delivery_one_that_was_cut_off(world: World) -> None:
    job_id = accept(world, many())
    world.ai.failing = {EMBEDDING_MODEL}
    for _ in range(MAX_CRASHES - 1):
        [message] = world.deliver_after_waits()
    [again] = world.queue.waiting
    claim = world.services.deliveries.claim(job_id, message.id, lease="cut off")
    world.pass_time(minutes=10)
    assert asyncio.run(claim) is not None
    world.pass_time(minutes=17)
    world.queue.waiting, world.queue.dead = [], [again]
    world.deliver(f"myapp-jobs{DEAD_LETTERS}")
    assert ended(world, job_id)["status"] == "queued"
    world.ai.failing = set()
    settle(world)
    assert ended(world, job_id)["status"] == "done"


def test_when_the_daily_allocation_is_used_up_files_wait_for_the_next_day(world: World) -> None:
    files = {f"{i}.md": b"Whales swim." for i in range(MAX_AT_ONCE)} | {"a.csv": b"a,b"}
    job_id = accept(world, form(files), headers=FORM)
    world.ai.conversion_error = "3036: You have used up your daily free allocation"
    [message] = world.deliver()
    # No message waits so long: the cron sends another.
    assert message.outcome == "ack"
    assert "daily Workers AI allocation" in ended(world, job_id)["error"]
    world.ai.conversion_error = ""
    world.pass_time(days=1)
    settle(world)
    assert len(ended(world, job_id)["documents"]) == MAX_AT_ONCE + 1


def test_a_document_in_other_hands_is_waited_for(world: World) -> None:
    job_id = accept(world, many())
    world.database.connection.execute(
        "INSERT INTO documents (id, claim, claimed_at, unswept) "
        "VALUES ('acme/d3', 'x', unixepoch(), 1)"
    )
    [message] = world.deliver()
    assert message.outcome == "retry"
    assert "Another request is changing" in ended(world, job_id)["error"]
    settle(world)
    assert len(ended(world, job_id)["documents"]) == MAX_AT_ONCE + 1


@pytest.mark.parametrize("url", [False, True], ids=["documents", "address"])
@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
def test_cut_off_at_any_call_nothing_is_lost(after: bool, url: bool) -> None:
    cut_at = 0
    while True:
        cut_at += 3
        world = World()
        world.web[URL] = Page(b"Whales swim.")
        world.fuse.blows_at, world.fuse.after = cut_at, after
        status, _ = world.call("POST", "/documents", {"url": URL} if url else many())
        world.deliver()
        complete = world.fuse.calls < cut_at
        world.fuse.blows_at = float("inf")
        settle(world)
        rows = world.database.rows("SELECT status FROM jobs")
        states = [row["status"] for row in rows]
        # If the client was told of a job, it is done; if not, it may be, or is not there.
        assert states in ([["done"]] if status == 202 else [[], ["done"], ["failed"]])
        expected = 1 if url else MAX_AT_ONCE + 1
        documents = world.call("GET", "/documents")[1]["documents"]
        assert len(documents) == (expected if states == ["done"] else 0), f"call {cut_at}"
        assert not world.database.rows(
            "SELECT id FROM chunks WHERE revision NOT IN (SELECT revision FROM documents)"
        )
        if complete:
            return


def test_jobs_and_what_was_sent_are_forgotten_after_a_day(world: World) -> None:
    job_id = accept(world, many(MAX_DOCUMENTS))
    world.deliver()
    world.run_cron()
    assert ended(world, job_id)["status"] == "done"
    assert len(world.bucket.files) == 1
    world.pass_time(days=1, minutes=1)
    world.run_cron()
    assert world.call("GET", f"/jobs/{job_id}")[0] == 404
    assert not world.bucket.files
    assert len(world.call("GET", "/documents")[1]["documents"]) == MAX_DOCUMENTS


def test_the_cron_looks_after_jobs_while_vectorize_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.vectorize.lags = True
    world.ingest({"id": "pending", "text": "Whales dive."})
    accept(world, many())
    world.queue.waiting.clear()
    world.pass_time(hours=7)

    async def away(_ids: list[str]) -> list[dict[str, Any]]:
        raise ServiceError("Vectorize is away")

    monkeypatch.setattr(world.vectorize, "getByIds", away)
    with pytest.raises(ServiceError):
        world.run_cron()
    assert len(world.queue.waiting) == 1
