"""Every mutating request of rollouts, with every way to fail, with the real wrangler.

Each case breaks one request once, or kills cfpy at it, and runs the same command again: it has to
end with the account that a run without a fault ends with.

    python tests/acceptance/rollout_matrix.py [--sample N] [--seed N] [--jobs N]
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))

from cfpy_process import served
from fault_matrix import FAULTS, KILLED, SECRETS, sample

from cloudflare_api import CloudflareApi, Failure, serve
from forked import run_cfpy
from projects import vendored_project

DEPLOY = ("deploy", "--yes", "--health", "")
# The command, and those that come before it.
FLOWS: dict[str, tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]] = {
    "begin": ((*DEPLOY, "--percent", "10"), ()),
    "go on": ((*DEPLOY, "--percent", "100"), ((*DEPLOY, "--percent", "10"),)),
    "watch": ((*DEPLOY, "--percent", "10", "--watch", "1s"), ()),
    "go back": (("rollback", "--yes"), ((*DEPLOY, "--percent", "10"),)),
    "promote": (
        ("promote", "staging", "--yes", "--health", ""),
        ((*DEPLOY, "--env", "staging"),),
    ),
}


@dataclass(frozen=True)
class Case:
    """The ``time``-th request of this kind (from 1) fails in one way."""

    pattern: str
    mutation: str
    time: int
    fault: str


@dataclass(frozen=True)
class Live:
    """A live project, and its account."""

    project: Path
    account: dict[str, Any]


class Stage:
    """A copy of both, with new code and a migration, before the command of a flow."""

    def __init__(self, live: Live, directory: Path, flow: str) -> None:
        self.command, before = FLOWS[flow]
        self.project = Path(shutil.copytree(live.project, directory / "shop", symlinks=True))
        self.api = CloudflareApi()
        self.api.take(live.account)
        self.api.rollouts.invocations = {
            f"00000000-0000-0000-0000-{number:012d}": (30, 0) for number in range(99)
        }
        entry = self.project / "src" / "entry.py"
        entry.write_text(entry.read_text() + "\n# New.\n")
        (self.project / "migrations" / "0900_more.sql").write_text("CREATE TABLE more (id INT);\n")
        self._server = serve(self.api)
        address = f"http://127.0.0.1:{self._server.server_port}/client/v4"
        token = {
            "CLOUDFLARE_API_BASE_URL": address,
            "CLOUDFLARE_API_TOKEN": "a-token-of-the-stand-in",
        }
        self.environment = {**os.environ, **token}
        for command in before:
            code, said = self.cfpy(*command)
            assert code == 0, said
        self.api.mutations.clear()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def cfpy(self, *arguments: str) -> tuple[int, str]:
        done = run_cfpy(*arguments, cwd=self.project, env=self.environment)
        return done.returncode, done.stdout + done.stderr

    def outcome(self) -> str:
        """Who has which part of the traffic, by tag, and the tables."""
        found: dict[str, Any] = {}
        for worker, releases in sorted(self.api.rollouts.releases.items()):
            tags = {
                item["id"]: item["annotations"].get("workers/tag")
                for item in self.api.rollouts.uploads[worker]
            }
            shares = releases[-1]["versions"]
            found[worker] = [[tags[item["version_id"]], item["percentage"]] for item in shares]
        tables = {
            name: sorted(str(row) for row in connection.execute("SELECT sql FROM sqlite_master"))
            for name, connection in self.api.databases.items()
        }
        return json.dumps([found, tables])


def make_live(home: Path) -> Live:
    """Deployed at the top level; staging has its secrets only."""
    project = vendored_project("pipeline", home)
    config = project / "wrangler.toml"
    config.write_text(config.read_text() + '\n[env.staging]\nname = "shop-staging"\n')
    api = CloudflareApi()
    with served(api) as cfpy:
        code, document = cfpy("up", project, "--yes", "--health", "", **SECRETS)
    assert code == 0, document
    api.scripts["shop-staging"] = [*api.scripts["shop"]]
    return Live(project, api.state())


def clean(live: Live, flow: str) -> tuple[str, list[str]]:
    """What a run without a fault leaves, and the mutations that it made."""
    with tempfile.TemporaryDirectory() as directory, Stage(live, Path(directory), flow) as stage:
        code, said = stage.cfpy(*stage.command)
        assert code == 0, said
        return stage.outcome(), list(stage.api.mutations)


def cases(flow: str, mutations: list[str]) -> list[Case]:
    """All of one flow."""
    seen: collections.Counter[str] = collections.Counter()
    found = []
    for mutation in mutations:
        seen[mutation] += 1
        found += [Case(flow, mutation, seen[mutation], fault) for fault in (*FAULTS, KILLED)]
    return found


def why_broken(live: Live, case: Case, wanted: str) -> str:
    """Run a case; what is wrong afterwards, or nothing."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Stage(live, Path(directory), case.pattern) as stage,
    ):
        break_once(case, stage)
        code, said = stage.cfpy(*stage.command)
        if code != 0:
            return f"the second run ended with {code}: {said}"
        left = stage.outcome()
        return "" if left == wanted else f"another account: {left}, not {wanted}"


