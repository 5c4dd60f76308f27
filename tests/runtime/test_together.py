"""JavaScript Workers that run in one workerd: `cfpy dev --with ../other`. One has a wrangler.toml,
the other a wrangler.jsonc, and each is bound to the other."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dev_process import Dev, children, start_dev, wait_until_gone, write_project

MAIN = """\
name = "main"
main = "src/index.js"
compatibility_date = "2026-11-17"
services = [
  { binding = "OTHER", service = "other" },
  { binding = "ADMIN", service = "other", entrypoint = "Admin" },
]

[[durable_objects.bindings]]
name = "COUNTERS"
class_name = "Counter"
script_name = "other"

[[queues.producers]]
binding = "JOBS"
queue = "jobs"
"""
MAIN_ENTRY = """\
import { WorkerEntrypoint } from "cloudflare:workers";

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const { OTHER, ADMIN, COUNTERS, JOBS } = this.env;
    const { pathname } = new URL(request.url);
    if (pathname === "/fetch") return OTHER.fetch("http://other/a/b");
    if (pathname === "/back") return OTHER.fetch("http://other/back");
    const counter = COUNTERS.get(COUNTERS.idFromName("a"));
    const answers = {
      "/call": () => OTHER.when().then((moment) => moment.getTime()),
      "/entrypoint": () => ADMIN.secret(),
      "/object": () => counter.next(),
      "/queue": () => JOBS.send("job"),
    };
    return Response.json((await answers[pathname]()) ?? null);
  }
  hello() { return "from main"; }
}
"""
OTHER = """\
{
  "name": "other",
  "main": "src/index.js",
  "compatibility_date": "2026-11-17",
  // The way back.
  "services": [{ "binding": "MAIN", "service": "main" }],
  "durable_objects": { "bindings": [{ "name": "COUNTERS", "class_name": "Counter" }] },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Counter"] }],
  "kv_namespaces": [{ "binding": "KV" }],
  "queues": { "consumers": [{ "queue": "jobs", "max_batch_timeout": 0 }] },
  "vars": { "VERSION": "one" },
}
"""
OTHER_ENTRY = """\
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

export class Counter extends DurableObject {
  async next() {
    const value = ((await this.ctx.storage.get("n")) ?? 0) + 1;
    await this.ctx.storage.put("n", value);
    return value;
  }
}

export class Admin extends WorkerEntrypoint {
  secret() { return "admin"; }
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/back") return new Response(await this.env.MAIN.hello());
    return Response.json([pathname, "first", this.env.VERSION, await this.env.KV.get("jobs")]);
  }
  async queue(batch) { await this.env.KV.put("jobs", String(batch.messages.length)); }
  when() { return new Date(7); }
}
"""


@pytest.mark.slow
def test_two_in_one_workerd(tmp_path: Path) -> None:
    main = write_project(tmp_path / "main", {"wrangler.toml": MAIN, "src/index.js": MAIN_ENTRY})
    other = write_project(
        tmp_path / "other", {"wrangler.jsonc": OTHER, "src/index.js": OTHER_ENTRY}
    )
    dev = start_dev(main, "--runtime", "workerd", "--with", "../other/wrangler.jsonc")

    try:
        calls_and_edits(dev, other)
        started = children(dev.process.pid)
        assert len(started) > 1
        assert dev.stop(signal.SIGINT) == 130
        wait_until_gone(started)
    finally:
        dev.stop()


def calls_and_edits(dev: Dev, other: Path) -> None:
    def get(path: str) -> object:
        return dev.request("GET", path).json()

    assert get("/fetch") == ["/a/b", "first", "one", None]
    assert get("/call") == 7
    assert get("/entrypoint") == "admin"
    assert dev.request("GET", "/back").body == b"from main"
    assert [get("/object"), get("/object")] == [1, 2]
    dev.request("GET", "/queue")
    until(lambda: get("/fetch") == ["/a/b", "first", "one", "1"])
    # An edit of the other one's code, and of its configuration.
    (other / "src/index.js").write_text(OTHER_ENTRY.replace('"first"', '"second"'))
    until(lambda: get("/fetch") == ["/a/b", "second", "one", "1"])
    (other / "wrangler.jsonc").write_text(OTHER.replace('"one"', '"two"'))
    until(lambda: get("/fetch") == ["/a/b", "second", "two", "1"])
    assert get("/object") == 3


def until(holds: Callable[[], bool]) -> None:
    """Wait until something is true; while the server restarts, it is not."""
    deadline = time.monotonic() + 60
    while True:
        try:
            if holds():
                return
        except (OSError, ValueError):
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)
