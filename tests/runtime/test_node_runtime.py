"""`cfpy dev --runtime node`: a Python Worker in real Pyodide, with every kind of binding."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cfpy.tools.process import SubprocessRunner
from cfpy.tools.toolchain import Toolchain, pinned
from dev_process import Dev, children, start_dev, write_project
from guest import AT_IMPORT, EVAL, GUEST

WRANGLER = """\
name = "everything"
main = "src/entry.py"
compatibility_date = "2026-11-17"
compatibility_flags = ["python_workers"]

[vars]
GREETING = "hello"

[[kv_namespaces]]
binding = "KV"

[[d1_databases]]
binding = "DB"
database_name = "everything-db"

[[r2_buckets]]
binding = "BUCKET"
bucket_name = "everything"

[[queues.producers]]
binding = "JOBS"
queue = "jobs"

[[queues.consumers]]
queue = "jobs"
max_batch_size = 4
max_batch_timeout = 0
max_retries = 1
retry_delay = 0
dead_letter_queue = "dead"

[[queues.consumers]]
queue = "dead"
max_batch_timeout = 0

[[analytics_engine_datasets]]
binding = "METRICS"
dataset = "everything"

[[ratelimits]]
name = "LIMITER"
namespace_id = "1"
simple = { limit = 2, period = 60 }

[assets]
directory = "public"
binding = "ASSETS"

[triggers]
crons = ["*/5 * * * *"]
"""
ENTRY = """\
import asyncio
import hashlib
import http.client
import json
from urllib.parse import urlsplit

import coded
import guest
import helper
from js import TextEncoder, TransformStream
from workers import Response, WorkerEntrypoint
from workers import env as top_level_env

GREETING = top_level_env.GREETING
gate = {"open": False}
try:
    import folder_link
except ModuleNotFoundError:
    folder_link = None


