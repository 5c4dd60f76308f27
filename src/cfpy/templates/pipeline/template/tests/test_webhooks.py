"""Webhooks: signed, sent again until they arrive, and never into a private network."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from fakes import OTHER_TOKEN, TOKEN, World
from jobs.limits import MAX_WEBHOOK_ATTEMPTS
from test_api import form
from test_urls import HOSTILE

JSON = {"content-type": "application/json"}
HOOK = "https://hooks.example.com/done?key=k"
DEAD_QUEUE = "myapp-jobs-dead-letters"


@pytest.fixture
def world() -> World:
    return World()


def upload(world: World, text: str = "Whales swim.", **options: Any) -> str:
    parameters = {"name": "a.txt", "webhook": HOOK}
    status, job = world.call("POST", "/files", text.encode(), parameters=parameters, **options)
    assert (status, job["webhook"]["status"]) == (202, "waiting")
    return str(job["id"])


def state(world: World, job_id: str) -> tuple[str, int, str | None]:
    webhook = world.job(job_id)["webhook"]
    assert webhook["url"] == "https://hooks.example.com/done"
    return webhook["status"], webhook["attempts"], webhook["error"]


def secret(world: World, token: str = TOKEN) -> str:
    status, body = world.call("GET", "/webhook-secret", token=token)
    assert status == 200
    return str(body["secret"])


def is_signed(body: str, headers: dict[str, str], key: str) -> bool:
    """As standardwebhooks.com has it."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}"
    raw = base64.b64decode(key.removeprefix("whsec_"))
    digest = hmac.new(raw, signed.encode(), hashlib.sha256).digest()
    return headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_a_finished_job_is_announced_at_once(world: World) -> None:
    job_id = upload(world)
    world.deliver()
    assert world.job(job_id)["status"] == "done"
    assert state(world, job_id) == ("pending", 0, None)
    world.deliver()
    assert state(world, job_id) == ("delivered", 1, None)
    [(url, body, headers)] = world.posted
    assert url == HOOK
    told = json.loads(body)
    assert (told["type"], told["data"]) == ("job.done", {"id": job_id, "status": "done"})
    assert headers["Content-Type"] == "application/json"
    assert is_signed(body, headers, secret(world))
    assert not is_signed(body, headers, secret(world, OTHER_TOKEN))
    assert not is_signed(body.replace("done", "failed"), headers, secret(world))
    world.deliver()
    world.pass_time(hours=1)
    world.sweep()
    assert not world.queue.waiting


def test_a_failed_job_is_announced_and_again_when_it_is_done(world: World) -> None:
    job_id = upload(world, "\x00")
    world.deliver()
    world.deliver()
    world.bucket.files[f"uploads/{job_id}"].data = b"Whales."
    world.call("POST", f"/jobs/{job_id}/retry")
    world.deliver()
    assert state(world, job_id) == ("pending", 0, None)
    world.deliver()
    assert [json.loads(body)["type"] for _, body, _ in world.posted] == ["job.failed", "job.done"]
    assert len({headers["webhook-id"] for _, _, headers in world.posted}) == 2


def test_a_job_without_a_webhook_announces_nothing(world: World) -> None:
    job_id = world.upload()
    world.deliver()
    world.sweep()
    assert "webhook" not in world.job(job_id)
    assert (world.queue.waiting, world.posted) == ([], [])


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (500, "The server answered 500."),
        (302, "The server answered 302."),
        (404, "The server answered 404."),
        (TimeoutError(), "The server took too long."),
        (ValueError("no route to 10.0.0.1"), "The server could not be reached."),
    ],
)
def test_a_receiver_that_is_away_is_tried_again(
    world: World, answer: int | Exception, error: str
) -> None:
    job_id = upload(world)
    world.deliver()
    world.receiver = [answer]
    delays = [message.delay for _ in range(4) for message in world.deliver_after_waits()]
    assert delays == [10, 20, 40, 80]
    assert state(world, job_id) == ("pending", 4, error)
    world.receiver = [200]
    world.deliver_after_waits()
    assert state(world, job_id) == ("delivered", 5, None)
    bodies, ids = {body for _, body, _ in world.posted}, {h["webhook-id"] for *_, h in world.posted}
    assert (len(bodies), len(ids)) == (1, 1)
    assert world.job(job_id)["status"] == "done"


