"""How long `cfpy provision` and `cfpy plan` take, as ratios against wrangler typed by hand.

    python benchmarks/provision.py [--rounds 5] [--delay 0.15] [--json FILE]

Both talk to the stand-in for Cloudflare's API that the acceptance tests use, which takes `--delay`
seconds for each answer. The peer of a provision is one wrangler command after the other for the
same resources, with nothing in between: no reading, no copying of ids. The peer of a plan without
changes is one `wrangler d1 list`. wrangler by hand has the environment that a shell gives it: what
cfpy sets for its own (NODE_COMPILE_CACHE saves a quarter of a second a command) it does not have.
Each round runs all of them in turn; the table shows medians, and how often wrangler was started.
"""

from __future__ import annotations

import argparse
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

from cfpy.adapters.wrangler_config import load_project
from cfpy.adapters.wrangler_edit import set_id
from cfpy.commands.context import build_context
from cfpy.commands.new import NewRequest, run
from cfpy.domain.resources import DesiredState, desired_state
from cloudflare_api import ACCOUNT, TOKEN, CloudflareApi, serve

PATTERNS = ("rag", "pipeline", "fullstack")
SECRETS = {"API_TOKEN": "x", "API_TOKENS": "me:x"}
# By hand: at least this many times as long. A plan: at most this part of `wrangler d1 list`.
FASTER, PART = 1.7, 0.6
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
        toolchain = self._context.toolchain
        return [str(toolchain.node.binary), str(toolchain.wrangler(project))]

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
    commands = [["queues", "create", name] for name in desired.queues]
    for index in desired.indexes:
        shape = [f"--dimensions={index.dimensions}", f"--metric={index.metric}"]
        commands.append(["vectorize", "create", index.index_name, *shape])
        for item in index.metadata_indexes:
            option = [f"--property-name={item.property}", f"--type={item.type}"]
            commands.append(["vectorize", "create-metadata-index", index.index_name, *option])
    commands += [["d1", "create", item.name] for item in desired.databases]
    commands += [["kv", "namespace", "create", item.title] for item in desired.namespaces]
    commands += [["r2", "bucket", "create", name] for name in desired.buckets]
    for database in desired.databases:
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
    for database in desired.databases:
        # Known beforehand here; by hand it is copied out of what `d1 create` says.
        identifier = CloudflareApi.database_id(database.name)
        path = project / "wrangler.toml"
        set_id(path, "", "d1_databases", database.binding, "database_id", identifier)
    commands = [[*wrangler, *arguments] for arguments in by_hand(desired)]
    values = json.dumps({secret.name: SECRETS[secret.name] for secret in desired.secrets})
    times.add("by hand", *bench.timed(CloudflareApi(), project, commands, stdin=values))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--delay", type=float, default=0.15, help="seconds for each answer")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    report, missed = [], 0
    print(
        f"{'pattern':10} {'provision':>10} {'by hand':>9} {'ratio':>6}  {'processes':>10}", end=""
    )
    print(f"  {'plan':>7} {'d1 list':>8} {'part':>5}")
    for pattern in PATTERNS:
        times = Times()
        with tempfile.TemporaryDirectory() as directory:
            bench = Bench(Path(directory), options.delay)
            for number in range(options.rounds + 1):
                one_round(bench, pattern, times)
                if number == 0:
                    times.seconds.clear()  # The caches of Node and of the disk are filled.
        faster = times.median("by hand") / times.median("cfpy provision")
        part = times.median("cfpy plan") / times.median("wrangler d1 list")
        missed += (faster < FASTER) + (part > PART)
        processes = f"{times.started['cfpy provision']} / {times.started['by hand']}"
        print(
            f"{pattern:10} {times.median('cfpy provision'):8.2f} s {times.median('by hand'):7.2f} s"
            f" {faster:6.2f}  {processes:>10}  {times.median('cfpy plan'):5.2f} s"
            f" {times.median('wrangler d1 list'):6.2f} s {part:5.2f}",
            flush=True,
        )
        report.append({"pattern": pattern, "seconds": times.seconds, "started": times.started})
    print(f"targets: ratio at least {FASTER}, part at most {PART}; {missed} missed")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    os.environ.pop("CLOUDFLARE_API_TOKEN", None)
    sys.exit(main())
