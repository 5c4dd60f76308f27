"""Every mutating request of a provision, with every way to fail, for every pattern.

Each case breaks one request once, runs `cfpy provision` into it, and runs it again: the second run
has to end with the account, the wrangler.toml and the record that a run without a fault ends with.

    python tests/acceptance/fault_matrix.py [--pattern NAME ...] [--fault NAME ...]
                                            [--sample N] [--seed N] [--jobs N]
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))

from cfpy.patterns.new import NewRequest
from cfpy.patterns.new import run as run_new
from cfpy.tools.context import build_context
from cloudflare_api import TOKEN, CloudflareApi, Failure, serve
from forked import run_cfpy

PATTERNS = ("rag", "pipeline", "fullstack")
SECRETS = {"API_TOKEN": "x", "API_TOKENS": "me:x", "WEBHOOK_SECRET": "x" * 16}
KILLED = "killed"
SLOW_SECONDS = 3.0
FAULTS = {
    "401": Failure(401),
    "403": Failure(403),
    "409": Failure(409),
    "429": Failure(429, headers={"Retry-After": "1"}),
    "500": Failure(500),
    "500, and applied": Failure(500, applied=True),
    "dropped": Failure(0),
    "dropped, and applied": Failure(0, applied=True),
    "slow": Failure(200, then=lambda: time.sleep(SLOW_SECONDS)),
}


@dataclass(frozen=True)
class Case:
    """The ``time``-th request of this kind (from 1) fails in one way."""

    pattern: str
    mutation: str
    time: int
    fault: str


@dataclass(frozen=True)
class Outcome:
    """What a run left: all of it has to be the same, however often it was broken off."""

    account: str
    config: str
    record: str


class Stage:
    """A project called shop, and an account of its own."""

    def __init__(self, pattern: str, directory: Path) -> None:
        request = NewRequest(
            pattern, "shop", directory, {}, interactive=False, dry_run=False, git=False
        )
        self.project = run_new(build_context(lambda _: None), request).path
        self.api = CloudflareApi()
        self._server = serve(self.api)
        self._environment = {
            **os.environ,
            **SECRETS,
            "CLOUDFLARE_API_BASE_URL": f"http://127.0.0.1:{self._server.server_port}/client/v4",
            "CLOUDFLARE_API_TOKEN": TOKEN,
        }

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "cfpy", *arguments],
            cwd=self.project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def cfpy(self, *arguments: str) -> tuple[int, str]:
        done = run_cfpy(*arguments, cwd=self.project, env=self._environment)
        return done.returncode, done.stdout + done.stderr

    def outcome(self) -> Outcome:
        api = self.api
        tables = {
            name: sorted(str(row) for row in connection.execute("SELECT sql FROM sqlite_master"))
            for name, connection in api.databases.items()
        }
        account: dict[str, Any] = {
            "databases": tables,
            "namespaces": sorted(api.namespaces),
            "buckets": sorted(api.buckets),
            "queues": sorted(api.queues),
            "indexes": {name: sorted(item["metadata"]) for name, item in api.indexes.items()},
            "scripts": {name: sorted(secrets) for name, secrets in api.scripts.items()},
        }
        config = (self.project / "wrangler.toml").read_text()
        record = (self.project / "cfpy.state.json").read_text()
        return Outcome(json.dumps(account, sort_keys=True, indent=1), config, record)


def provisioned(pattern: str) -> tuple[Outcome, list[str]]:
    """What a run without a fault leaves, and the mutations that it made."""
    with tempfile.TemporaryDirectory() as directory, Stage(pattern, Path(directory)) as stage:
        code, said = stage.cfpy("provision", "--yes")
        assert code == 0, said
        return stage.outcome(), list(stage.api.mutations)


def cases(pattern: str, mutations: list[str]) -> list[Case]:
    """All of one pattern."""
    seen: collections.Counter[str] = collections.Counter()
    found = []
    for mutation in mutations:
        seen[mutation] += 1
        found += [Case(pattern, mutation, seen[mutation], fault) for fault in (*FAULTS, KILLED)]
    return found


def sample(every: list[Case], size: int, chance: random.Random) -> list[Case]:
    """Some cases, with each fault as often as any other."""
    by_fault = collections.defaultdict(list)
    for case in chance.sample(every, len(every)):
        by_fault[case.fault].append(case)
    turns = itertools.chain.from_iterable(zip(*by_fault.values(), strict=False))
    return list(itertools.islice(turns, size))


def why_broken(case: Case, wanted: Outcome) -> str:
    """Run a case; what is wrong afterwards, or nothing."""
    with tempfile.TemporaryDirectory() as directory, Stage(case.pattern, Path(directory)) as stage:
        _broken_run(case, stage)
        tomllib.loads((stage.project / "wrangler.toml").read_text())
        code, said = stage.cfpy("provision", "--yes")
        if code != 0:
            return f"the second run ended with {code}: {said}"
        left = stage.outcome()
        for name in ("account", "config", "record"):
            if getattr(left, name) != getattr(wanted, name):
                return f"another {name}: {getattr(left, name)}, not {getattr(wanted, name)}"
        before = list(stage.api.mutations)
        code, said = stage.cfpy("plan")
        if code != 0 or stage.api.mutations != before:
            return f"something is left to do: {said}"
    return ""


def _broken_run(case: Case, stage: Stage) -> None:
    api = stage.api
    if case.fault != KILLED:
        api.broken_time = (case.mutation, case.time, FAULTS[case.fault])
        stage.cfpy("provision", "--yes")
    else:
        killer: list[subprocess.Popen[str]] = []

        def kill() -> None:
            os.kill(killer[0].pid, signal.SIGKILL)

        # wrangler outlives cfpy, and gets its answer.
        api.broken_time = (case.mutation, case.time, Failure(200, then=kill))
        killer.append(stage.start("provision", "--yes"))
        # Not communicate(): wrangler holds the pipe open.
        assert killer[0].wait(300) == -signal.SIGKILL
    assert api.mutations.count(case.mutation) >= case.time, "the request was never made"
    api.broken_time = None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pattern", nargs="+", choices=PATTERNS, default=PATTERNS)
    parser.add_argument("--fault", nargs="+", choices=[*FAULTS, KILLED])
    parser.add_argument("--sample", type=int, help="run this many, chosen at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    with ThreadPoolExecutor(options.jobs) as pool:
        clean = dict(zip(options.pattern, pool.map(provisioned, options.pattern), strict=True))
    every = [case for pattern in options.pattern for case in cases(pattern, clean[pattern][1])]
    every = [case for case in every if case.fault in (options.fault or (*FAULTS, KILLED))]
    chosen = every
    if options.sample:
        chosen = sample(every, options.sample, random.Random(options.seed))
    started = time.monotonic()
    broken = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda case: why_broken(case, clean[case.pattern][0]), chosen)
        for number, (case, why) in enumerate(zip(chosen, results, strict=True), 1):
            if why:
                broken += 1
                print(f"BROKEN {case}\n{why}\n", flush=True)
            elif number % 20 == 0:
                print(f"{number} of {len(chosen)}", flush=True)
    counts = collections.Counter(case.fault for case in chosen)
    for fault, count in counts.items():
        print(f"{fault:24}{count:5}")
    seconds = time.monotonic() - started
    print(f"{len(chosen)} of {len(every)} cases, {broken} broken, {seconds:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