class Default(WorkerEntrypoint):
    async def fetch(self, request, env, ctx):
        path = urlsplit(request.url).path
        if path == "/guest":
            return await guest.in_request(request, env, ctx)
        return await getattr(self, path.strip("/").replace("-", "_"))(request)

    async def hello(self, request):
        print("a printed line")
        return Response(f"{GREETING} {helper.NAME} {self.env.SECRET_TOKEN}")

    async def at_import(self, request):
        return Response.json(guest.at_import)

    async def connected(self, request):
        return guest.connected(request)

    async def sources(self, request):
        return Response.json([coded.WORD, helper.__file__, folder_link is None])

    async def binding(self, request):
        found = [hasattr(self.env, "NOPE"), getattr(self.env, "NOPE", 3)]
        try:
            self.env.NOPE
        except AttributeError as error:
            return Response.json([*found, str(error), error.name])

    async def repeated(self, request):
        headers = [("x-m", "1"), ("X-M", " 2, 3 "), ("x-n", "zażółć")]
        return Response("", headers=headers)

    async def text(self, request):
        return "not a Response"

    async def cached(self, request):
        return await guest.cached()

    async def kv(self, request):
        await self.env.KV.put("key", "value", {"metadata": {"n": 1}})
        listed = await self.env.KV.list({"prefix": "k"})
        found = await self.env.KV.getWithMetadata("key")
        return Response.json(
            {
                "value": found["value"],
                "metadata": found["metadata"],
                "names": [item["name"] for item in listed["keys"]],
                "missing": await self.env.KV.get("absent"),
            }
        )

    async def d1(self, request):
        insert = self.env.DB.prepare("INSERT INTO items (name) VALUES (?) RETURNING id")
        row = await insert.bind("a").first()
        rows = (await self.env.DB.prepare("SELECT name FROM items").all())["results"]
        errors = []
        for statements in (["INSERT INTO items (id, name) VALUES (1, 'x')"], ["SELEKT"]):
            try:
                await self.env.DB.batch([self.env.DB.prepare(s) for s in statements])
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
        return Response.json({"id": row["id"], "rows": rows, "errors": errors})

    async def d1_values(self, request):
        from pyodide.ffi import to_js

        statement = self.env.DB.prepare("SELECT ? AS text, ? AS number, ? AS blob, ? AS yes")
        bound = statement.bind("a", 1.5, to_js(b"\\x00\\xff"), True)
        rows = await bound.raw()
        try:
            self.env.DB.prepare("SELECT ?").bind({"a": 1})
        except Exception as error:
            return Response.json({"rows": rows, "error": str(error)})

    async def r2(self, request):
        put = await self.env.BUCKET.put(
            "file", request.body, {"httpMetadata": {"contentType": "text/x"}}
        )
        got = await self.env.BUCKET.get("file")
        data = await got.bytes()
        listed = await self.env.BUCKET.list()
        return Response.json(
            {
                "size": put.size,
                "sha256": hashlib.sha256(bytes(data)).hexdigest(),
                "type": got.httpMetadata.contentType,
                "keys": [item.key for item in listed.objects],
                "missing": await self.env.BUCKET.get("absent"),
            }
        )

    async def download(self, request):
        got = await self.env.BUCKET.get("file")
        return Response(got.body, headers={"content-type": "application/octet-stream"})

    async def enqueue(self, request):
        await self.env.JOBS.sendBatch([{"body": {"do": "well"}}, {"body": {"do": "fail"}}])
        await self.env.JOBS.send({"do": "text"})
        return Response(None, status=202)

    async def queue(self, batch, env=None, ctx=None):
        for message in batch.messages:
            task = message.body["do"]
            if batch.queue == "jobs" and task == "fail":
                message.retry()
                continue
            await self.env.KV.put(f"{batch.queue}:{task}", str(message.attempts))
            message.ack()

    async def queued(self, request):
        names = ("jobs:well", "jobs:text", "dead:fail")
        return Response.json({name: await self.env.KV.get(name) for name in names})

    async def scheduled(self, controller, env=None, ctx=None):
        await self.env.KV.put("cron", controller.cron)

    async def cron(self, request):
        return Response(await self.env.KV.get("cron") or "")

    async def metrics(self, request):
        self.env.METRICS.writeDataPoint({"blobs": ["a"], "doubles": [1], "indexes": ["i"]})
        return Response("written")

    async def limited(self, request):
        outcomes = [(await self.env.LIMITER.limit({"key": "k"}))["success"] for _ in range(3)]
        return Response.json(outcomes)

    async def asset(self, request):
        return await self.env.ASSETS.fetch("http://assets.local/page.txt")

    async def close_gate(self, request):
        gate["open"] = False
        return Response("closed")

    async def open_gate(self, request):
        gate["open"] = True
        return Response("open")

    async def stream(self, request):
        stream = TransformStream.new()
        writer = stream.writable.getWriter()

        async def write():
            for n in range(3):
                await writer.write(TextEncoder.new().encode(f"{n}\\n"))
                while not gate["open"]:
                    await asyncio.sleep(0.02)
            await writer.close()

        self.ctx.waitUntil(write())
        return Response(stream.readable)

    async def echo(self, request):
        return Response.json(
            {
                "method": str(request.method),
                "url": request.url,
                "header": request.headers.get("x-test"),
                "size": len(await request.bytes()) if request.body else 0,
            }
        )

    async def redirect(self, request):
        return Response(None, status=302, headers={"location": "/elsewhere"})

    async def cookies(self, request):
        return Response("", headers=[("set-cookie", "a=1"), ("set-cookie", "b=2")])

    async def nothing(self, request):
        return Response(None, status=204)

    async def broken(self, request):
        raise ValueError("out of cheese")

    async def refuse(self, request):
        return Response("too large", status=413)

    async def refuse_midway(self, request):
        async for _ in request.body:
            return Response("too large", status=413)

    async def exit(self, request):
        raise SystemExit("no more cheese")

    async def sized(self, request):
        _, kind, given = urlsplit(request.url).query.split("/")
        headers = {"content-length": given} if given else {}
        if kind == "stream":
            stream = TransformStream.new()

            async def write():
                writer = stream.writable.getWriter()
                for part in (b"hel", b"lo"):
                    await writer.write(TextEncoder.new().encode(part.decode()))
                await writer.close()

            self.ctx.waitUntil(write())
            return Response(stream.readable, headers=headers)
        if kind == "object":
            await self.env.BUCKET.put("sized", "hello")
            return Response((await self.env.BUCKET.get("sized")).body, headers=headers)
        bodies = {"text": "hello", "bytes": b"hello", "nothing": None}
        return Response(bodies[kind], headers=headers)

    async def crash(self, request):
        json.loads("[" * 100_000)  # overflows the stack of the C parser

    async def later(self, request):
        async def work():
            await asyncio.sleep(0.2)
            await self.env.KV.put("later", "done")

        self.ctx.waitUntil(work())
        return Response("soon")

    async def later_done(self, request):
        return Response(await self.env.KV.get("later") or "")
