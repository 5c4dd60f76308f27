"""`cfpy dev` on projects that it once could not run, or ran otherwise than `wrangler dev`."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from odd_requests import odd_requests, seen

from cfpy.bindings.wrangler_config import load_project
from cfpy.project.vendor import vendor
from cfpy.tools.context import build_context
from dev_process import STOP_SECONDS, Dev, start_dev, write_project
from forked import run_cfpy
from odd_secrets import expected, odd_secrets

CFPY = [sys.executable, "-m", "cfpy"]


Node = Callable[..., contextlib.AbstractContextManager[Dev]]


@contextlib.contextmanager
def running(project: Path, *arguments: str, env: dict[str, str] | None = None) -> Iterator[Dev]:
    dev = start_dev(project, *arguments, env=env)
    try:
        yield dev
    finally:
        dev.stop()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory, sdk: Callable[[Path], Path]) -> Path:
    """A project that has what every Python Worker without dependencies needs: installed once."""
    project = tmp_path_factory.mktemp("packages")
    config = "\n".join(ALL.splitlines()[:4])
    sdk(write_project(project, {"wrangler.toml": config, "src/entry.py": ECHO}))
    ctx = build_context(print)
    vendor(load_project(project), ctx.runner, ctx.progress)
    return project


@pytest.fixture
def node(packages: Path) -> Node:
    """Runs a Python project with the node runtime."""

    def start(
        project: Path, *arguments: str, env: dict[str, str] | None = None
    ) -> contextlib.AbstractContextManager[Dev]:
        for name in ("python_modules", ".wrangler"):
            shutil.copytree(packages / name, project / name)
        shutil.copy(packages / "pylock.toml", project)
        return running(project, "--runtime", "node", *arguments, env=env)

    return start


@contextlib.contextmanager
def wrangler_dev(project: Path) -> Iterator[str]:
    """The address of the real `wrangler dev`."""
    process = subprocess.Popen(
        [*CFPY, "wrangler", "dev", "--port", "0"],
        cwd=project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        found = (re.search(r"Ready on (\S+)", line) for line in process.stdout)
        yield next(match[1] for match in found if match)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=STOP_SECONDS)


def failed_start(project: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and the message of a `cfpy dev` that does not start."""
    done = run_cfpy("dev", "--json", "--port", "0", *arguments, cwd=project)
    document = json.loads(done.stdout)
    assert not document["ok"]
    return done.returncode, document["error"]["message"]


@pytest.mark.case("dev-js", "dev-env-file")
def test_secrets_are_those_of_wrangler_dev(case: Path) -> None:
    with (case / "wrangler.toml").open("a") as config:
        config.write('NUMBER = 1\nHOME = "not that of the process"\nTWICE = "not that"\n')
    [secrets] = [path for name in (".dev.vars", ".env") if (path := case / name).exists()]
    secrets.write_bytes(odd_secrets(secrets.read_bytes()))
    with running(case, "--runtime", "workerd") as dev, wrangler_dev(case) as address:
        given = dev.request("GET", "/").json()
        with urllib.request.urlopen(address) as answer:
            assert given == json.load(answer)
    assert given["A"] == "x"
    odd = expected(expands=secrets.name == ".env")
    assert {name: given.get(name) for name in odd} == odd
    assert given["HOME"] == "not that of the process"
    assert dev.data["secrets_file"] == secrets.name
    assert given.get("API_KEY", "from-dot-env") == "from-dot-env"
    assert given.get("WINPATH", "C:\\temp\new") == "C:\\temp\new"
    assert "not-here" in dev.data["left_out"]["OTHER"]
    # What led wrangler to the secrets is gone with it.
    assert not (case / ".wrangler" / "cfpy" / ".dev.vars").is_symlink()


SECRETS_ENTRY = """\
from workers import Response, WorkerEntrypoint

NAMES = ("API_KEY", "LOCAL", "WIDE", "TOLD", "ABSENT")
ODD = {}


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        found = {name: getattr(self.env, name, None) for name in NAMES}
        odd = {name: getattr(self.env, name, None) for name in ODD}
        return Response.json({**found, "PG": self.env.PG.connectionString, "ODD": odd})
"""


