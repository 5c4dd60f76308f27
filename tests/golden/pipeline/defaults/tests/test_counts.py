"""What a job's attempts are counted for: outages, deliveries that are cut off, bad answers."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from random import Random

import pytest

from fakes import World
from job_services import MAX_RETRIES, FakeMessage
from jobs.consumer import DEAD_LETTERS
from jobs.limits import MAX_ATTEMPTS, MAX_BAD_ANSWERS, MAX_CRASHES, MAX_SWEEPS
from services import MIGRATIONS

DEAD_QUEUE = "myapp-jobs" + DEAD_LETTERS
BUSY = "3040: Capacity temporarily exceeded"
BAD, GOOD = "It is a letter.", '{"title": "Whales"}'


@dataclass
class Life:
    """A job among its services, and what has happened to it since a person last asked for it."""

    world: World
    job_id: str
    attempts: int = 0
    cut_off_in_a_row: int = 0
    bad_answers: int = 0

    @property
    def status(self) -> str:
        return str(self.world.job(self.job_id)["status"])

    def wait(self) -> None:
        """Let time pass until the job's message is there, if it is to come."""
        self.world.pass_time(minutes=70)
        if not self.world.queue.waiting:
            self.world.sweep()

    def answer(self, error: str = "", reply: str = GOOD) -> None:
        """Have all messages delivered: the model fails, or says something."""
        self.wait()
        before = self.world.job(self.job_id)["attempts"]
        self.world.ai.error, self.world.ai.replies = error, [reply]
        self.world.deliver()
        # After a retry it may have two messages.
        if count := self.world.job(self.job_id)["attempts"] - before:
            self.attempts += count
            self.cut_off_in_a_row = 0
            self.bad_answers += count if reply == BAD and not error else 0

    def cut_off(self) -> None:
        """Have a message delivered to a Worker that dies when it has begun."""
        self.wait()
        if not self.world.queue.waiting:
            return
        message = self.world.queue.waiting.pop(0)
        lease = f"{message.id} {message.attempts}"
        claim = self.world.services.deliveries.claim(self.job_id, message.id, lease)
        if asyncio.run(claim):
            self.attempts += 1
            self.cut_off_in_a_row += 1
        again = FakeMessage(message.id, message.body, message.attempts + 1)
        exhausted = message.attempts > MAX_RETRIES
        (self.world.queue.dead if exhausted else self.world.queue.waiting).append(again)

    def give_up(self) -> None:
        """Have the dead letters delivered, when no delivery holds the job any more."""
        self.world.pass_time(minutes=17)
        self.world.deliver(DEAD_QUEUE)

    def retry(self) -> None:
        assert self.world.call("POST", f"/jobs/{self.job_id}/retry")[0] == 202
        self.attempts = self.cut_off_in_a_row = self.bad_answers = 0


@pytest.fixture
def life() -> Life:
    world = World(OPERATION="extraction")
    return Life(world, world.upload())


def test_an_outage_uses_up_no_bad_answers(life: Life) -> None:
    for _ in range(3 * MAX_BAD_ANSWERS):
        life.answer(BUSY)
    for _ in range(MAX_BAD_ANSWERS - 1):
        life.answer(reply=BAD)
        life.answer(BUSY)
        life.cut_off()
        assert life.status != "failed"
    life.answer(reply=BAD)
    assert (life.status, life.bad_answers) == ("failed", MAX_BAD_ANSWERS)
    life.retry()
    life.answer(reply=BAD)
    assert life.status == "queued"
    life.answer()
    assert life.status == "done"


def test_an_outage_makes_no_delivery_one_that_was_cut_off(life: Life) -> None:
    for _ in range(6):
        life.answer(BUSY)
    while not life.world.queue.dead:
        life.cut_off()
    assert life.cut_off_in_a_row < MAX_CRASHES < life.attempts
    life.give_up()
    assert life.status == "queued"
    life.answer()
    assert life.status == "done"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_release_that_the_database_does_not_take_is_a_crash(life: Life, after: bool) -> None:
    calls = life.world.fuse.calls
    life.answer(BUSY)
    # The release, or its reply alone, is what is lost.
    life.world.fuse.blows_at = life.world.fuse.calls + (life.world.fuse.calls - calls) // 2
    life.world.fuse.after = after
    life.wait()
    life.world.deliver()
    life.world.fuse.blows_at = float("inf")
    [row] = life.world.database.rows("SELECT status, crashes FROM jobs")
    assert row in ({"status": "processing", "crashes": 1}, {"status": "queued", "crashes": 0})


@pytest.mark.parametrize("seed", range(8))
def test_a_job_fails_for_what_has_happened_to_it_alone(seed: int) -> None:
    world, random = World(OPERATION="extraction"), Random(seed)
    life = Life(world, world.upload())
    weights = [random.random() for _ in range(3)]
    for _ in range(100):
        [event] = random.choices(["busy", "bad", "cut off", "retry"], [*weights, 0.02])
        if event == "busy":
            life.answer(BUSY)
        elif event == "bad":
            life.answer(reply=BAD)
        elif event == "cut off":
            life.cut_off()
        elif life.status != "processing":
            life.retry()
        if world.queue.dead:
            life.give_up()
        [row] = world.database.rows("SELECT * FROM jobs")
        assert row["attempts"] == life.attempts
        if row["status"] == "failed":
            assert (
                life.bad_answers >= MAX_BAD_ANSWERS
                or life.cut_off_in_a_row >= MAX_CRASHES
                or life.attempts >= MAX_ATTEMPTS
                or row["sweeps"] > MAX_SWEEPS
            )
            life.retry()
        else:
            assert life.bad_answers < MAX_BAD_ANSWERS
            counts = (life.cut_off_in_a_row, life.bad_answers)
            assert (row["crashes"], row["bad_answers"]) == counts
    if life.status == "processing":
        world.pass_time(minutes=17)
    life.retry()
    life.answer()
    assert life.status == "done"


def test_jobs_from_before_the_counts_are_still_there(life: Life) -> None:
    """A deployment applies its migrations, and then has new code for old rows."""
    old = sqlite3.connect(":memory:", isolation_level=None)
    old.row_factory = sqlite3.Row
    *before, counts = sorted(MIGRATIONS.glob("*.sql"))
    for path in before:
        old.executescript(path.read_text())
    world = World()
    kept = [world.upload(f"Text {number}.") for number in range(4)]
    for row in world.database.rows("SELECT * FROM jobs"):
        del row["crashes"], row["bad_answers"]
        names, values = ", ".join(row), ", ".join("?" * len(row))
        old.execute(f"INSERT INTO jobs ({names}) VALUES ({values})", list(row.values()))
    states = ("received", "queued", "processing", "failed")
    for job_id, state in zip(kept, states, strict=True):
        change = "UPDATE jobs SET status = ?, attempts = 60, leased_until = 0 WHERE id = ?"
        old.execute(change, (state, job_id))
    old.executescript(counts.read_text())
    world.database.connection = old
    world.pass_time(minutes=17)
    world.sweep()
    world.deliver()
    found = {row["id"]: row["status"] for row in world.database.rows("SELECT * FROM jobs")}
    assert found == dict(zip(kept, ["done", "done", "done", "failed"], strict=True))
    assert world.call("POST", f"/jobs/{kept[3]}/retry")[0] == 202
    world.deliver()
    assert world.job(kept[3])["status"] == "done"
