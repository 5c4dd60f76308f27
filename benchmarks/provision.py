"""`cfpy provision`, and `cfpy plan` without any changes, against wrangler typed by hand.

Both talk to the stand-in for Cloudflare's API that the acceptance tests use, which takes 0.15
seconds for each answer. The peer of a provision is one wrangler command after the other for the
same resources, with nothing in between: no reading, no copying of ids. The peer of a plan without
changes is one `wrangler d1 list`. wrangler by hand runs with a shell's environment, without what
cfpy sets for its own calls (NODE_COMPILE_CACHE saves a quarter of a second for each command).
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "acceptance"))

from comparison import Target

from cfpy.account.desired import DesiredState
from cfpy.account.owned.d1 import D1Database
from cfpy.account.owned.kv import KVNamespace
from cfpy.account.owned.queue import Queue
from cfpy.account.owned.r2 import R2Bucket
from cfpy.account.resources import desired_state
from cfpy.bindings.id_edits import set_id
from cfpy.bindings.wrangler_config import load_project
from cfpy.patterns.new import NewRequest, run
from cfpy.project.project import VectorizeIndex
from cfpy.project.secret import Secret
from cfpy.tools.context import build_context
from cloudflare_api import ACCOUNT, TOKEN, CloudflareApi, serve

PATTERNS = ("rag", "pipeline", "fullstack")
SECRETS = {"API_TOKEN": "x", "API_TOKENS": "me:x", "WEBHOOK_SECRET": "x" * 16}
DELAY = 0.15
TARGETS = tuple(
    target
    for name in PATTERNS
    for target in (
        Target(f"{name}: cfpy provision", f"{name}: wrangler by hand", 0.59),
        Target(f"{name}: wranglers of provision", f"{name}: wranglers by hand", 1.0, "starts"),
        Target(f"{name}: cfpy plan", f"{name}: wrangler d1 list", 0.6),
    )
)
# wrangler starts others of its own; what counts is what was typed, or would have been.
COUNTER = """\
if (/wrangler\\.js$/.test(process.argv[1] ?? '')) {
  require('fs').appendFileSync(process.env.STARTED, process.argv.slice(2).join(' ') + '\\n');
}
"""


@dataclass
class Times:
    """Seconds of each round, and starts of wrangler in one."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    started: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, seconds: float, started: int) -> None:
        self.seconds.setdefault(name, []).append(seconds)
        self.started[name] = started

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])


class Bench:
    """Runs commands in a project, against an account."""

    def __init__(self, directory: Path, delay: float) -> None:
        self._directory = directory
        self._delay = delay
        self._context = build_context(lambda _: None)
        (directory / "counter.cjs").write_text(COUNTER)

    def project(self, pattern: str) -> Path:
        shutil.rmtree(self._directory / "shop", ignore_errors=True)
        request = NewRequest(
            pattern, "shop", self._directory, {}, interactive=False, dry_run=False, git=False
        )
        return run(self._context, request).path

    def wrangler(self, project: Path) -> list[str]:
        return list(self._context.toolchain.wrangler(project))

    def timed(
        self,
        api: CloudflareApi,
        project: Path,
        commands: list[list[str]],
        *,
        stdin: str = "",
        expected: int = 0,
    ) -> tuple[float, int]:
        """Run commands one after the other: seconds, and starts of wrangler."""
        started = self._directory / "started"
        started.write_text("")
        server = serve(api)
        api.delay = self._delay
        environment = {
            **os.environ,
            **SECRETS,
            "WRANGLER_SEND_METRICS": "false",
            "CLOUDFLARE_API_BASE_URL": f"http://127.0.0.1:{server.server_port}/client/v4",
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
            "NODE_OPTIONS": f"--require={self._directory / 'counter.cjs'}",
            "STARTED": str(started),
        }
        begin = time.perf_counter()
        for command in commands:
            done = subprocess.run(
                command, cwd=project, env=environment, input=stdin, capture_output=True, text=True
            )
            if done.returncode != expected:
                raise SystemExit(f"{command}\n{done.stdout}\n{done.stderr}")
        seconds = time.perf_counter() - begin
        server.shutdown()
        server.server_close()
        return seconds, len(started.read_text().splitlines())


def by_hand(desired: DesiredState) -> list[list[str]]:
    """What somebody would type, migrations and secrets last."""
    commands = [["queues", "create", queue.name] for queue in desired.all(Queue)]
    for index in desired.all(VectorizeIndex):
        shape = [f"--dimensions={index.dimensions}", f"--metric={index.metric}"]
        commands.append(["vectorize", "create", index.index_name, *shape])
        for item in index.metadata_indexes:
            option = [f"--property-name={item.property}", f"--type={item.type}"]
            commands.append(["vectorize", "create-metadata-index", index.index_name, *option])
    databases = desired.all(D1Database)
    commands += [["d1", "create", database.name] for database in databases]
    commands += [["kv", "namespace", "create", item.name] for item in desired.all(KVNamespace)]
    commands += [["r2", "bucket", "create", bucket.name] for bucket in desired.all(R2Bucket)]
    for database in databases:
        commands.append(["d1", "migrations", "apply", database.binding, "--remote"])
    return [*commands, ["secret", "bulk"]]


def one_round(bench: Bench, pattern: str, times: Times) -> None:
    cfpy = [sys.executable, "-m", "cfpy"]
    api = CloudflareApi()
    project = bench.project(pattern)
    times.add("cfpy provision", *bench.timed(api, project, [[*cfpy, "provision", "--yes"]]))
    times.add("cfpy plan", *bench.timed(api, project, [[*cfpy, "plan"]]))
    wrangler = bench.wrangler(project)
    times.add("wrangler d1 list", *bench.timed(api, project, [[*wrangler, "d1", "list"]]))

    project = bench.project(pattern)
    desired = desired_state(load_project(project))
    for database in desired.all(D1Database):
        # Known beforehand here; by hand it is copied out of what `d1 create` says.
        identifier = CloudflareApi.database_id(database.name)
        path = project / "wrangler.toml"
        set_id(path, "", "d1_databases", database.binding, "database_id", identifier)
    commands = [[*wrangler, *arguments] for arguments in by_hand(desired)]
    values = json.dumps({secret.name: SECRETS[secret.name] for secret in desired.all(Secret)})
    times.add("wrangler by hand", *bench.timed(CloudflareApi(), project, commands, stdin=values))


def measure(rounds: int) -> dict[str, float]:
    """Median seconds of at most five rounds, and starts of wrangler."""
    token = os.environ.pop("CLOUDFLARE_API_TOKEN", None)
    found: dict[str, float] = {}
    for pattern in PATTERNS:
        times = Times()
        with tempfile.TemporaryDirectory() as directory:
            bench = Bench(Path(directory), DELAY)
            for number in range(min(rounds, 5) + 1):
                one_round(bench, pattern, times)
                if number == 0:
                    times.seconds.clear()  # The caches of Node and of the disk are filled.
        for name in times.seconds:
            found[f"{pattern}: {name}"] = times.median(name)
        found[f"{pattern}: wranglers of provision"] = times.started["cfpy provision"]
        found[f"{pattern}: wranglers by hand"] = times.started["wrangler by hand"]
    if token is not None:
        os.environ["CLOUDFLARE_API_TOKEN"] = token
    return found