"""
FILES = {
    "wrangler.toml": WRANGLER,
    # With a byte order mark.
    "src/entry.py": f"\ufeff{ENTRY}",
    "src/guest.py": GUEST,
    "elsewhere/helper.py": 'NAME = "world"\n',
    "elsewhere/folder/__init__.py": "",
    "migrations/0001_items.sql": "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);\n",
    "public/page.txt": "an asset\n",
    ".dev.vars": "SECRET_TOKEN=sssh-7f3a\n",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, sdk: Callable[[Path], Path]) -> Path:
    return sdk(with_odd_sources(write_project(tmp_path_factory.mktemp("everything"), FILES)))


def with_odd_sources(root: Path) -> Path:
    """Add what a string can't be: links, and a module in Latin-1."""
    (root / "src" / "helper.py").symlink_to("../elsewhere/helper.py")
    (root / "src" / "folder_link").symlink_to("../elsewhere/folder")
    (root / "src" / ".#entry.py").symlink_to("nowhere")
    coded = "# -*- coding: latin-1 -*-\nWORD = 'caf\xe9'\n"
    (root / "src" / "coded.py").write_bytes(coded.encode("latin-1"))
    return root


@pytest.fixture(scope="module")
def dev(project: Path, run_dev: Callable[..., Dev]) -> Dev:
    return run_dev(project, "--runtime", "node")


def test_modules_vars_and_secrets(dev: Dev) -> None:
    assert dev.request("GET", "/hello").body == b"hello world sssh-7f3a"
    assert dev.wait_for_log("a printed line")
    assert dev.wait_for_log("GET /hello 200")


def test_links_and_encodings_are_read_as_by_wrangler_and_python(dev: Dev) -> None:
    """wrangler uploads a link to a file, and none to a folder. The entry has a byte order mark."""
    found = dev.request("GET", "/sources").json()
    assert found == ["café", "/session/metadata/helper.py", True]


def test_a_binding_that_is_not_there_is_told_with_those_that_are(dev: Dev) -> None:
    names = "ASSETS, BUCKET, DB, GREETING, JOBS, KV, LIMITER, METRICS, SECRET_TOKEN"
    said = f"env has no binding NOPE; it has: {names}"
    assert dev.request("GET", "/binding").json() == [False, 3, said, "NOPE"]


def test_the_global_scope_is_as_in_workerd(dev: Dev) -> None:
    found = dev.request("GET", "/at-import").json()
    assert {name: text[: len(AT_IMPORT[name])] for name, text in found.items()} == AT_IMPORT
    assert (dev.project / "src" / "guest.py").read_text() == GUEST
    assert sorted(path.name for path in (dev.project / "src").glob("n*")) == []


def test_a_request_is_as_in_workerd(dev: Dev) -> None:
    answer = dev.request("GET", "/guest", headers={"x-word": "zażółć ☃".encode()})
    found = answer.json()
    assert len(found["uuid4"]) == len(found["randomUUID"]) == 36
    assert (found["choice"], found["from_random"]) == ("a", "1")
    assert found["arguments"] == "(None, None)"
    assert found["year"] == "True"
    assert found["eval"] == EVAL
    assert found["edit"].startswith("PermissionError")
    assert found["input"] == "OSError: [Errno 29] I/O error"
    assert (found["address"], found["country"]) == ("127.0.0.1", "US")
    assert found["header"] == "zażółć ☃"
    assert answer.headers["x-word"].encode("latin-1").decode() == "zażółć ☃"
    assert 'No such module "node:fs"' in found["node:fs"]
    assert found["node:path"] == "b"
    assert found["userAgent"] == "Cloudflare-Workers"
    assert (found["equal"], found["digest"]) == ("True", "32")
    assert dev.wait_for_log("seen { list: [ 1 ] } {'a': 1}")
    assert dev.wait_for_log("careful")