def break_once(case: Case, stage: Any) -> None:
    """Run the command of a stage into a fault."""
    api = stage.api
    if case.fault != KILLED:
        api.broken_time = (case.mutation, case.time, FAULTS[case.fault])
        stage.cfpy(*stage.command)
    else:
        started = threading.Event()
        killer: list[subprocess.Popen[bytes]] = []

        def kill() -> None:
            started.wait()
            os.kill(killer[0].pid, signal.SIGKILL)

        # wrangler outlives cfpy, and gets its answer.
        api.broken_time = (case.mutation, case.time, Failure(200, then=kill))
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        argv = [sys.executable, "-m", "cfpy", *stage.command]
        killer.append(subprocess.Popen(argv, cwd=stage.project, env=stage.environment, **streams))
        started.set()
        assert killer[0].wait(300) == -signal.SIGKILL
        # It may still be at work.
        time.sleep(3)
    assert api.mutations.count(case.mutation) >= case.time, "the request was never made"
    api.broken_time = None


def run_matrix(
    about: str | None,
    flows: Collection[str],
    make: Callable[[Path], Any],
    clean: Callable[[Any, str], tuple[str, list[str]]],
    why_broken: Callable[[Any, Case, str], str],
) -> int:
    """Run the cases that the command line asks for; 1 if one is broken.

    Args:
        about: What the program does, for its help.
        flows: The names of the flows.
        make: Makes what all cases start from, in a folder.
        clean: What a run of a flow without a fault leaves, and its mutations.
        why_broken: What is wrong after a case; it is given what :func:`clean` gave.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--sample", type=int, help="run this many, chosen at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        start = make(Path(home))
        with ThreadPoolExecutor(options.jobs) as pool:
            found = dict(zip(flows, pool.map(lambda flow: clean(start, flow), flows), strict=True))
            every = [case for flow in flows for case in cases(flow, found[flow][1])]
            chosen: list[Any] = every
            if options.sample:
                chosen = sample(every, options.sample, random.Random(options.seed))  # type: ignore[arg-type]
            started, broken = time.monotonic(), 0
            results = pool.map(lambda case: why_broken(start, case, found[case.pattern][0]), chosen)
            for number, (case, why) in enumerate(zip(chosen, results, strict=True), 1):
                broken += bool(why)
                print(
                    f"BROKEN {case}\n{why}\n" if why else f"{number} of {len(chosen)}", flush=True
                )
    for flow, count in collections.Counter(case.pattern for case in chosen).items():
        print(f"{flow:24}{count:5}")
    seconds = time.monotonic() - started
    print(f"{len(chosen)} of {len(every)} cases, {broken} broken, {seconds:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(run_matrix(__doc__, FLOWS, make_live, clean, why_broken))
