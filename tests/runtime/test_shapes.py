"""Projects of the shapes that people have, which cfpy did not create: without `pyproject.toml` or
with frameworks, configured by `wrangler.toml` or `wrangler.jsonc`, in `cfpy dev --runtime node`."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websocket_server import websocket_server

from cfpy.bindings.wrangler_config import load_project
from dev_process import Dev, write_project

HEAD = """\
name = "{name}"
main = "src/entry.py"
compatibility_date = "2026-11-17"
compatibility_flags = ["python_workers"]
"""
MANY = (
    HEAD.format(name="shapes")
    + """\
[vars]
SOCKETS = "{sockets}"

[[d1_databases]]
binding = "DB"
database_name = "quotes"
database_id = "00000000-0000-0000-0000-000000000000"

[[d1_databases]]
binding = "WORDS"
database_name = "words"
database_id = "0f7cddb7-e3f7-40d7-a4f7-33136a7fd3fa"
migrations_dir = "none"

[assets]
directory = "public"
binding = "ASSETS"
run_worker_first = true

[triggers]
crons = ["*/5 * * * *"]

[ai]
binding = "AI"

[[durable_objects.bindings]]
name = "LISTS"
class_name = "List"

[[migrations]]
tag = "v1"
new_sqlite_classes = ["List"]

[[workflows]]
name = "steps"
binding = "STEPS"
class_name = "Steps"

[[worker_loaders]]
binding = "LOADER"

[[services]]
binding = "OTHER"
service = "other"
"""
)
ENTRY = """\
import asyncio
from urllib.parse import urlsplit

import js
from js import HTMLRewriter, Object, WebSocketPair
from pyodide.ffi import create_proxy, to_js
from workers import DurableObject, Response, WorkerEntrypoint, WorkflowEntrypoint, fetch

ran = []
LOADED = "export default { async fetch(r) { return new Response(r.method + await r.text()); } }"


class List(DurableObject):
    async def messages(self):
        return await self.ctx.storage.get("messages")


class Steps(WorkflowEntrypoint):
    async def run(self, event, step):
        return None


def code(name="main.js", source=LOADED):
    described = {"compatibilityDate": "2026-11-17", "mainModule": name, "modules": {name: source}}
    return to_js(described, dict_converter=Object.fromEntries)