def test_pyodide_is_the_one_that_the_pinned_workerd_runs(dev: Dev) -> None:
    root = Toolchain(SubprocessRunner(), print).directory / "node_modules"
    workerd = next(root.glob("@cloudflare/workerd-*/bin/workerd*"))
    # How its own JavaScript names the version, for Python 3.14.
    versions = re.findall(rb"V314_\d+_\d+: '([\d.]+)'", workerd.read_bytes())
    assert max(versions).decode() == pinned()["pyodide"]


def test_python_sockets_connect(dev: Dev) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(connection.recv(100).upper())

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = str(server.getsockname()[1])
        assert dev.request("GET", "/connected", headers={"x-port": port}).body == b"HELLO"
        thread.join(60)


def test_an_answer_has_to_be_a_response(dev: Dev) -> None:
    answer = dev.request("GET", "/text")
    words = (
        "Incorrect type for Promise: the Promise did not resolve to 'Response'. fetch() returned "
    )
    assert (answer.status, answer.body.decode()) == (500, f"{words}a str: return Response(...)")


def test_the_cache_is_that_of_workerd(dev: Dev) -> None:
    found = dev.request("GET", "/cached").json()
    assert found == {
        f"[object Cache]{number}": f"[None, 200, 'zażółć', '[object Cache]{number}', True, None]"
        for number in (0, 1)
    } | {"posted": "TypeError: Cannot cache response to non-GET request."}


def test_kv(dev: Dev) -> None:
    found = dev.request("GET", "/kv").json()
    assert found["value"] == "value"
    assert found["metadata"] == {"n": 1}
    assert "key" in found["names"]
    assert found["missing"] is None


def test_d1_with_migrations_and_errors(dev: Dev) -> None:
    found = dev.request("GET", "/d1").json()
    assert found["id"] == 1
    assert found["rows"] == [{"name": "a"}]
    assert "UNIQUE constraint failed: items.id" in found["errors"][0]
    assert found["errors"][0].startswith("JsException")
    assert "syntax error" in found["errors"][1]


def test_d1_takes_its_types_and_no_others(dev: Dev) -> None:
    found = dev.request("GET", "/d1-values").json()
    assert found["rows"] == [["a", 1.5, [0, 255], 1]]
    assert "D1_TYPE_ERROR: Type 'object' not supported" in found["error"]


def test_r2_takes_and_gives_large_bodies(dev: Dev) -> None:
    body = os.urandom(5_000_000)
    found = dev.request("POST", "/r2", body).json()
    assert found["size"] == len(body)
    assert found["sha256"] == hashlib.sha256(body).hexdigest()
    assert found["type"] == "text/x"
    assert found["keys"] == ["file"]
    assert found["missing"] is None
    assert dev.request("GET", "/download").body == body


def enqueue(dev: Dev) -> dict[str, str]:
    """Send three messages, and wait until each was handled or given up."""
    assert dev.request("POST", "/enqueue").status == 202
    deadline = time.monotonic() + 120
    while None in (found := dev.request("GET", "/queued").json()).values():
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return dict(found)


def test_queues_ack_retry_and_bury(dev: Dev) -> None:
    found = enqueue(dev)
    assert found == {"jobs:well": "1", "jobs:text": "1", "dead:fail": "1"}