def test_long_waits_are_ended_by_the_sweep(world: World) -> None:
    job_id = upload(world)
    world.deliver()
    world.receiver = [503]
    for _ in range(8):
        world.deliver_after_waits()
    # The wait would be too long for the queue.
    assert (world.queue.waiting, world.queue.dead) == ([], [])
    assert state(world, job_id)[:2] == ("pending", 7)
    world.sweep()
    assert world.queue.waiting == []
    world.pass_time(minutes=20)
    world.receiver = [200]
    world.sweep()
    world.deliver()
    assert state(world, job_id) == ("delivered", 8, None)


def test_it_is_given_up_after_days_or_when_the_receiver_is_gone(world: World) -> None:
    first = upload(world)
    world.deliver()
    world.receiver = [410]
    world.deliver()
    assert state(world, first) == ("failed", 1, "The server answered 410.")
    second = upload(world, "More.")
    world.deliver()
    world.receiver = [500]
    attempts = MAX_WEBHOOK_ATTEMPTS - 1
    world.database.connection.execute("UPDATE webhooks SET attempts = ?", (attempts,))
    world.deliver()
    assert state(world, second) == ("failed", MAX_WEBHOOK_ATTEMPTS, "The server answered 500.")
    world.pass_time(days=9)
    world.sweep()
    assert world.queue.waiting == []


@pytest.mark.parametrize("lost", ["message", "delivery", "dead letter"])
def test_what_is_lost_is_sent_by_the_sweep(world: World, lost: str) -> None:
    job_id = upload(world)
    world.deliver()
    [message] = world.queue.waiting
    world.queue.waiting = []
    if lost == "delivery":
        webhooks = world.services.webhooks
        assert webhooks is not None
        asyncio.run(webhooks._claim(job_id))
    elif lost == "dead letter":
        world.queue.dead = [message]
        assert [dead.outcome for dead in world.deliver(DEAD_QUEUE)] == ["ack"]
    world.pass_time(minutes=10)
    world.sweep()
    world.deliver()
    assert state(world, job_id)[0] == "delivered"
    assert len(world.posted) == 1


def test_two_messages_send_it_once(world: World) -> None:
    job_id = upload(world)
    world.deliver()
    world.queue.waiting *= 2
    assert {message.outcome for message in world.deliver()} == {"ack"}
    assert len(world.posted) == 1
    world.call("DELETE", f"/jobs/{job_id}")
    assert world.database.rows("SELECT * FROM webhooks") == []


def test_a_job_that_the_sweep_gives_up_is_announced_too(world: World) -> None:
    job_id = upload(world)
    world.queue.waiting.clear()
    world.bucket.files.clear()
    world.database.connection.execute("UPDATE jobs SET status = 'received'")
    for _ in range(2):
        world.pass_time(minutes=16)
        world.sweep()
    world.deliver()
    assert (world.job(job_id)["status"], state(world, job_id)[0]) == ("failed", "delivered")


def test_many_overdue_ones_are_all_sent(world: World) -> None:
    for number in range(250):
        upload(world, f"Whale {number}.")
        world.deliver()
    world.queue.waiting.clear()
    world.pass_time(minutes=10)
    world.sweep()
    world.deliver()
    assert len({json.loads(body)["data"]["id"] for _, body, _ in world.posted}) == 250


# How a client asks for one


