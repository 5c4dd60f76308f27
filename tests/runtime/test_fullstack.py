"""The rendered fullstack Worker: its OpenAPI against its answers, its queues, cache and metrics."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev_process import Answer, Dev

HERE = Path(__file__).parent
TOKEN = {"authorization": "Bearer local-development-token"}
FINISH_SECONDS = 120
KEY = "0" * 32
# Routes of the tests alone, below the application's own.
PROBES = f"""

import sys

import fastapi.routing

fastapi.routing._PING_INTERVAL = 1.0
WHOLE = b"x" * 1_000


@app.get("/probe/whole", include_in_schema=False)
async def probe_whole() -> Response:
    return Response(WHOLE)


@app.get("/probe/references", include_in_schema=False)
async def probe_references() -> int:
    return sys.getrefcount(WHOLE)


@app.patch("/probe/part", include_in_schema=False)
async def probe_part() -> None:
    pass


@app.post("/probe/untyped", include_in_schema=False)
async def probe_untyped(env: Bound) -> None:
    await env.FILES.put("{KEY}/a.bin", "hello")


class Racing:
    # A bucket in which the file is replaced after each look at it.
    def __init__(self, bucket: R2Bucket) -> None:
        self.bucket = bucket

    async def head(self, key: str) -> Any:
        return await self.replaced(key, await self.bucket.head(key))

    async def get(self, key: str, *options: Any) -> Any:
        return await self.replaced(key, await self.bucket.get(key, *options))

    async def replaced(self, key: str, found: Any) -> Any:
        await self.bucket.put(key, "Something else, and longer.")
        return found


@app.get("/probe/race", include_in_schema=False)
async def probe_race(env: Bound, request: Request) -> Response:
    await env.FILES.put("race", "hello")
    return await edge.file_response(Racing(env.FILES), "race", request)


@app.post("/probe/older/{{item_id}}", include_in_schema=False)
async def probe_older(env: Bound, item_id: int) -> None:
    # The cache as an item without its newest field leaves it there.
    older = Item.model_json_schema()
    del older["properties"]["updated_at"]
    shape = hashlib.sha256(json.dumps(older).encode()).hexdigest()[:8]
    for key in (f"item:{{item_id}}", f"item:{{shape}}:{{item_id}}"):
        await env.CACHE.put(key, json.dumps({{"id": item_id, "name": "Old"}}))


@app.get("/probe/uncached/{{item_id}}", include_in_schema=False)
async def probe_uncached(env: Bound, item_id: int) -> Item | None:
    # KV refuses such a key.
    global cache_key
    own, cache_key = cache_key, lambda _: "x" * 600
    try:
        return await cached(env, item_id)
    finally:
        cache_key = own