def test_the_page_tells_what_the_bindings_hold(dev: Dev) -> None:
    dev.request("GET", "/d1")
    dev.request("GET", "/kv")
    dev.request("POST", "/r2", b"\xff" * 10_000)
    enqueue(dev)
    seen = {
        item["name"]: item for item in dev.request("GET", "/__cfpy/api/bindings").json()["bindings"]
    }
    assert seen["GREETING"]["target"] == "hello"
    assert seen["SECRET_TOKEN"]["kind"] == "secret"
    assert "sssh-7f3a" not in str(seen)
    rows = dev.request("GET", "/__cfpy/api/d1/DB?table=items").json()
    assert rows["tables"] == [{"name": "items", "rows": len(rows["rows"])}]
    assert (rows["columns"], rows["rows"][0]) == (["id", "name"], [1, "a"])
    value = dev.request("GET", "/__cfpy/api/kv/KV?key=key").json()
    assert value == {"size": 5, "text": "value", "cut": False, "metadata": {"n": 1}}
    stored = dev.request("GET", "/__cfpy/api/r2/BUCKET?key=file").json()
    assert (stored["size"], stored["text"], stored["cut"]) == (10_000, None, True)
    jobs, dead = dev.request("GET", "/__cfpy/api/queues/JOBS").json()["queues"]
    assert jobs["queue"] == "jobs"
    assert jobs["done"] >= 2
    letter = jobs["given"][0]
    assert (letter["attempts"], letter["body"]) == (2, '{"do":"fail"}')
    assert (jobs["next"], dead["queue"]) == ("dead", "dead")
    assert dead["done"] >= 1


def test_the_page_takes_no_name_for_another(dev: Dev) -> None:
    for path in ("d1/KV", "constructor/DB", "d1/ABSENT", "nothing"):
        assert dev.request("GET", f"/__cfpy/api/{path}").status == 404
    for path in ("..%2fpage.mjs", "..%5cpage.mjs", "absent.js", "%2e%2e%2fdev.mjs"):
        assert dev.request("GET", f"/__cfpy/{path}").status == 404
    bad = dev.request("GET", "/__cfpy/api/d1/DB?table=items%22;DROP%20TABLE%20items;--").json()
    assert bad["error"].startswith("there is no table")


def test_the_page_only_reads(dev: Dev) -> None:
    assert dev.request("POST", "/__cfpy/api/d1/DB", {"sql": "DROP TABLE items"}).status == 405
    # What the interpreter has D1 asked by is closed to everybody else.
    statements = [{"sql": "DROP TABLE items", "values": []}]
    query = {"binding": "DB", "method": "run", "args": [], "statements": statements}
    for headers in ({}, {"x-cfpy-key": ""}, {"x-cfpy-key": "0" * 64}):
        assert dev.request("POST", "/__cfpy/query", query, headers).status == 403


def test_the_page_is_for_this_machine_alone(tmp_path: Path, sdk: Callable[[Path], Path]) -> None:
    files = {"wrangler.toml": WRANGLER.replace("[assets]", "[assets]\nrun_worker_first = true")}
    project = sdk(with_odd_sources(write_project(tmp_path, FILES | files)))
    dev = start_dev(project, "--runtime", "node", "--host", "0.0.0.0")
    try:
        assert dev.data["page"] == ""
        assert dev.request("GET", "/__cfpy", headers={"Host": "localhost"}).status == 403
        assert dev.request("GET", "/hello").status == 200
    finally:
        dev.stop()


def test_cron_by_hand(dev: Dev) -> None:
    path = "/cdn-cgi/handler/scheduled?cron=*/5+*+*+*+*"
    assert dev.request("GET", path).status == 200
    assert dev.request("GET", "/cron").body == b"*/5 * * * *"


def test_analytics_limits_and_assets(dev: Dev) -> None:
    assert dev.request("GET", "/metrics").body == b"written"
    assert dev.request("GET", "/limited").json() == [True, True, False]
    assert dev.request("GET", "/asset").body == b"an asset\n"
    assert dev.request("GET", "/page.txt").body == b"an asset\n"


def begin(dev: Dev, path: str) -> http.client.HTTPResponse:
    """An answer whose body is still to be read."""
    connection = dev.connect()
    connection.request("GET", path)
    return connection.getresponse()


def test_a_stream_flows_as_it_is_written(dev: Dev) -> None:
    dev.request("GET", "/close-gate")
    response = begin(dev, "/stream")
    # The rest of it is not written before the gate is open.
    assert response.readline() == b"0\n"
    dev.request("GET", "/open-gate")
    assert response.read() == b"1\n2\n"


def test_requests_are_answered_side_by_side(dev: Dev) -> None:
    dev.request("GET", "/close-gate")
    slow = [begin(dev, "/stream") for _ in range(5)]
    assert [response.readline() for response in slow] == [b"0\n"] * 5
    assert dev.request("GET", "/hello").status == 200
    dev.request("GET", "/open-gate")
    assert [response.read() for response in slow] == [b"1\n2\n"] * 5