def test_each_way_to_send_a_file_takes_a_webhook(world: World) -> None:
    body, headers = form(("a.txt", "text/plain", b"Whales."))
    field = b'--xyz\r\nContent-Disposition: form-data; name="webhook"\r\n\r\n'
    address = json.dumps({"file_url": "https://docs.example.org/a.txt", "webhook": HOOK}).encode()
    for sent, options in [
        (field + HOOK.encode() + b"\r\n" + body, {"headers": headers}),
        (body, {"headers": headers, "parameters": {"webhook": HOOK}}),
        (address, {"headers": JSON}),
    ]:
        status, job = world.call("POST", "/files", sent, **options)
        assert (status, job["webhook"]["url"]) == (202, "https://hooks.example.com/done")
    # A field of a form in a browser that was left empty.
    status, job = world.call("POST", "/files", field + b"\r\n" + body, headers=headers)
    assert (status, "webhook" in job) == (202, False)


def test_null_in_the_body_is_no_address_but_the_one_in_the_url_is(world: World) -> None:
    body = b'{"file_url": "https://docs.example.org/a.txt", "webhook": null}'
    status, job = world.call("POST", "/files", body, headers=JSON)
    assert (status, "webhook" in job) == (202, False)
    options: Any = {"headers": JSON, "parameters": {"webhook": HOOK}}
    status, job = world.call("POST", "/files", body, **options)
    assert (status, job["webhook"]["url"]) == (202, "https://hooks.example.com/done")
    body = body.replace(b"null", b'""')
    assert world.call("POST", "/files", body, **options)[0] == 422


@pytest.mark.parametrize("address", [*HOSTILE, "", "hooks.example.com", "ftp://a.example.com/"])
def test_no_webhook_goes_to_what_may_not_be_fetched(world: World, address: str) -> None:
    parameters = {"name": "a.txt", "webhook": address}
    status, problem = world.call("POST", "/files", b"Whales.", parameters=parameters)
    assert (status, problem["errors"][0]["pointer"]) == (422, "#/webhook")
    assert not world.bucket.files


def test_allowed_hosts_are_for_webhooks_too_and_are_checked_again(world: World) -> None:
    job_id = upload(world)
    world.variables["ALLOWED_HOSTS"] = "docs.example.org"
    parameters = {"name": "a.txt", "webhook": HOOK}
    assert world.call("POST", "/files", b"x", parameters=parameters)[0] == 422
    world.deliver()
    world.deliver()
    assert world.posted == []
    assert state(world, job_id)[0] == "failed"
    assert "not on the list" in str(state(world, job_id)[2])


def test_the_webhook_is_part_of_what_a_key_stands_for(world: World) -> None:
    headers = {"idempotency-key": "k"}
    first = upload(world, headers=headers)
    assert upload(world, headers=headers) == first
    other = {"name": "a.txt", "webhook": "https://other.example.com/"}
    code = world.call("POST", "/files", b"Whales swim.", parameters=other, headers=headers)[0]
    assert code == 422


def test_without_a_secret_there_are_no_webhooks(world: World) -> None:
    job_id = upload(world)
    world.variables["WEBHOOK_SECRET"] = ""
    assert world.call("GET", "/webhook-secret")[0] == 503
    parameters = {"name": "a.txt", "webhook": HOOK}
    status, problem = world.call("POST", "/files", b"Whales.", parameters=parameters)
    assert (status, problem["code"]) == (503, "misconfigured")
    assert world.call("GET", "/health")[0] == 200
    world.deliver()
    world.deliver()
    assert state(world, job_id) == ("pending", 1, "The service has no WEBHOOK_SECRET.")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_cut_off_at_any_call_it_is_sent_and_the_job_done(after: bool) -> None:
    def live(world: World) -> None:
        world.deliver()
        world.deliver()

    whole = World()
    upload(whole)
    begin = whole.fuse.calls
    live(whole)
    assert whole.fuse.calls - begin > 8
    for cut_at in range(begin + 1, whole.fuse.calls + 1):
        world = World()
        upload(world)
        world.fuse.blows_at, world.fuse.after = cut_at, after
        live(world)
        world.fuse.blows_at = float("inf")
        for _ in range(3):
            world.pass_time(hours=1)
            world.sweep()
            while world.queue.waiting:
                world.deliver()
        [row] = world.database.rows("SELECT status FROM webhooks")
        assert row["status"] == "delivered", f"cut off at call {cut_at}"
        assert len({headers["webhook-id"] for *_, headers in world.posted}) == 1