@pytest.mark.case("dev-env-file")
def test_env_files_and_the_environment_reach_python(case: Path, node: Node) -> None:
    """`.env` holds settings of wrangler's own, too."""
    text = (case / "wrangler.toml").read_text().replace("index.js", "entry.py")
    odd = expected(expands=True)
    flags = 'compatibility_flags = ["python_workers"]\nhyperdrive = [{binding = "PG", id = "x"}]\n'
    files = {
        "wrangler.toml": text.replace("[[services]]", f"{flags}\n[[services]]"),
        "src/entry.py": SECRETS_ENTRY.replace("{}", repr(list(odd))),
        ".env.local": (
            "LOCAL=$API_KEY#1\nCLOUDFLARE_INCLUDE_PROCESS_ENV=true\nTOLD=by the file\n"
            "CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_PG=postgres://u:p@127.0.0.1:1/d\n"
        ),
    }
    (case / ".env").write_bytes(odd_secrets((case / ".env").read_bytes()))
    with node(write_project(case, files), env={"WIDE": "world", "TOLD": "by the shell"}) as dev:
        found = dev.request("GET", "/").json()
        page = dev.request("GET", "/__cfpy/api/bindings").json()["bindings"]
    assert found.pop("PG").startswith("postgres")
    assert found.pop("ODD") == odd
    assert found == {
        "API_KEY": "from-dot-env",
        "LOCAL": "from-dot-env",
        "WIDE": "world",
        "TOLD": "by the shell",
        "ABSENT": None,
    }
    assert dev.data["secrets_file"] == ".env, .env.local"
    assert "PG" not in dev.data["left_out"]
    assert {"secret"} == {item["kind"] for item in page if item["name"] in found}


@pytest.mark.case("dev-kitchen")
def test_a_binding_to_nothing_fails_when_it_is_used(case: Path, node: Node) -> None:
    config = case / "wrangler.toml"
    services = 'services = [{ binding = "OTHER", service = "not-here" }]\n'
    config.write_text(config.read_text().replace("[vars]", f"{services}\n[vars]", 1))
    with node(case) as dev:
        found = dev.request("GET", "/").json()
    assert "not-here" in dev.data["left_out"]["OTHER"]
    assert {name: found[name][0] for name in ("TEXT", "NUM", "FLAG", "LIST", "OBJ")} == {
        "TEXT": "str",
        "NUM": "int",
        "FLAG": "bool",
        "LIST": "JsProxy",
        "OBJ": "JsProxy",
    }
    assert found["NUM"][1] == "42"
    assert found["OBJ"][1] == "{'deep': {'x': 1}, 'when': 'today'}"
    assert found["QUOTED"][1] == "'double \"\"quoted'"
    assert found["DOLLAR"][1] == "'pa$$word$HOME'"
    assert found["JSONY"][1] == repr('{"k":"v')
    assert found["MULTI"][1].count("\\n") == 3
    missing = {name for name, (kind, _) in found.items() if kind == "MISSING"}
    assert missing == {"ASSETS", "BROWSER", "LOADER"}