class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        ran.append(controller.cron)

    async def fetch(self, request):
        path = urlsplit(request.url).path
        method = getattr(self, "on_" + path.strip("/").replace("/", "_"), None)
        if method is None:
            return await self.env.ASSETS.fetch(request)
        result = await method(request)
        return Response.json(result) if isinstance(result, (dict, list, int, str)) else result

    async def on_cron(self, request):
        return ran

    async def on_d1(self, request):
        found = await self.env.DB.prepare("SELECT quote FROM quotes").all()
        return [row["quote"] for row in found.results]

    async def on_words(self, request):
        found = await self.env.WORDS.prepare("SELECT word FROM words").all()
        return [row["word"] for row in found.results]

    async def on_absent(self, request):
        return await self.env.WORDS.prepare("SELECT * FROM absent").all()

    async def on_ai(self, request):
        asked = {"instructions": "Be short.", "input": "Who are you?"}
        return (await self.env.AI.run("@cf/openai/gpt-oss-120b", asked)).output

    async def on_ai_prompt(self, request):
        return await self.env.AI.run("@cf/meta/llama-3.2-3b-instruct", {"prompt": "hi"})

    async def on_ai_image(self, request):
        return await self.env.AI.run("@cf/black-forest-labs/flux-1-schnell", {"prompt": "hi"})

    async def on_ai_markdown(self, request):
        page = js.Blob.new([to_js(b"<h1>Hi</h1>")], to_js({"type": "text/html"},
                                                          dict_converter=Object.fromEntries))
        ai = self.env.AI
        one = await ai.toMarkdown({"name": "a.html", "blob": page})
        words = js.Blob.new(["words"])
        several = [{"name": "b.bin", "blob": words}, {"name": "c.html", "blob": page}]
        options = {"conversionOptions": {"output": {"format": "text"}}}
        more = await ai.toMarkdown().transform(several, options)
        formats = await ai.toMarkdown().supported()
        extensions = [item["extension"] for item in formats]
        return {"one": one, "more": list(more), "formats": extensions}

    async def on_ai_gateway(self, request):
        return await self.env.AI.gateway("mine").getUrl("openai")

    async def on_ai_search(self, request):
        return await self.env.AI.autorag("mine").search({"query": "hi"})

    async def on_ai_options(self, request):
        options = {"gateway": {"id": "mine"}}
        model = "@cf/meta/llama-3.2-3b-instruct"
        answer = await self.env.AI.run(model, {"prompt": "hi"}, options)
        return [answer.response, bool(self.env.AI.aiGatewayLogId)]

    async def embed(self, text):
        return (await self.env.AI.run("@cf/baai/bge-small-en-v1.5", {"text": text})).shape

    async def on_object(self, request):
        stub = self.env.LISTS.get(self.env.LISTS.idFromName("a"))
        return await stub.messages()

    async def on_workflow(self, request):
        return (await self.env.STEPS.create()).id

    async def on_chat(self, request):
        client, server = WebSocketPair.new().object_values()
        return Response(None, status=101, web_socket=client)

    async def on_rewriter(self, request):
        return HTMLRewriter.new()

    async def on_socket(self, request):
        socket = js.WebSocket.new(self.env.SOCKETS)
        return await self.talk(socket, socket)

    async def on_upgraded(self, request):
        url = self.env.SOCKETS.replace("ws:", "http:")
        answer = await js.fetch(url, to_js({"headers": {"Upgrade": "websocket"}},
                                           dict_converter=Object.fromEntries))
        socket = answer.webSocket
        socket.accept()
        return [answer.status, await self.talk(socket, None)]

    async def talk(self, socket, opening):
        got, done = [], asyncio.get_running_loop().create_future()

        def on_message(event):
            got.append(event.data if isinstance(event.data, str) else list(event.data.to_bytes()))
            if len(got) == 1:
                socket.send("hello")
                socket.send(to_js(b"\\x01\\x02"))
            if len(got) == 3:
                socket.close(1000)
                done.set_result(got)

        socket.addEventListener("message", create_proxy(on_message))
        return await done

    async def on_unreachable(self, request):
        return (await fetch("http://nobody.invalid/path")).status

    async def on_loader_get(self, request):
        worker = self.env.LOADER.get("a", create_proxy(code))
        return await worker.getEntrypoint().fetch(request.js_object)

    async def on_loader_load(self, request):
        worker = self.env.LOADER.load(code())
        return await worker.getEntrypoint().fetch("https://worker/")

    async def on_loader_python(self, request):
        worker = self.env.LOADER.load(code("entry.py", "x = 1"))
        return await worker.getEntrypoint().fetch("https://worker/")

    async def on_service(self, request):
        return await self.env.OTHER.fetch("https://other/a/b")

    async def on_rpc(self, request):
        return [await self.env.OTHER.add(1, 2), await self.env.OTHER.ask_back("hey")]

    async def on_rpc_fails(self, request):
        return await self.env.OTHER.fail()

    async def on_rpc_passes(self, request):
        # Each is refused by name, in both directions.
        moment, refused = js.Date.new(0), []
        self_made = [lambda: 1, moment, b"abc", to_js([1, {"a": float("nan")}]), 2**70]
        for value in [*self_made, request.js_object, {"a": [1, moment]}]:
            try:
                refused.append(await self.env.OTHER.take(value))
            except Exception as error:
                refused.append(str(error).split(": with --runtime")[0])
        for kind in ("date", "map", "stream", "function", "infinity", "bytes", "plain", "nothing"):
            try:
                refused.append(await self.env.OTHER.give(kind))
            except Exception as error:
                refused.append(str(error).split(": with --runtime")[0])
        return refused

    async def on_rpc_odd(self, request):
        return await self.env.OTHER.odd()

    async def moment(self):
        return js.Date.new(0)

    async def shout(self, text, times=1):
        return {"text": text.upper() * times, "nothing": None}
"""
# It has a folder of its own, a TypeScript main module and a binding to the Python Worker.
OTHER = """\
name = "other"
main = "src/index.ts"
compatibility_date = "2026-11-17"