"""
ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def project(
    ready_in: Callable[[str, Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    made = ready_in("fullstack", tmp_path_factory.mktemp("fullstack"))
    config, main = made / "wrangler.toml", made / "src" / "main.py"
    main.write_text(main.read_text("utf-8") + PROBES, "utf-8")
    text = config.read_text("utf-8")
    # The limiter is there to slow down what these tests do; and dead letters shall come at once.
    text = text.replace("limit = 600", "limit = 1000000").replace(
        "max_retries = 5", "max_retries = 0"
    )
    text = text.replace('CORS_ORIGINS = ""', f'CORS_ORIGINS = "{ORIGIN}"')
    config.write_text(text.replace('ACCOUNT_ID = ""', 'ACCOUNT_ID = "0123456789abcdef"'), "utf-8")
    return made


@pytest.fixture(scope="module")
def dev(project: Path, run_dev: Callable[..., Dev]) -> Dev:
    return run_dev(project, "--runtime", "node", "--no-watch")


def send(dev: Dev, method: str, path: str, body: object = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return dev.request(method, path, body, {**TOKEN, "content-type": "application/json", **named})


@pytest.mark.slow
def test_what_it_answers_is_what_its_openapi_says(dev: Dev) -> None:
    schemathesis = [sys.executable, "-m", "schemathesis.cli"]
    # One seed, so that a failure is the fault of a change; other seeds: schemathesis by hand.
    options = ["--header", f"Authorization: {TOKEN['authorization']}"]
    options += ["--max-examples", "10", "--seed", "1"]
    done = subprocess.run(
        [
            *(*schemathesis, "--config-file", str(HERE / "schemathesis.toml"), "run"),
            *(f"{dev.url}openapi.json", *options, "--no-color"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "13 selected / 13 total" in done.stdout


def test_a_file_without_a_type_is_served_as_bytes(dev: Dev) -> None:
    """One that came by the dashboard, or by a tool that sets none."""
    assert dev.request("POST", "/probe/untyped").status == 200
    answer = dev.request("GET", f"/files/{KEY}/a.bin")
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("path", "kind"), [("/files/cut.txt", "text/plain"), ("/api/cut", "application/json")]
)
def test_a_body_that_the_client_cuts_off_is_no_error(dev: Dev, path: str, kind: str) -> None:
    with contextlib.closing(dev.connect()) as connection:
        connection.putrequest("POST", path)
        headers = TOKEN | {"content-type": kind, "content-length": "90000"}
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(b"x" * 1_000)
    line = json.loads(dev.wait_for_log(f'"path": "{path}"'))
    assert (line["level"], line["status"], "error" in line) == ("info", 400, False)
    assert "cut.txt" not in str(send(dev, "GET", "/api/files?limit=100").json())


def test_an_answer_leaves_no_memory_behind(dev: Dev) -> None:
    def references() -> int:
        return int(dev.request("GET", "/probe/references").json())

    before = references()
    for method in ("GET", "HEAD") * 10:
        assert dev.request(method, "/probe/whole").status == 200
    assert references() == before


def test_a_file_that_is_replaced_meanwhile_is_served_as_it_was(dev: Dev) -> None:
    """ETag, length and bytes are of one file: from one look at it."""
    old = '"5d41402abc4b2a76b9719d911017c592"'
    answer = send(dev, "GET", "/probe/race")
    assert (answer.status, answer.body, answer.headers["ETag"]) == (200, b"hello", old)
    answer = send(dev, "GET", "/probe/race", Range="bytes=1-3")
    assert (answer.status, answer.body, answer.headers["ETag"]) == (206, b"ell", old)
    assert answer.headers["Content-Range"] == "bytes 1-3/5"
    assert send(dev, "GET", "/probe/race", If_None_Match=old).status == 304
    head = send(dev, "HEAD", "/probe/race")
    assert (head.headers["ETag"], head.headers["Content-Length"]) == (old, "5")


def test_what_other_versions_have_stored_can_be_read(dev: Dev, project: Path) -> None:
    item = send(dev, "POST", "/api/items", {"name": "New"}).json()
    path = f"/api/items/{item['id']}"
    assert send(dev, "POST", f"/probe/older/{item['id']}").status == 200
    # From before names had to have a letter, and descriptions an end.
    old = {"name": "", "description": "x" * 5_000}
    with contextlib.closing(database(project)) as rows:
        change = "UPDATE items SET name = ?, description = ? WHERE id = ?"
        rows.execute(change, (*old.values(), item["id"]))
    assert send(dev, "GET", path).json() == item | old
    listed = send(dev, "GET", f"/api/items?cursor={item['id'] - 1}&limit=1").json()
    assert listed["items"] == [item | old]
    assert process(dev, item["id"])["result"] == {"words": 1, "characters": 5_000}


def test_who_is_told_to_read_an_item_again_gets_a_new_one(dev: Dev, project: Path) -> None:
    item = send(dev, "POST", "/api/items", {"name": "Kettle"}).json()
    path = f"/api/items/{item['id']}"
    assert send(dev, "GET", path).json() == item
    # What a reader stores in the cache just after the writer has dropped it.
    with contextlib.closing(database(project)) as rows:
        rows.execute("UPDATE items SET version = 2 WHERE id = ?", (item["id"],))
    assert send(dev, "GET", path).headers["ETag"] == '"1"'
    refused = send(dev, "PUT", path, {"name": "Pot"}, if_match='"1"')
    assert (refused.status, refused.headers["ETag"]) == (412, '"2"')
    assert send(dev, "GET", path).headers["ETag"] == '"2"'
    assert send(dev, "PUT", path, {"name": "Pot"}, if_match='"2"').status == 200


def test_an_item_is_read_where_the_cache_is_away(dev: Dev) -> None:
    item = send(dev, "POST", "/api/items", {"name": "Kettle"}).json()
    found = send(dev, "GET", f"/probe/uncached/{item['id']}")
    assert (found.status, found.json()) == (200, item)


@pytest.mark.parametrize(
    ("pieces", "status"), [([b'{"name": ', b'"Chunked"}'], 201), ([b" " * 60_000] * 2, 413)]
)
def test_json_of_unknown_length(dev: Dev, pieces: list[bytes], status: int) -> None:
    """As HTTP/2 and streaming clients send it."""
    with contextlib.closing(dev.connect()) as connection:
        headers = TOKEN | {"content-type": "application/json"}
        connection.request("POST", "/api/items", iter(pieces), headers, encode_chunked=True)
        response = connection.getresponse()
        assert response.status == status, response.read()


def test_who_stops_watching_is_no_error(dev: Dev, project: Path) -> None:
    item = send(dev, "POST", "/api/items", {"name": "Watched"}).json()
    path = f"/api/items/{item['id']}/events"
    with contextlib.closing(database(project)) as rows:
        rows.execute("UPDATE items SET status = 'queued' WHERE id = ?", (item["id"],))
        with contextlib.closing(dev.connect()) as connection:
            connection.request("GET", path, headers=TOKEN)
            response = connection.getresponse()
            assert json.loads(response.readline().removeprefix(b"data: "))["status"] == "queued"
        # A piece that comes before the end of the connection is still sent; the next one can't be.
        change = "UPDATE items SET version = version + 1 WHERE id = ?"
        deadline = time.monotonic() + FINISH_SECONDS
        while not (said := [line for line in dev.log if f'"path": "{path}"' in line]):
            assert time.monotonic() < deadline
            rows.execute(change, (item["id"],))
            time.sleep(1)
        line = json.loads(said[0])
        rows.execute("UPDATE items SET status = 'done' WHERE id = ?", (item["id"],))
    assert (line["level"], line["status"], "error" in line) == ("info", 200, False)


def test_what_fails_too_often_is_marked_as_failed(dev: Dev, project: Path) -> None:
    item = send(dev, "POST", "/api/items", {"name": "Doomed"}).json()
    with contextlib.closing(database(project)) as connection:
        # Makes the consumer fail as a broken disk would, and lets the dead letter through.
        connection.execute(
            "CREATE TRIGGER doom BEFORE UPDATE ON items WHEN new.status = 'done' "
            "BEGIN SELECT RAISE(FAIL, 'doomed'); END"
        )
        found = process(dev, item["id"])
        connection.execute("DROP TRIGGER doom")
    assert (found["status"], found["result"]) == ("failed", None)
    dev.wait_for_log("doomed")


def process(dev: Dev, item_id: int) -> dict[str, Any]:
    """The item when the work on it has ended."""
    assert send(dev, "POST", "/api/process", {"item_id": item_id}).status == 202
    deadline = time.monotonic() + FINISH_SECONDS
    while (found := send(dev, "GET", f"/api/items/{item_id}").json())["status"] == "queued":
        assert time.monotonic() < deadline, "\n".join(dev.log[-20:])
        time.sleep(0.5)
    return dict(found)


def test_an_item_is_not_cached_while_its_state_passes(dev: Dev, project: Path) -> None:
    """KV takes one write a second for a key: whatever is put there may be there for a minute."""
    item = send(dev, "POST", "/api/items", {"name": "Quick"}).json()
    path = f"/api/items/{item['id']}"
    with contextlib.closing(database(project)) as connection:
        for status in ("queued", "done"):
            connection.execute("UPDATE items SET status = ? WHERE id = ?", (status, item["id"]))
            assert send(dev, "GET", path).json()["status"] == status
        connection.execute("UPDATE items SET status = 'failed' WHERE id = ?", (item["id"],))
        assert send(dev, "GET", path).json()["status"] == "done"
        changed = send(dev, "PUT", path, {"name": "Other"}, If_Match='"1"').json()
        assert send(dev, "GET", path).json() == changed


def test_a_run_that_was_overtaken_is_not_counted_as_done(dev: Dev, project: Path) -> None:
    first, second = (send(dev, "POST", "/api/items", {"name": "A"}).json()["id"] for _ in "ab")
    # Whatever other tests have queued is over when this is: the queue keeps the order.
    process(dev, first)
    started = time.time() * 1000
    with contextlib.closing(database(project)) as connection:
        connection.execute(
            "CREATE TRIGGER overtake AFTER UPDATE ON items WHEN new.status = 'queued' "
            "BEGIN UPDATE items SET run = 'later' WHERE id = new.id; END"
        )
        assert send(dev, "POST", "/api/process", {"item_id": first}).status == 202
        connection.execute("DROP TRIGGER overtake")
    assert process(dev, second)["status"] == "done"
    points = dev.request("GET", "/__cfpy/api/points/METRICS").json()["points"]
    events = sorted(point["blobs"][0] for point in points if point["at"] >= started)
    assert events == ["done", "queued", "queued"]
    assert send(dev, "GET", f"/api/items/{first}").json()["status"] == "queued"


def test_a_new_route_needs_no_change_in_edge(dev: Dev) -> None:
    assert dev.request("PATCH", "/probe/part").status == 200
    refused = dev.request("POST", "/probe/part")
    assert (refused.status, refused.headers["Allow"]) == (405, "PATCH")
    asked = dev.request("OPTIONS", "/probe/part", headers={"Origin": ORIGIN}).headers
    assert "PATCH" in asked["Access-Control-Allow-Methods"].split(", ")


def test_a_page_of_another_origin_can_make_conditional_requests(dev: Dev) -> None:
    asked = dev.request("OPTIONS", "/files/a.txt", headers={"Origin": ORIGIN}).headers
    assert asked["Access-Control-Allow-Origin"] == ORIGIN
    allowed = set(asked["Access-Control-Allow-Headers"].split(", "))
    assert allowed >= {"If-Match", "If-None-Match", "Range"}
    exposed = set(asked["Access-Control-Expose-Headers"].split(", "))
    assert exposed >= {"Content-Range", "ETag", "Retry-After"}
    stranger = dev.request("OPTIONS", "/files/a.txt", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Headers" not in stranger.headers


def database(project: Path) -> sqlite3.Connection:
    """The project's local D1, behind its back."""
    for file in project.glob(".wrangler/state/**/*.sqlite"):
        connection = sqlite3.connect(file, timeout=120, isolation_level=None)
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'items'").fetchone():
            return connection
        connection.close()
    raise AssertionError("there is no database")


