"""The same small Worker in each language, for the tests of what is around a Worker."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from cfpy.local import bundle
from dev_process import start_dev, write_project

_CONFIG = """\
name = "life"
main = "src/entry.{suffix}"
compatibility_date = "2026-11-17"
{more}
[vars]
GREETING = "hello"
ACCESS_TEAM_DOMAIN = ""
ACCESS_AUD = ""

[[kv_namespaces]]
binding = "KV"

[[d1_databases]]
binding = "DB"
database_name = "life-db"

[[queues.producers]]
binding = "JOBS"
queue = "jobs"

[[queues.consumers]]
queue = "jobs"
max_batch_timeout = 0
max_retries = 0

[[analytics_engine_datasets]]
binding = "METRICS"

[triggers]
crons = ["*/5 * * * *"]

[dev]
host = "life.test"
"""
_PYTHON = """\
from urllib.parse import urlsplit

import helper
from workers import Response, WorkerEntrypoint, fetch


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = urlsplit(request.url).path
        if path == "/raise":
            raise ValueError("out of cheese")
        if path == "/later":
            self.ctx.waitUntil(self.late())
        if path == "/send":
            await self.env.JOBS.send("x")
        if path == "/store":
            await self.env.KV.put("key", "value")
        if path == "/caller":
            certs = await fetch(f"{self.env.ACCESS_TEAM_DOMAIN}/cdn-cgi/access/certs")
            token = request.headers.get("cf-access-jwt-assertion")
            return Response.json({"token": token, "certs": await certs.text()})
        if path == "/address":
            return Response(f"{request.url} {request.headers['host']}")
        if path == "/rows":
            return Response(str(await self.env.DB.prepare("SELECT count(*) FROM items").raw()))
        print("asked for", path)
        return Response(f"{self.env.GREETING} {helper.NAME} {self.env.TOKEN}")

    async def late(self):
        raise ValueError("late cheese")

    async def queue(self, batch, env=None, ctx=None):
        raise ValueError("queued cheese")

    async def scheduled(self, controller, env=None, ctx=None):
        raise ValueError(f"cheese at {controller.cron}")
"""
_JAVASCRIPT = """\
import { NAME } from './helper.js';

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === '/raise') throw new Error('out of cheese');
    if (pathname === '/later') ctx.waitUntil(late());
    if (pathname === '/send') await env.JOBS.send('x');
    if (pathname === '/store') await env.KV.put('key', 'value');
    if (pathname === '/caller') {
      const certs = await fetch(`${env.ACCESS_TEAM_DOMAIN}/cdn-cgi/access/certs`);
      const token = request.headers.get('cf-access-jwt-assertion');
      return Response.json({ token, certs: await certs.text() });
    }
    if (pathname === '/address')
      return new Response(`${request.url} ${request.headers.get('host')}`);
    if (pathname === '/rows')
      return Response.json(await env.DB.prepare('SELECT count(*) FROM items').raw());
    console.log('asked for', pathname);
    return new Response(`${env.GREETING} ${NAME} ${env.TOKEN}`);
  },
  async queue() {
    throw new Error('queued cheese');
  },
  async scheduled({ cron }) {
    throw new Error(`cheese at ${cron}`);
  },
};

async function late() {
  throw new Error('late cheese');
}
"""


@dataclass(frozen=True)
class Life:
    """A Worker in ``language`` that runs in ``runtime``. Python reads its modules as they are, and
    so does this JavaScript: what wrangler bundles has its own tests."""

    runtime: str
    language: str

    @property
    def files(self) -> dict[str, str]:
        """The project's files."""
        more = (
            'compatibility_flags = ["python_workers"]'
            if self.language == "Python"
            else 'no_bundle = true\nrules = [{ type = "ESModule", globs = ["**/*.js"] }]'
        )
        return {
            "wrangler.toml": _CONFIG.format(suffix=self._suffix, more=more),
            f"src/entry.{self._suffix}": _PYTHON if self.language == "Python" else _JAVASCRIPT,
            self.helper: self.named("world"),
            "migrations/0001_items.sql": "CREATE TABLE items (id INTEGER PRIMARY KEY);\n",
            ".dev.vars": "TOKEN=sssh-7f3a\n",
        }

    @property
    def helper(self) -> str:
        """The module that the tests edit."""
        return f"src/helper.{self._suffix}"

    def named(self, name: str) -> str:
        """The text of a right helper."""
        return (
            f'NAME = "{name}"\n'
            if self.language == "Python"
            else f'export const NAME = "{name}";\n'
        )

    @property
    def raises(self) -> str:
        """The text of a helper that fails when it is loaded."""
        if self.language == "Python":
            return 'raise ValueError("no cheese at the top")\n'
        return 'export const NAME = "";\nthrow new Error("no cheese at the top");\n'

    @property
    def broken(self) -> str:
        """The text of a helper with a syntax error."""
        return "NAME = \n" if self.language == "Python" else "export const NAME = ;\n"

    @property
    def _suffix(self) -> str:
        return "py" if self.language == "Python" else "js"


def lives() -> list[Life]:
    """What can run on this machine: Python in workerd needs a download."""
    found = [Life("node", "Python"), Life("workerd", "JavaScript")]
    return [*found, Life("workerd", "Python")] if bundle_is_there() else found


def bundle_is_there() -> bool:
    """Whether workerd can run Python here; a failed download is remembered for a day."""
    if bundle.was_missing():
        return False
    with tempfile.TemporaryDirectory() as folder:
        life = Life("workerd", "Python")
        try:
            dev = start_dev(write_project(Path(folder), life.files), "--runtime", "workerd")
        except AssertionError as error:
            if "Pyodide bundle" not in str(error):
                raise
            return False
        dev.stop()
        return True


def told(ran: list[Life]) -> str:
    """One line for the report of a run."""
    line = "life around a Worker: " + ", ".join(f"{x.language} in {x.runtime}" for x in ran)
    python = Life("workerd", "Python") in ran
    return line if python else f"{line}; no Pyodide bundle, so no Python in workerd"


#: Where a run of pytest remembers what it ran.
RAN = pytest.StashKey[list[Life]]()