[[services]]
binding = "SHAPES"
service = "shapes"
"""
OTHER_ENTRY = """\
import { WorkerEntrypoint } from "cloudflare:workers";

interface Shapes {
  shout(text: string, times?: number | Date): Promise<{ text: string }>;
  moment(): Promise<Date>;
  embed(text: string): Promise<number[]>;
}
interface Env { SHAPES: Shapes }

export default class extends WorkerEntrypoint<Env> {
  async fetch(request: Request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/shout") return Response.json(await this.env.SHAPES.shout("hey"));
    if (pathname === "/embed") return Response.json(await this.env.SHAPES.embed("hey"));
    return new Response(`other: ${pathname}`);
  }
  async odd() {
    const calls = [this.env.SHAPES.moment(), this.env.SHAPES.shout("hey", new Date(0))];
    return (await Promise.allSettled(calls)).map(({ reason }) => reason.message.split(": with")[0]);
  }
  add(a: number, b: number) { return a + b; }
  async ask_back(text: string) { return this.env.SHAPES.shout(text, 2); }
  fail() { throw new RangeError("not today"); }
  take(value: unknown) { return "taken"; }
  give(kind: string) {
    const plain = { a: [1, "b", null, true, -0.5] };
    return {
      date: { at: new Date(0) }, map: [new Map()], stream: new ReadableStream(), function: () => 1,
      infinity: [[1, Infinity]], bytes: new Uint8Array(2), plain, nothing: undefined,
    }[kind];
  }
}
"""
MIGRATION = """\
CREATE TABLE quotes (quote TEXT);
INSERT INTO quotes VALUES ('Ceci n''est pas une base');
"""
# As the READMEs of examples have it, before the first run.
FILL = "d1 execute words --local --file init.sql"
WORDS = "CREATE TABLE words (word TEXT);\nINSERT INTO words VALUES ('from wrangler');\n"
FRAMEWORKS = HEAD.format(name="frameworks")
FRAMEWORKS_ENTRY = """\
import os
from urllib.parse import urlsplit

import chevron
from fastapi import FastAPI, Request
from workers import WorkerEntrypoint, asgi, wsgi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")

from django.core.wsgi import get_wsgi_application

app = FastAPI()
django = get_wsgi_application()


@app.get("/hi/{name}")
async def hi(name: str, request: Request):
    return {"message": chevron.render("Hello, {{ name }}!", {"name": name})}


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if urlsplit(request.url).path.startswith("/django"):
            return await wsgi.fetch(django, request, self.env)
        return await asgi.fetch(app, request.js_object, self.env)
"""
DJANGO = {
    "src/site_settings.py": (
        'SECRET_KEY = "for tests"\nALLOWED_HOSTS = ["*"]\nROOT_URLCONF = "site_urls"\n'
        "MIDDLEWARE = []\nINSTALLED_APPS = []\n"
    ),
    "src/site_urls.py": (
        "from django.http import JsonResponse\nfrom django.urls import path\n\n\n"
        "def fail(request):\n    raise RuntimeError('out of tea')\n\n\n"
        'urlpatterns = [path("django/fail", fail),\n'
        '    path("django/<name>", lambda _, name: JsonResponse({"hello": name}))]\n'
    ),
}
PYPROJECT = """\
[project]
name = "frameworks"
version = "0.1.0"
requires-python = ">=3.13"
dependencies = ["chevron", "django", "fastapi"]
"""


def configuration(text: str, form: str) -> dict[str, str]:
    """A configuration in a format, by the file's name; the other format comes from the TOML."""
    if form == "toml":
        return {"wrangler.toml": text}
    document = json.dumps(tomllib.loads(text), indent="\t")
    return {"wrangler.jsonc": f"// A comment.\n{document[:-2]}, // One more.\n}}\n"}