ALL = """\
name = "all"
main = "src/entry.py"
compatibility_date = "2026-11-17"
compatibility_flags = ["python_workers"]
version_metadata = { binding = "VERSION" }
images = { binding = "IMAGES" }
browser = { binding = "BROWSER" }
stream = { binding = "STREAM" }
media = { binding = "MEDIA" }
analytics = { binding = "SQL" }
send_email = [{ name = "MAIL" }]
pipelines = [{ binding = "PIPE", stream = "p" }]
k2 = [{ binding = "K2", stream = "s" }]
services = [{ binding = "OTHER", service = "not-here" }]
hyperdrive = [{ binding = "PG", id = "x" }]
mtls_certificates = [{ binding = "CERT", certificate_id = "x" }]
dispatch_namespaces = [{ binding = "DISPATCH", namespace = "x" }]
secrets_store_secrets = [{ binding = "STORED", store_id = "x", secret_name = "y" }]
worker_loaders = [{ binding = "LOADER" }]
artifacts = [{ binding = "ARTIFACTS", namespace = "x" }]
flagship = [{ binding = "FLAGS", app_id = "x" }]
ai_search = [{ binding = "SEARCH", instance_name = "x" }]
vpc_services = [{ binding = "VPC", service_id = "x" }]
durable_objects = { bindings = [{ name = "ROOM", class_name = "Room" }] }
workflows = [{ binding = "FLOW", name = "f", class_name = "Flow" }]
logfwdr = { bindings = [{ name = "LOGS", destination = "x" }] }
tail_consumers = [{ service = "tail" }]
"""
ALL_ENTRY = """\
import base64

from workers import Response, WorkerEntrypoint

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        env = self.env
        mail = {"from": "a@example.com", "to": "b@example.com", "subject": "s", "text": "t"}
        asked = {
            "VERSION": lambda: env.VERSION.id,
            "MAIL": lambda: env.MAIL.send(to_js(mail)),
            "PIPE": lambda: env.PIPE.send(to_js([{"a": 1}])),
            "IMAGES": lambda: env.IMAGES.info(Response(PNG).body),
            "OTHER": lambda: status(env.OTHER.fetch("http://x/")),
            "STORED": lambda: env.STORED.get(),
            "PG": lambda: env.PG.connectionString,
            "ROOM": lambda: env.ROOM.getByName("a"),
            "FLOW": lambda: env.FLOW.create(),
            "SEARCH": lambda: env.SEARCH.search("x"),
            "DISPATCH": lambda: env.DISPATCH.get("x"),
            "LOADER": lambda: env.LOADER.load(to_js(DYNAMIC)),
            "FLAGS": lambda: env.FLAGS.getBooleanValue("x", True),
            "ARTIFACTS": lambda: env.ARTIFACTS.list(),
            "K2": lambda: env.K2.send("x"),
            "STREAM": lambda: env.STREAM.video("x"),
            "MEDIA": lambda: env.MEDIA.input("x"),
            "SQL": lambda: env.SQL.query("x"),
            **{n: lambda n=n: getattr(env, n).fetch("http://x/") for n in FETCHERS},
        }
        return Response.json({name: await outcome(ask) for name, ask in asked.items()})


FETCHERS = ("BROWSER", "CERT", "VPC", "LOGS")
DYNAMIC = {
    "compatibilityDate": "2026-11-01",
    "mainModule": "a.js",
    "modules": {"a.js": "export default {}"},
}


def to_js(value):
    import js
    from pyodide.ffi import to_js

    return to_js(value, dict_converter=js.Object.fromEntries)


async def status(answer):
    answer = await answer
    return f"{answer.status} {await answer.text()}"


async def outcome(ask):
    try:
        result = ask()
        if hasattr(result, "__await__"):
            result = await result
        return f"ok {result}"
    except Exception as error:
        return f"{type(error).__name__} {error}"
"""


def test_every_kind_of_binding_works_or_says_why_not(tmp_path: Path, node: Node) -> None:
    files = {"wrangler.toml": ALL, "src/entry.py": ALL_ENTRY}
    with node(write_project(tmp_path, files)) as dev:
        found = dev.request("GET", "/").json()
        page = dev.request("GET", "/__cfpy/api/bindings").json()["bindings"]
    works = {"VERSION", "MAIL", "PIPE", "IMAGES", "OTHER", "LOADER"}
    assert {name for name, said in found.items() if said.startswith("ok")} == works
    assert found["OTHER"].startswith('ok 503 Worker "not-here" not found')
    # Nothing is in the store: that is how a real one answers.
    assert "not found" in found["STORED"]
    failing = set(found) - works - {"STORED"}
    assert set(dev.data["left_out"]) == failing | {"OTHER"}
    for name in failing:
        assert f"the binding {name} does not work here: " in found[name], found[name]
        assert dev.data["left_out"][name] in found[name]
    assert {"IMAGES", "MAIL", "OTHER"} <= {item["name"] for item in page}