def test_what_the_client_sent_arrives_as_sent(dev: Dev) -> None:
    headers = {"x-test": "a, b", "x-cfpy-url": "http%3A%2F%2Fevil%2F", "x-cfpy-kind": "queue"}
    # workerd, too, does not take the scheme from there.
    headers["x-forwarded-proto"] = "https"
    found = dev.request("PUT", "/echo?q=%C3%A9", "x" * 100, headers).json()
    assert found == {
        "method": "PUT",
        "url": dev.url + "echo?q=%C3%A9",
        "header": "a, b",
        "size": 100,
    }


def test_responses_arrive_as_made(dev: Dev) -> None:
    redirect = dev.request("GET", "/redirect")
    assert (redirect.status, redirect.headers["location"]) == (302, "/elsewhere")
    assert dev.request("GET", "/cookies").headers.get_all("set-cookie") == ["a=1", "b=2"]
    repeated = dev.request("GET", "/repeated").headers
    assert repeated.get_all("x-m") == ["1", "2, 3"]
    assert repeated["x-n"].encode("latin-1").decode() == "zażółć"
    assert dev.request("GET", "/nothing").status == 204
    head = dev.request("HEAD", "/hello")
    assert (head.status, head.body) == (200, b"")


def test_an_uncaught_exception_is_a_500_with_its_traceback(dev: Dev) -> None:
    answer = dev.request("GET", "/broken")
    assert answer.status == 500
    assert b"ValueError: out of cheese" in answer.body
    assert dev.wait_for_log("ValueError: out of cheese")


def test_a_crash_of_the_interpreter_costs_its_requests_only(dev: Dev) -> None:
    answer = dev.request("GET", "/crash")
    assert answer.status == 500
    assert b"Python crashed" in answer.body
    assert b"/session" not in answer.body
    assert dev.request("GET", "/hello").status == 200


@pytest.mark.parametrize("given", ["", "3", "5", "30", "-1", "abc"])
@pytest.mark.parametrize(
    ("kind", "body", "length"),
    [
        ("text", b"hello", "5"),
        ("bytes", b"hello", "5"),
        ("object", b"hello", "5"),
        ("stream", b"hello", None),
        ("nothing", b"", "0"),
    ],
)
def test_a_wrong_content_length_changes_no_answer(
    dev: Dev, kind: str, body: bytes, length: str | None, given: str
) -> None:
    """workerd, too, sends the length of the body, whatever the Worker gives."""
    answer = dev.request("GET", f"/sized?/{kind}/{given}")
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["content-length"] == length


def test_an_exit_is_an_error_of_its_request_shown_once(dev: Dev) -> None:
    dev.log.clear()
    answer = dev.request("GET", "/exit")
    assert answer.status == 500
    assert answer.body.rstrip().endswith(b"SystemExit: no more cheese")
    assert b"/session" not in answer.body
    dev.wait_for_log("GET /exit 500")
    assert dev.log.count("SystemExit: no more cheese") == 1
    assert not [line for line in dev.log if "crashed" in line]


def test_a_body_that_nobody_reads_costs_neither_this_answer_nor_the_next(dev: Dev) -> None:
    for path in ("/refuse", "/refuse-midway"):
        for _ in range(6):
            assert dev.request("POST", path, b"x" * 4_000_000).status == 413