@pytest.fixture(scope="module")
def many(
    tmp_path_factory: pytest.TempPathFactory,
    run_dev: Callable[..., Dev],
    sdk: Callable[[Path], Path],
) -> Iterator[Dev]:
    """One Worker with every shape that needs no package, without a pyproject.toml."""
    root = tmp_path_factory.mktemp("shapes")
    other = {**configuration(OTHER, "jsonc"), "src/index.ts": OTHER_ENTRY}
    write_project(root / "other", other)
    with websocket_server() as address:
        files = {
            **configuration(MANY.replace("{sockets}", address), "jsonc"),
            "src/entry.py": ENTRY,
            "migrations/0001_quotes.sql": MIGRATION,
            "public/index.html": "<h1>shapes</h1>",
            "init.sql": WORDS,
        }
        project = sdk(write_project(root / "shapes", files))
        filled = [sys.executable, "-m", "cfpy", "wrangler", *FILL.split()]
        subprocess.run(filled, cwd=project, check=True, stdin=subprocess.DEVNULL)
        yield run_dev(project, "--runtime", "node", "--with", "../other")


def test_what_works(many: Dev) -> None:
    assert many.request("GET", "/").body == b"<h1>shapes</h1>"
    assert many.request("GET", "/d1").json() == ["Ceci n'est pas une base"]
    assert many.request("GET", "/words").json() == ["from wrangler"]
    assert many.request("GET", "/cdn-cgi/handler/scheduled?cron=*+*").body == b"ok"
    assert many.request("GET", "/cron").json() == ["* *"]


def test_models(many: Dev) -> None:
    assert [item["type"] for item in many.request("GET", "/ai").json()] == ["reasoning", "message"]
    assert many.request("GET", "/ai/prompt").json()["response"] == "You said: hi"
    refused = many.request("GET", "/ai/image")
    assert refused.status == 500
    assert b"flux-1-schnell: cfpy dev has no stand-in for text to image" in refused.body
    assert many.request("GET", "/ai/options").json() == ["You said: hi", False]
    many.wait_for_log("Workers AI stand-in: cfpy dev has no AI Gateway")


def test_documents_become_markdown(many: Dev) -> None:
    converted = many.request("GET", "/ai/markdown").json()
    one, (bad, plain) = converted["one"], converted["more"]
    assert (one["name"], one["mimeType"], one["format"]) == ("a.html", "text/html", "markdown")
    assert (one["data"], one["tokens"]) == ("# Hi\n", 2)
    assert one["id"] != plain["id"]
    assert (bad["name"], bad["format"]) == ("b.bin", "error")
    assert "Unsupported file type: application/octet-stream" in bad["error"]
    assert (plain["name"], plain["format"], plain["data"]) == ("c.html", "text", "Hi\n")
    assert converted["formats"][:2] == [".pdf", ".jpeg"]
    # Documents cost nothing.
    calls = many.request("GET", "/__cfpy/api/ai/AI").json()["calls"]
    found = [call for call in calls if call["model"] == "toMarkdown"]
    assert [(call["output"], call["neurons"]) for call in found] == [(1, 0), (2, 0)]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/ai/gateway", "5007: No such model AI.gateway() or task (AI.gateway(): cfpy dev has no"),
        ("/ai/search", "AI.autorag(): cfpy dev has no stand-in for AI Search. Deploy the Worker"),
        ("/object", "LISTS does not work here: classes in Python need --runtime workerd"),
        ("/workflow", "STEPS does not work here: classes in Python need --runtime workerd"),
        ("/chat", "WebSocketPair does not work with --runtime node; use --runtime workerd"),
        ("/rewriter", "HTMLRewriter does not work with --runtime node; use --runtime workerd"),
        ("/loader/python", "a dynamic Worker in Python needs --runtime workerd"),
        ("/unreachable", "fetch of http://nobody.invalid/path failed: the host nobody.invalid was"),
        ("/absent", "D1_ERROR: no such table: absent"),
        ("/rpc/fails", "not today"),
    ],
)
def test_what_fails_says_why(many: Dev, path: str, reason: str) -> None:
    answer = many.request("GET", path)
    assert answer.status == 500
    assert reason in answer.body.decode()


def test_where_a_missing_table_comes_from_is_told_once(many: Dev) -> None:
    for _ in range(2):
        many.request("GET", "/absent")
    [told] = [line for line in many.log if "has no table" in line]
    assert "cfpy wrangler d1 execute WORDS --local --file FILE.sql" in told