@pytest.mark.case("build")
def test_a_build_runs_before_the_start_and_on_changes(case: Path, node: Node) -> None:
    with node(case) as dev:
        assert dev.request("GET", "/").body == b"value 7"
        assert dev.wait_for_log("[build] python3 tools/gen.py")
        entry, tool = case / "src" / "entry.py", case / "tools" / "gen.py"
        tool.write_text('import sys; print("about to"); sys.exit("no good")\n')
        dev.log.clear()
        entry.write_text(entry.read_text().replace("value", "worth"))
        dev.wait_for_log("[build] about to")
        dev.wait_for_log("the build failed with 1: python3 tools/gen.py")
        answer = dev.request("GET", "/")
        assert (answer.status, b"no good" in answer.body) == (500, True)
        tool.write_text('open("src/generated.py", "w").write("VALUE = 8\\n")\n')
        dev.log.clear()
        entry.write_text(entry.read_text() + "\n")
        dev.wait_for_log("reloaded in")
        assert dev.request("GET", "/").body == b"worth 8"
        # What the build wrote into what it watches does not start it again.
        assert sum("[build] python3" in line for line in dev.log) == 1


@pytest.mark.case("build")
def test_a_build_may_make_the_main_module(case: Path, node: Node) -> None:
    (case / "src" / "entry.py").rename(case / "tools" / "entry.txt")
    (case / "src").rmdir()
    config = case / "wrangler.toml"
    command = "mkdir -p ../src; cp entry.txt ../src/entry.py; echo VALUE=1 > ../src/generated.py"
    text = re.sub(r'command = ".*"', f'command = "{command}"\ncwd = "tools"', config.read_text())
    config.write_text(text.replace('watch_dir = "src"', 'watch_dir = ["tools"]'))
    with node(case) as dev:
        assert dev.request("GET", "/").body == b"value 1"
        module = case / "tools" / "entry.txt"
        dev.log.clear()
        module.write_text(module.read_text().replace("value", "worth"))
        dev.wait_for_log("reloaded in")
        assert dev.request("GET", "/").body == b"worth 1"


@pytest.mark.case("site")
def test_a_site_is_bound(case: Path, node: Node) -> None:
    entry = case / "src" / "entry.py"
    entry.write_text(
        entry.read_text().replace(
            'Response("ok")',
            'Response(str([key["name"] for key in '
            '(await self.env.__getattr__("__STATIC_CONTENT").list())["keys"]]))',
        )
    )
    with node(case) as dev:
        answer = dev.request("GET", "/")
    assert answer.status == 200
    assert b"index.html" in answer.body


@pytest.mark.case("js-alias")
def test_an_alias_is_a_path_of_the_project(case: Path) -> None:
    with running(case, "--runtime", "workerd") as dev:
        assert dev.request("GET", "/").body == b"price 3"
    (case / "src" / "fake-billing.js").unlink()
    code, message = failed_start(case)
    assert code == 8
    assert "fake-billing.js of `alias` does not exist" in message


@pytest.mark.slow
@pytest.mark.case("js-throws")
def test_all_that_the_worker_says_is_shown(case: Path) -> None:
    module = case / "src" / "index.js"
    good = module.read_text()
    with running(case, "--runtime", "workerd") as dev:
        big = {"X-Big": "a" * 15_500}
        assert dev.request("GET", "/?q=" + quote("中" * 1000), headers=big).body == b"fine"
        for line in ("a log line", "a warning line", "an error line"):
            dev.wait_for_log(line)
        dev.log.clear()
        module.write_text('export default { fetch() { throw new Error("out of cheese") } };\n')
        wait_for_status(dev, 500)
        dev.wait_for_log("out of cheese")
        dev.log.clear()
        module.write_text("export default {\n")
        dev.wait_for_log("Build failed with 1 error")
        assert dev.wait_for_log("src/index.js:2:0").strip() == "src/index.js:2:0:"
        # workerd can't start with this, and `wrangler dev` ends.
        module.write_text('throw new Error("at the top");\n' + good)
        dev.wait_for_log("at the top")
        dev.wait_for_log("reload failed: the Worker can't start")
        address = dev.url
        dev.log.clear()
        module.write_text(good.replace("fine", "fixed"))
        assert dev.wait_for_log("Ready on").endswith(address)
        assert dev.request("GET", "/").body == b"fixed"
        dev.log.clear()
        # A slip in the configuration, or a flag that there is not, waits for a fix as well.
        config = case / "wrangler.toml"
        right = config.read_text()
        for wrong in ("[broken\n", 'compatibility_flags = ["no"]\n'):
            config.write_text(right + wrong)
            dev.wait_for_log("Waiting for a fix")
            dev.log.clear()
        config.write_text(right)
        assert dev.wait_for_log("Ready on").endswith(address)
        dev.log.clear()
        (case / ".dev.vars").write_text("A=1\n")
        dev.wait_for_log(".dev.vars changed")
        dev.wait_for_log("Ready on")