def test_work_after_the_response_is_done(dev: Dev) -> None:
    assert dev.request("GET", "/later").body == b"soon"
    deadline = time.monotonic() + 120
    while dev.request("GET", "/later-done").body != b"done":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_secret_is_nowhere_but_in_memory(dev: Dev, project: Path) -> None:
    dev.request("GET", "/kv")
    assert not any("sssh-7f3a" in line for line in dev.log)
    for path in (project / ".wrangler").rglob("*"):
        assert not path.is_file() or b"sssh-7f3a" not in path.read_bytes()
    for pid in children(dev.process.pid):
        assert b"sssh-7f3a" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_nothing_but_the_shim_may_talk_to_python(dev: Dev) -> None:
    """Every port that this run listens on refuses a stranger, or is the Worker's: that of the run,
    and the one behind it."""
    listening = subprocess.run(
        ["python3", "-c", PORTS, *map(str, [dev.process.pid, *children(dev.process.pid)])],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    own = dev.url.rstrip("/").rpartition(":")[2]
    assert own in [entry.partition(":")[2] for entry in listening]
    of_the_worker = dev.request("POST", "/hello", "{}")
    for entry in listening:
        address, _, port = entry.partition(":")
        assert address == "127.0.0.1"
        if port != own:
            probe = Dev(dev.process, {"url": f"http://127.0.0.1:{port}/"}, dev.project)
            try:
                answer = probe.request("POST", "/hello", "{}")
            except OSError:
                continue  # It does not speak HTTP.
            assert answer.status >= 400 or answer.body == of_the_worker.body, port


# Prints address:port of each IPv4 socket that the given processes listen on, from /proc.
PORTS = """
import os, socket, struct, sys
inodes = set()
for pid in sys.argv[1:]:
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            inodes.add(os.readlink(f'/proc/{pid}/fd/{fd}'))
        except OSError:
            pass
for line in open('/proc/net/tcp').read().splitlines()[1:]:
    fields = line.split()
    if fields[3] == '0A' and f'socket:[{fields[9]}]' in inodes:
        address, port = fields[1].split(':')
        print(socket.inet_ntoa(struct.pack('<I', int(address, 16))) + ':' + str(int(port, 16)))
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    entry = (
        "from workers import Response, WorkerEntrypoint\n"
        "class Default(WorkerEntrypoint):\n"
        "    async def fetch(self, request):\n"
        "        return Response('ok')\n"
    )
    config = WRANGLER.partition("[vars]")[0]
    return write_project(tmp_path / "small", {"wrangler.toml": config, "src/entry.py": entry})


@pytest.mark.slow
def test_a_damaged_snapshot_is_made_again(small: Path, tmp_path: Path) -> None:
    from cfpy.tools.toolchain import cache_directory

    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "toolchain").symlink_to(cache_directory() / "toolchain")
    env = {"CFPY_CACHE_DIR": str(cache)}
    first = start_dev(small, "--runtime", "node", env=env)
    first.stop()
    [snapshot] = (cache / "pyodide").glob("snapshot-*")
    whole = snapshot.stat().st_size
    snapshot.write_bytes(b"not a snapshot")
    second = start_dev(small, "--runtime", "node", env=env)
    assert second.request("GET", "/").body == b"ok"
    second.stop()
    assert snapshot.stat().st_size == whole


def test_auto_falls_back_to_node_or_runs_workerd_and_says_which(
    small: Path, sdk: Callable[[Path], Path]
) -> None:
    dev = start_dev(sdk(small))
    assert dev.data["runtime"] in ("node", "workerd")
    assert dev.request("GET", "/").body == b"ok"
    dev.stop()


@pytest.mark.slow
def test_a_date_gets_its_own_python(small: Path) -> None:
    config, entry = small / "wrangler.toml", small / "src" / "entry.py"
    config.write_text(config.read_text().replace("2026-11-17", "2026-01-01"))
    # Django imports it also for D1; npm's Pyodide for 3.13 does not have it.
    entry.write_text(
        "import sys\nfrom sqlite3 import dbapi2\n"
        + entry.read_text().replace("'ok'", "f'{sys.version_info[:2]}'"),
        "utf-8",
    )
    dev = start_dev(small, "--runtime", "node")
    assert dev.request("GET", "/").body == b"(3, 13)"
    dev.stop()
    # The same project, and the packages for the other Python.
    config.write_text(config.read_text().replace("2026-01-01", "2026-11-17"))
    dev = start_dev(small, "--runtime", "node")
    assert dev.request("GET", "/").body == b"(3, 14)"
    dev.stop()


def test_python_3_12_is_not_run_as_another(small: Path) -> None:
    config = small / "wrangler.toml"
    config.write_text(config.read_text().replace("2026-11-17", "2025-01-01"))
    with pytest.raises(AssertionError, match=r"requires Python 3\.12"):
        start_dev(small, "--runtime", "node")