def test_the_start_tells_what_needs_workerd(many: Dev) -> None:
    names = ["HTMLRewriter", "LISTS", "STEPS", "WebSocketPair"]
    assert sorted(many.data["left_out"]) == names
    [told] = [line for line in many.log if "fails with this runtime" in line]
    assert all(name in told for name in names)
    assert many.log.index(told) < many.log.index(many.wait_for_log("Ready on"))


def test_outbound_sockets(many: Dev) -> None:
    spoken = ["welcome", "hello", [1, 2]]
    assert many.request("GET", "/socket").json() == spoken
    assert many.request("GET", "/upgraded").json() == [101, spoken]


def test_a_worker_loader(many: Dev) -> None:
    assert many.request("POST", "/loader/get", "body").body == b"POSTbody"
    assert many.request("GET", "/loader/load").body == b"GET"


def test_python_and_javascript_call_each_other(many: Dev) -> None:
    assert many.request("GET", "/service").body == b"other: /a/b"
    assert many.request("GET", "/rpc").json() == [3, {"text": "HEYHEY", "nothing": None}]


def test_what_json_does_not_have_is_refused_by_name(many: Dev) -> None:
    argument, result = "TypeError: argument 1 of OTHER.take", "TypeError: the result of OTHER.give"
    assert many.request("GET", "/rpc/passes").json() == [
        f"{argument} has a function",
        f"{argument} has a Date",
        f"{argument} has a Uint8Array",
        f"{argument} has NaN at [1].a",
        f"{argument} has a bigint",
        f"{argument} has a Request",
        f"{argument} has a Date at .a[1]",
        f"{result} has a Date at .at",
        f"{result} has a Map at [0]",
        f"{result} has a ReadableStream",
        f"{result} has a function",
        f"{result} has Infinity at [0][1]",
        f"{result} has a Uint8Array",
        {"a": [1, "b", None, True, -0.5]},
        None,
    ]
    said = ["the result of moment has a Date", "argument 2 of shout has a Date"]
    assert many.request("GET", "/rpc/odd").json() == said


@pytest.mark.slow
def test_a_javascript_worker_with_a_python_one(many: Dev, run_dev: Callable[..., Dev]) -> None:
    # Its Python runs in Node: in workerd it would need a download.
    other = many.project.parent / "other"
    many.stop()
    dev = run_dev(other, "--with", "../shapes")
    assert dev.data["runtime"] == "workerd"
    assert dev.request("GET", "/x").body == b"other: /x"
    assert dev.request("GET", "/shout").json() == {"text": "HEY", "nothing": None}
    # Only the Worker next to it binds Workers AI.
    assert dev.data["embeddings"].startswith("all-MiniLM-L6-v2")
    loading = "Loading the local embedding model"
    assert not any(loading in line for line in dev.log)
    assert dev.request("GET", "/embed").json() == [1, 384]
    dev.wait_for_log(loading)
    dev.stop()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {"src/entry.py": FRAMEWORKS_ENTRY, "pyproject.toml": PYPROJECT, **DJANGO}
    files |= configuration(FRAMEWORKS, "toml")
    return write_project(tmp_path_factory.mktemp("frameworks") / "project", files)


@pytest.mark.parametrize("text", [MANY, OTHER, FRAMEWORKS], ids=["many", "other", "frameworks"])
def test_its_format_does_not_matter(text: str, tmp_path: Path) -> None:
    """One Worker runs by each: all that comes later starts from what is read here."""
    read = [
        load_project(write_project(tmp_path / form, configuration(text, form)))
        for form in ("toml", "jsonc")
    ]
    assert [project.config_path.suffix for project in read] == [".toml", ".jsonc"]
    assert read[0].wrangler == read[1].wrangler


@pytest.mark.slow
def test_frameworks(packages: Path, run_dev: Callable[..., Dev]) -> None:
    dev = run_dev(packages, "--runtime", "node")
    assert dev.request("GET", "/hi/Ada").json() == {"message": "Hello, Ada!"}
    assert dev.request("GET", "/django/Ada").json() == {"hello": "Ada"}
    # Its page with DEBUG = False does not say why.
    assert dev.request("GET", "/django/fail").status == 500
    dev.wait_for_log("RuntimeError: out of tea")
    assert '  File "src/site_urls.py", line 6, in fail' in dev.log
    dev.stop()
