"""What waits, and for how long: outages of every service, dead letters, retries by people."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import Any

import pytest

from fakes import OTHER_TOKEN, World
from job_services import FakeBatch, FakeMessage, Page
from jobs.consumer import DEAD_LETTERS, Consumer
from jobs.limits import MAX_ATTEMPTS, MAX_CRASHES, MAX_SWEEPS
from jobs.waits import delay_seconds, explain, wait_seconds
from pipeline.limits import PARALLEL_CALLS, PIECE_CHARS
from services import ServiceError

URL = "https://docs.example.org/whales.txt"
DEAD_QUEUE = "myapp-jobs" + DEAD_LETTERS
BUSY = "3040: Capacity temporarily exceeded"
SPENT = "3036: you have used up your daily free allocation of 10,000 neurons"
LONG = "".join(f"Sentence {number} is about whales. " for number in range(15_000))


@pytest.fixture
def world() -> World:
    return World()


def status(world: World, job_id: str) -> str:
    return str(world.job(job_id)["status"])


def live(world: World, hours: int) -> None:
    """Let time pass as it does on Cloudflare: the queue delivers, and the cron runs."""
    for _ in range(hours * 6):
        for _ in range(2):
            world.pass_time(minutes=5)
            world.deliver_due()
        with suppress(ServiceError):
            world.sweep()


def test_delays_end_at_an_hour() -> None:
    assert [delay_seconds(attempts) for attempts in (1, 2, 9, 10, 99)] == [10, 20, 2560, 3600, 3600]


@pytest.mark.parametrize(
    ("error", "hours"), [(BUSY, 1), (BUSY, 30), ("5028: This model was deprecated", 2), ("?", 1)]
)
def test_an_outage_of_the_model_is_waited_out(world: World, error: str, hours: int) -> None:
    jobs = [world.upload(f"Text {number}.") for number in range(5)]
    world.ai.error = error
    live(world, hours)
    world.deliver_due()
    assert {status(world, job) for job in jobs} == {"queued"}
    assert all(world.job(job)["retry_at"] for job in jobs)
    assert not world.queue.dead
    # Far fewer calls than minutes.
    assert world.ai.calls < 5 * (hours + 12)
    world.ai.error = ""
    live(world, 2)
    assert {status(world, job) for job in jobs} == {"done"}
    assert len(world.ai.prompts) == 5


@pytest.mark.parametrize("service", ["database", "bucket", "web"])
def test_an_outage_of_any_service_is_waited_out(world: World, service: str) -> None:
    world.web[URL] = Page()
    jobs = [world.upload("Whales."), world.upload_url(URL)]
    if service == "web":
        world.web[URL] = Page(status=503)
        live(world, 3)
        world.web[URL] = Page()
    else:
        fuse, getattr(world, service).fuse = world.fuse, world.broken
        live(world, 3)
        getattr(world, service).fuse = fuse
    live(world, 3)
    assert {status(world, job) for job in jobs} == {"done"}
    assert len(world.database.rows("SELECT * FROM results")) == 2


@pytest.mark.parametrize(
    ("clock", "wait"),
    [
        ("00:00:30", 600),
        ("00:10:00", 600),
        ("00:20:00", 23 * 3600 + 40 * 60 + 600),
        ("12:00:00", 12 * 3600 + 600),
        ("23:59:59", 601),
    ],
)
def test_a_spent_day_is_over_at_midnight(clock: str, wait: int) -> None:
    hours, minutes, seconds = map(int, clock.split(":"))
    now = 1_790_000_000 // 86_400 * 86_400 + hours * 3600 + minutes * 60 + seconds
    for attempts in (1, 9):
        assert wait_seconds(ServiceError(SPENT), attempts, now + 0.9) == wait
        assert wait_seconds(OSError(f"no host {SPENT}"), attempts, now) == delay_seconds(attempts)


def test_nobody_reads_the_address_that_the_runtime_writes() -> None:
    said = explain(OSError("fetch of https://files.example/a?signature=s failed"), ServiceError)
    assert said == "The file could not be fetched: its server can't be reached."
    said = explain(ConnectionError("its server answered 503"), ServiceError)
    assert said == "The file could not be fetched: its server answered 503."


def test_a_job_of_a_spent_day_asks_once_until_midnight(world: World) -> None:
    job_id = world.upload()
    world.ai.error = SPENT
    [message] = world.deliver()
    if message.outcome == "ack":
        # Unless the tests run at midnight.
        left = world.job(job_id)["retry_at"]
        assert left[11:16] == "00:10" or left[11:15] == "00:0"
    world.queue.waiting.append(FakeMessage("another", message.body))
    world.deliver()
    world.sweep()
    world.deliver()
    assert world.ai.calls <= 2
    world.ai.error = ""
    world.pass_time(days=1, minutes=20)
    world.sweep()
    world.deliver()
    assert status(world, job_id) == "done"


def test_what_always_fails_fails_at_last_and_can_be_retried(world: World) -> None:
    job_id = world.upload()
    world.ai.error = "5007: No such model"
    world.database.connection.execute("UPDATE jobs SET attempts = ?", (MAX_ATTEMPTS - 3,))
    live(world, 6)
    job = world.job(job_id)
    assert (job["status"], job["attempts"]) == ("failed", MAX_ATTEMPTS)
    assert "no model of the configured name" in job["error"]
    world.ai.error = ""
    code, job = world.call("POST", f"/jobs/{job_id}/retry")
    assert (code, job["status"], job["attempts"], job["error"]) == (202, "queued", 0, None)
    world.deliver()
    assert status(world, job_id) == "done"


# Retries by people


def test_a_retry_is_for_what_failed_or_waits(world: World) -> None:
    job_id = world.upload("[", "a.json")
    path = f"/jobs/{job_id}/retry"
    world.deliver()
    assert status(world, job_id) == "failed"
    assert world.call("POST", path, token=OTHER_TOKEN)[0] == 404
    assert world.call("GET", path)[0] == 405
    assert status(world, job_id) == "failed"
    assert world.call("POST", path)[1]["status"] == "queued"
    assert [message.outcome for message in world.deliver()] == ["ack"]
    assert status(world, job_id) == "failed"
    good = world.upload()
    world.ai.error = BUSY
    while world.queue.waiting:
        world.deliver()
    assert world.job(good)["retry_at"]
    world.ai.error = ""
    assert world.call("POST", f"/jobs/{good}/retry")[1]["attempts"] == 0
    world.deliver()
    assert status(world, good) == "done"
    assert world.call("POST", f"/jobs/{good}/retry")[0] == 409
    assert world.call("POST", "/jobs/unknown/retry")[0] == 404


@pytest.mark.parametrize("lost", [True, False])
def test_a_retry_of_a_queued_job_sends_a_message_as_its_own_may_be_lost(
    world: World, lost: bool
) -> None:
    job_id = world.upload()
    if lost:
        world.queue.waiting.clear()
    assert world.call("POST", f"/jobs/{job_id}/retry")[0] == 202
    world.deliver()
    assert (status(world, job_id), world.ai.calls) == ("done", 1)


def test_a_retry_is_for_a_job_whose_delivery_was_cut_off_and_is_lost(world: World) -> None:
    job_id = world.upload()
    asyncio.run(world.services.deliveries.claim(job_id, worker="gone", lease="gone"))
    world.queue.waiting.clear()
    for minutes, code, sent in ((1, 409, 0), (16, 202, 1)):
        world.pass_time(minutes=minutes)
        assert world.call("POST", f"/jobs/{job_id}/retry")[0] == code
        assert len(world.queue.waiting) == sent
    world.deliver()
    assert status(world, job_id) == "done"


@pytest.mark.parametrize("stored", [True, False])
def test_a_retry_is_for_an_upload_that_was_cut_off(world: World, stored: bool) -> None:
    job_id = world.upload()
    world.database.connection.execute("UPDATE jobs SET status = 'received'")
    world.queue.waiting.clear()
    if not stored:
        world.bucket.files.clear()
    code, problem = world.call("POST", f"/jobs/{job_id}/retry")
    assert (code, problem["code"]) == (409, "job-under-way")
    assert "still being sent" in problem["detail"]
    world.pass_time(minutes=16)
    assert world.call("POST", f"/jobs/{job_id}/retry")[1]["status"] == "queued"
    world.deliver()
    assert status(world, job_id) == ("done" if stored else "failed")


def test_a_job_that_is_worked_on_needs_no_retry(world: World) -> None:
    job_id = world.upload()
    asyncio.run(world.services.deliveries.claim(job_id, worker="message-1", lease="alive"))
    code, problem = world.call("POST", f"/jobs/{job_id}/retry")
    assert (code, problem["code"]) == (409, "job-under-way")
    assert "being worked on" in problem["detail"]


def test_a_file_that_a_rule_has_deleted_is_to_be_sent_again(world: World) -> None:
    options: Any = {"headers": {"idempotency-key": "k"}}
    job_id = world.upload(**options)
    world.ai.error = BUSY
    world.deliver()
    world.bucket.files.clear()
    world.ai.error = ""
    world.call("POST", f"/jobs/{job_id}/retry")
    world.deliver()
    job = world.job(job_id)
    assert job["status"] == "failed"
    assert "a rule of its bucket deleted it" in job["error"]
    assert job["error"].endswith("Send it again.")
    assert world.upload(**options) == job_id
    world.deliver()
    assert status(world, job_id) == "done"


@pytest.mark.parametrize("path", ["/jobs/{}/retry", "/jobs/retry"])
def test_a_retry_ends_a_short_wait(world: World, path: str) -> None:
    job_id = world.upload()
    world.ai.error = BUSY
    [first] = world.deliver()
    job = world.job(job_id)
    assert (first.outcome, job["status"], job["retry_at"]) == ("retry", "queued", None)
    world.ai.error = ""
    assert world.call("POST", path.format(job_id))[0] == 202
    assert world.job(job_id)["error"] is None
    # Not the first message, which still waits.
    world.deliver_due()
    assert (status(world, job_id), world.ai.calls) == ("done", 2)
    assert [message.outcome for message in world.deliver()] == ["ack"]
    assert world.ai.calls == 2


def test_a_retry_whose_message_is_lost_is_sent_by_the_sweep(world: World) -> None:
    job_id = world.upload("[", "a.json")
    world.deliver()
    world.call("POST", f"/jobs/{job_id}/retry")
    world.queue.waiting.clear()
    world.sweep()
    assert len(world.deliver()) == 1


def test_all_failed_jobs_of_one_owner_are_retried(world: World) -> None:
    failed = [world.upload(f"[{number}", "a.json") for number in range(250)]
    others = world.upload("[", "a.json", token=OTHER_TOKEN)
    done = world.upload()
    world.deliver()
    assert world.call("POST", "/jobs/retry") == (202, {"retried": 250})
    assert world.call("GET", "/jobs", parameters={"status": "failed"})[1]["jobs"] == []
    # A call of the queue takes a hundred; the sweep sends the others.
    assert len(world.queue.waiting) == 100
    world.sweep()
    assert len(world.queue.waiting) == 250
    world.sweep()
    sent = {message.body["job"] for message in world.queue.waiting}
    assert len(world.queue.waiting) == 250
    assert sent == set(failed)
    assert done not in sent | {others}
    assert world.call("POST", "/jobs/retry") == (202, {"retried": 0})


@pytest.mark.parametrize("url", [False, True])
def test_the_same_key_begins_a_failed_job_again(world: World, url: bool) -> None:
    key = {"idempotency-key": "k"}
    world.web[URL] = Page(status=404)
    if url:
        body: Any = json.dumps({"file_url": URL}).encode()
        options: Any = {"headers": key | {"content-type": "application/json"}}
    else:
        body, options = b"[" * 99, {"headers": key, "parameters": {"name": "a.json"}}
    _, first = world.call("POST", "/files", body, **options)
    world.deliver()
    assert status(world, first["id"]) == "failed"
    world.web[URL] = Page()
    code, again = world.call("POST", "/files", body, **options)
    assert (code, again["id"], again["status"]) == (202, first["id"], "queued")
    assert (again["attempts"], again["error"]) == (0, None)
    world.deliver()
    assert status(world, first["id"]) == ("done" if url else "failed")
    assert len(world.database.rows("SELECT * FROM jobs")) == 1


def test_the_same_key_sends_a_message_that_may_be_lost(world: World) -> None:
    key = {"idempotency-key": "k"}
    job_id = world.upload(headers=key)
    world.queue.waiting.clear()
    assert world.upload(headers=key) == job_id
    world.deliver()
    assert (status(world, job_id), world.ai.calls) == ("done", 1)
    assert world.upload(headers=key) == job_id
    assert world.queue.waiting == []


def test_a_failed_job_whose_second_upload_is_cut_off_is_still_there(world: World) -> None:
    options: Any = {"headers": {"idempotency-key": "k"}}
    job_id = world.upload("[", "a.json", **options)
    world.deliver()
    world.bucket.fuse = world.broken
    parameters = {"name": "a.json"}
    assert world.call("POST", "/files", b"[", parameters=parameters, **options)[0] == 502
    world.bucket.fuse = world.fuse
    live(world, 1)
    assert status(world, job_id) == "failed"


def test_a_request_that_was_overtaken_drops_nothing_when_it_fails(world: World) -> None:
    put, enqueue = world.bucket.put, world.queue.sendBatch
    options: Any = {"parameters": {"name": "a.txt"}, "headers": {"idempotency-key": "k"}}
    seen: list[Any] = []

    async def slow(key: str, value: Any) -> None:
        world.bucket.put = put  # type: ignore[method-assign]
        world.pass_time(minutes=2)
        world.queue.sendBatch = enqueue_after_the_first  # type: ignore[method-assign]
        seen.append(await world.send("POST", "/files", b"Whales.", **options))
        raise ServiceError("Network connection lost")

    async def enqueue_after_the_first(messages: list[dict[str, Any]]) -> None:
        # The first request fails while the second one is still at work.
        await world.services.store.forget(messages[0]["body"]["job"])
        await enqueue(messages)

    world.bucket.put = slow  # type: ignore[method-assign]
    assert world.call("POST", "/files", b"Whales.", **options)[0] == 502
    assert seen[0].status == 202
    job_id = json.loads(seen[0].body)["id"]
    world.deliver()
    assert status(world, job_id) == "done"


# Dead letters


def test_a_dead_letter_whose_job_never_began_is_put_back(world: World) -> None:
    job_id = world.upload()
    world.queue.dead, world.queue.waiting = world.queue.waiting, []
    [message] = world.deliver(DEAD_QUEUE)
    assert (message.outcome, status(world, job_id)) == ("ack", "queued")
    world.sweep()
    world.deliver()
    assert status(world, job_id) == "done"


def test_a_dead_letter_that_was_always_cut_off_fails_and_can_be_put_back(world: World) -> None:
    job_id = world.upload()
    [message] = world.queue.waiting
    world.queue.waiting = []
    for attempt in range(MAX_CRASHES):
        asyncio.run(world.services.deliveries.claim(job_id, message.id, str(attempt)))
    world.pass_time(minutes=17)
    world.queue.dead = [message]
    world.deliver(DEAD_QUEUE)
    assert status(world, job_id) == "failed"
    assert "too often" in world.job(job_id)["error"]
    world.call("POST", "/jobs/retry")
    world.deliver()
    assert status(world, job_id) == "done"


def test_dead_letters_come_back_only_so_often(world: World) -> None:
    job_id = world.upload()
    for _ in range(MAX_SWEEPS + 1):
        assert status(world, job_id) == "queued"
        world.queue.dead, world.queue.waiting = world.queue.waiting, []
        world.deliver(DEAD_QUEUE)
        world.sweep()
    assert (status(world, job_id), world.queue.waiting) == ("failed", [])


# Files at addresses


def test_a_file_at_an_address_is_fetched_once(world: World) -> None:
    world.web[URL] = Page(b"<p>Whales", headers={"content-type": "text/html; charset=utf-8"})
    job_id = world.upload_url(URL)
    world.ai.error = BUSY
    world.deliver()
    del world.web[URL]
    world.ai.error = ""
    world.deliver()
    assert (status(world, job_id), world.fetched) == ("done", [URL])
    assert list(world.bucket.files) == [f"uploads/{job_id}"]
    assert world.call("DELETE", f"/jobs/{job_id}")[0] == 204
    assert not world.bucket.files


def test_a_bad_file_at_an_address_is_fetched_again_by_a_retry(world: World) -> None:
    world.web[URL] = Page(b"[", headers={"content-type": "application/json"})
    job_id = world.upload_url(URL)
    world.deliver()
    assert status(world, job_id) == "failed"
    world.web[URL] = Page(b"[1]", headers={"content-type": "application/json"})
    world.call("POST", f"/jobs/{job_id}/retry")
    world.deliver()
    assert status(world, job_id) == "done"


# What is finished of a job


def test_after_an_error_no_further_piece_is_asked_for(world: World) -> None:
    job_id = world.upload(LONG)
    world.ai.error, world.ai.good = BUSY, 2
    world.deliver()
    assert status(world, job_id) == "queued"
    assert world.ai.calls <= 2 + PARALLEL_CALLS


def test_finished_pieces_are_not_paid_for_again(world: World) -> None:
    job_id = world.upload(LONG)
    world.ai.error, world.ai.good = BUSY, 7
    world.deliver()
    world.ai.error = ""
    world.deliver()
    assert status(world, job_id) == "done"
    assert len(world.ai.prompts) == len(set(world.ai.prompts)) > 12
    assert world.database.rows("SELECT * FROM answers") == []


def test_another_model_is_asked_all_of_it(world: World) -> None:
    job_id = world.upload(LONG)
    world.ai.error, world.ai.good = BUSY, 3
    world.deliver()
    world.ai.error = ""
    world.variables["SUMMARY_MODEL"] = "@cf/meta/llama-3.1-8b-instruct-fp8"
    world.deliver()
    assert status(world, job_id) == "done"
    assert len(set(world.ai.prompts)) == len(world.ai.prompts) - 3


def test_one_limit_of_calls_for_all_files_of_a_worker(world: World) -> None:
    jobs = [world.upload(f"{number} {LONG}") for number in range(10)]
    services = world.services

    async def all_at_once() -> None:
        consumer = Consumer(services)
        batches: list[Any] = [FakeBatch("myapp-jobs", [each]) for each in world.queue.waiting]
        await asyncio.gather(*(consumer.consume(batch) for batch in batches))

    asyncio.run(all_at_once())
    assert {status(world, job) for job in jobs} == {"done"}
    assert world.ai.most_at_once == PARALLEL_CALLS


def test_a_batch_is_worked_on_file_by_file(world: World) -> None:
    for letter in "abc":
        world.upload(f"{letter} " * PIECE_CHARS * 2)
    world.deliver()
    letters = [prompt.partition("\n")[2][0] for prompt in world.ai.prompts]
    assert "".join(letters) == "aaaa4bbbb4cccc4"


def test_a_job_that_takes_too_long_continues(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = world.upload(LONG)
    monkeypatch.setattr("jobs.consumer.WORK_SECONDS", 1)
    world.ai.hangs_after = 3
    [message] = world.deliver()
    assert (message.outcome, status(world, job_id)) == ("retry", "queued")
    assert len(world.database.rows("SELECT * FROM answers")) == 3
    world.ai.hangs_after = None
    world.deliver()
    assert status(world, job_id) == "done"


def test_the_clock_of_the_tests_runs(world: World) -> None:
    live(world, 2)
    assert 7100 < world.now - time.time() < 7300