def wait_for_status(dev: Dev, status: int) -> None:
    """Ask until the Worker answers so: an edit takes a moment."""
    for _ in range(200):
        with contextlib.suppress(OSError):
            if dev.request("GET", "/").status == status:
                return
    raise AssertionError(f"no answer had status {status}")


@pytest.mark.case("js-throws")
def test_a_start_that_fails_ends_with_the_reason(case: Path) -> None:
    (case / "src" / "index.js").write_text('throw new Error("at the top"); export default {};\n')
    code, message = failed_start(case)
    assert (code, "at the top" in message) == (9, True)
    with (case / "wrangler.toml").open("a") as config:
        config.write('[build]\ncommand = "echo it will not do; exit 3"\n')
    code, message = failed_start(case)
    assert (code, "exit 3` failed" in message, "build failed with status 3" in message) == (
        9,
        True,
        True,
    )
    assert "Symbol(" not in message


ECHO = """\
import asgi
import calendar
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        js = request.js_object
        if "refuse" in request.url:
            return Response("too large", status=413)
        if "order" in request.url:
            return Response(f"{calendar.isleap(2024)} {asgi.__file__}")
        body = await request.text() if js.body else None
        found = {"url": js.url, "headers": [list(pair) for pair in js.headers], "body": body}
        return Response.json({"method": js.method, **found}, headers={"x-method": js.method})
"""
ECHO_JS = """\
export default {
  async fetch({ method, url, headers, body }) {
    const text = body && await new Response(body).text();
    const found = { method, url, headers: [...headers], body: text };
    return Response.json(found, { headers: { "x-method": method } });
  },
};
"""


@pytest.mark.case("header-16k")
def test_requests_arrive_as_in_workerd(case: Path, tmp_path: Path, node: Node) -> None:
    """Also those that Node would refuse, and up to the lengths that workerd accepts."""
    config = ALL.splitlines()[:4]
    shadowed = {"src/calendar.py": "1 / 0\n", "src/asgi.py": "1 / 0\n"}
    write_project(case, {"wrangler.toml": "\n".join(config), "src/entry.py": ECHO, **shadowed})
    script = {"wrangler.toml": f'{config[0]}\nmain = "i.js"\n{config[2]}', "i.js": ECHO_JS}
    reference = running(write_project(tmp_path / "script", script), "--runtime", "workerd")
    with node(case) as dev, reference as workerd:
        for request, same in zip(odd_requests(dev.url), odd_requests(workerd.url), strict=True):
            assert (request, seen(dev.url, request)) == (request, seen(workerd.url, same))

        def ask(path: str, **headers: str) -> int:
            both = [each.request("GET", path, headers=headers).status for each in (dev, workerd)]
            assert both[0] == both[1], (path[:20], list(headers), both)
            return both[0]

        for size in (15_500, 16_384, 130_000, 250_000, 380_000):
            assert ask("/", **{"X-Big": "a" * size}) == 200
        assert ask("/search?q=" + quote("中" * 7000)) == 200
        assert ask("/", **{f"X-{n}": "%é" * 1000 for n in range(90)}) == 200
        assert ask("/" + "a" * 65_536) == 414
        assert ask("/", Y="a" * 600_000) == 431
        assert ask("/") == 200
        dev.wait_for_log("Cloudflare would refuse this request: its URL has more than 16 KB")
        dev.wait_for_log("Cloudflare would refuse this request: its headers have more than 128 KB")
        for _ in range(5):
            assert dev.request("POST", "/refuse", "a" * 4_000_000).status == 413
        # An import finds the standard library first, then packages, as in workerd.
        order = dev.request("GET", "/order").body.decode()
        assert order.startswith("True /session/python_modules/"), order
        for name in shadowed:
            dev.wait_for_log(f"{name} is never imported")