@pytest.fixture(scope="module")
def changed(
    ready_in: Callable[[str, Path], Path],
    tmp_path_factory: pytest.TempPathFactory,
    run_dev: Callable[..., Dev],
) -> Dev:
    """With a secret for metrics that Cloudflare does not take, and one more queue."""
    made = ready_in("fullstack", tmp_path_factory.mktemp("changed"))
    secrets = 'API_TOKEN="local-development-token"\nANALYTICS_TOKEN="not a real one"\n'
    (made / ".dev.vars").write_text(secrets)
    config = made / "wrangler.toml"
    text = config.read_text("utf-8").replace('ACCOUNT_ID = ""', f'ACCOUNT_ID = "{"0" * 32}"')
    # As in `wrangler dev`, secrets that are not among the required ones are not bound.
    text = text.replace('required = ["API_TOKEN"]', 'required = ["API_TOKEN", "ANALYTICS_TOKEN"]')
    # As `cfpy add queue mails --consumer` writes it, and what is sent goes there.
    text = text.replace('queue = "shop-work"', 'queue = "shop-mails"', 1)
    config.write_text(text + '\n[[queues.consumers]]\nqueue = "shop-mails"\n', "utf-8")
    return run_dev(made, "--runtime", "node", "--no-watch")


def test_metrics_that_can_not_be_had_are_a_bad_gateway(changed: Dev) -> None:
    answer = send(changed, "GET", "/api/metrics")
    assert (answer.status, answer.json()["code"]) == (502, "metrics-failed")
    assert "not a real one" not in answer.body.decode()


def test_the_messages_of_another_queue_are_not_taken_for_work(changed: Dev) -> None:
    item = send(changed, "POST", "/api/items", {"name": "A"}).json()
    assert send(changed, "POST", "/api/process", {"item_id": item["id"]}).status == 202
    assert "retry" in changed.wait_for_log("Nothing reads the queue 'shop-mails'")
    assert send(changed, "GET", f"/api/items/{item['id']}").json()["status"] == "queued"