GIVEN_ENTRY = """\
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        found = {name: getattr(self.env, name, None) for name in ("A", "B", "C", "WRONG")}
        return Response.json(found)
"""
UNREAD = {"CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV": "false"}


def given_files(project: Path) -> list[str]:
    """Two files of secrets in any place, and those that must not be read."""
    for name in (".dev.vars", ".dev.vars.staging", ".env", ".env.local"):
        (project / name).write_text("WRONG=1\nC=wrong\n")
    shared = project.parent / "shared"
    shared.mkdir()
    (shared / "first.env").write_text("A=first\nB=$A\n")
    (shared / "second").write_text("A=second\n")
    return ["--env-file", str(shared / "first.env"), "--env-file", "../shared/second"]


def wait_for_answer(dev: Dev, expected: dict[str, str | None]) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            if dev.request("GET", "/").json() == expected:
                return
        time.sleep(0.1)
    raise AssertionError("\n".join(dev.log))


@pytest.mark.slow
def test_the_files_of_the_command_line_reach_python(tmp_path: Path, node: Node) -> None:
    """And a reload that fails says where, in paths of the project."""
    config = "\n".join(ALL.splitlines()[:4])
    files = {"wrangler.toml": config, "src/entry.py": GIVEN_ENTRY, "src/shop/cart.py": "X = 1\n"}
    project = write_project(tmp_path / "project", files)
    with node(project, *given_files(project), env=UNREAD) as dev:
        found = dev.request("GET", "/").json()
        assert found == {"A": "second", "B": "second", "C": None, "WRONG": None}
        (tmp_path / "shared" / "second").write_text("C=changed\n")
        wait_for_answer(dev, {"A": "first", "B": "first", "C": "changed", "WRONG": None})
        dev.log.clear()
        cart = project / "src" / "shop" / "cart.py"
        cart.write_text("\nimport not_there\n")
        (project / "src" / "entry.py").write_text("import shop.cart\n" + GIVEN_ENTRY)
        dev.wait_for_log("reload failed: src/shop/cart.py:2: ModuleNotFoundError")
        body = dev.request("GET", "/").body.decode()
        assert "src/shop/cart.py" in body
        assert "/session/" not in "\n".join([*dev.log, body])
        dev.log.clear()
        (tmp_path / "shared" / "second").unlink()
        line = dev.wait_for_log("there is no such file")
        assert "shared/second" in line


@pytest.mark.case("dev-js")
def test_the_files_of_the_command_line_reach_workerd(case: Path) -> None:
    (case / "src" / "index.js").write_text(
        "export default { fetch(_, env) {\n"
        "  const { A, B, C = null, WRONG = null } = env;\n"
        "  return Response.json({ A, B, C, WRONG });\n} };\n"
    )
    with running(case, "--runtime", "workerd", *given_files(case), env=UNREAD) as dev:
        found = dev.request("GET", "/").json()
        assert found == {"A": "second", "B": "second", "C": None, "WRONG": None}
        (case.parent / "shared" / "second").write_text("C=changed\n")
        wait_for_answer(dev, {"A": "first", "B": "first", "C": "changed", "WRONG": None})


@pytest.mark.case("dev-js")
def test_what_can_t_be_used_is_refused_at_the_start(case: Path) -> None:
    (case / "a-file").write_text("")
    (case / "state").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = ("--port", str(server.getsockname()[1]))
        refusals = [
            (8, "there is no such file", (*taken, "--env-file", "nothing")),
            (8, "is a directory", (*taken, "--env-file", "state")),
            (2, "is in use", taken),
            (2, "1.2.3.4 is not an address of this machine", ("--host", "1.2.3.4")),
            (2, "can't find the address", ("--host", "a..b")),
            (10, "it is not a directory", ("--persist-to", "a-file")),
            (10, "Not a directory", ("--persist-to", "a-file/state")),
            (10, "No such file or directory", ("--persist-to", "/proc/state")),
        ]
        for code, said, arguments in refusals:
            found, message = failed_start(case, *arguments)
            assert (found, said in message) == (code, True), message
