"""Puts jobs through a running pipeline project while its consumer is killed again and again.

    python benchmarks/pipeline_chaos.py [--jobs 10000] [--seed 1] [--every 9] [--outage 3600]

Renders the pattern `pipeline`, runs it with `cfpy dev --runtime node`, and sends jobs with the
project's own `scripts/load.py`. Meanwhile the Python interpreter, with whatever it was doing, is
killed at random moments (SIGUSR2: see docs/adr/0004). The queue, D1 and R2 are workerd's own and
live on, as Cloudflare's do when a Worker is cut off. Of the project's settings the rate limit alone
is lifted. With --outage the model fails for so many seconds from the start, and with --speed 60 all
waits of the project, its cron and the outage take a sixtieth of their time. Prints the counts as
JSON; ends with 1 if any job was lost, made twice or never finished, or if nothing was killed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CFPY = [sys.executable, "-m", "cfpy"]
TOKEN = "local-development-token"
# As in the project's configuration.
CRON_SECONDS = 600


@dataclass(frozen=True)
class Running:
    """A running project: its address, and the process that hosts its Python."""

    url: str
    pid: int


class Model(BaseHTTPRequestHandler):
    """A chat model that is away until ``back``, in seconds of the monotonic clock."""

    back = float("inf")
    refused = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        away = time.monotonic() < Model.back
        Model.refused += away
        message = {"role": "assistant", "content": "A summary."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps({"error": "busy"} if away else {"choices": [choice]}).encode()
        self.send_response(503 if away else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: there are thousands."""


@contextlib.contextmanager
def model(is_away: bool) -> Iterator[dict[str, str]]:
    """The model as variables for `cfpy dev`: cfpy's own if it is never away."""
    if not is_away:
        yield {}
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield {"CFPY_AI_BASE_URL": url, "CFPY_AI_CHAT_MODEL": "fake"}
    finally:
        server.shutdown()


def run_cron(url: str, every: float, over: threading.Event) -> None:
    """What Cloudflare does by itself. A run is cut off like all else."""
    while not over.wait(every):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/cdn-cgi/handler/scheduled", timeout=60).close()


def render(parent: Path, speed: float) -> Path:
    options = ["--defaults", "--no-git", "--into", str(parent)]
    subprocess.run([*CFPY, "new", "pipeline", "chaos", *options], check=True, capture_output=True)
    project = parent / "chaos"
    # The limiter is there to slow down what this does.
    config = project / "wrangler.toml"
    text = config.read_text("utf-8").replace("limit = 300", "limit = 1000000")
    config.write_text(text, "utf-8")
    limits = project / "src" / "jobs" / "limits.py"
    waits = r"^((?:FIRST|QUEUE|MAX)_DELAY_SECONDS) = ([\d_]+)$"
    quick = re.sub(
        waits,
        lambda found: f"{found[1]} = {max(1, round(int(found[2]) / speed))}",
        limits.read_text("utf-8"),
        flags=re.M,
    )
    limits.write_text(quick, "utf-8")
    return project


@contextlib.contextmanager
def running(project: Path, log: Path, variables: dict[str, str]) -> Iterator[Running]:
    argv = [*CFPY, "dev", "--runtime", "node", "--port", "0", "--json", "--no-watch"]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            argv,
            cwd=project,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(log.read_text())
        data = json.loads(line)["data"]
        yield Running(data["url"].rstrip("/"), data["pid"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def kill_at_random(
    running: Running, load: subprocess.Popen[str], chance: random.Random, seconds: float
) -> int:
    """Kill the interpreter every so many seconds until the load is done; return how often."""
    kills = 0
    while load.poll() is None:
        # Up again, however long that takes here: or nothing would be done between two kills.
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{running.url}/health", timeout=60).close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            load.wait(chance.uniform(0.3, 1.7) * seconds)
            break
        os.kill(running.pid, signal.SIGUSR2)
        kills += 1
    return kills


def results(project: Path) -> dict[str, int]:
    """What the database says, behind the application's back."""
    files = project.glob(".wrangler/state/**/*.sqlite")
    for file in files:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            if "results" not in tables:
                continue
            count = database.execute("SELECT count(*), count(DISTINCT job_id) FROM results")
            rows, jobs = count.fetchone()
            (again,) = database.execute("SELECT count(*) FROM jobs WHERE attempts > 1").fetchone()
            return {"results": rows, "jobs_with_result": jobs, "jobs_tried_again": again}
    raise SystemExit("there is no database")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=9, help="seconds from kill to kill, about")
    parser.add_argument("--outage", type=float, default=0, help="seconds without a model")
    parser.add_argument("--speed", type=float, default=1, help="how much faster all waits are")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    outage, over = options.outage / options.speed, threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="cfpy-chaos-") as scratch,
        model(outage > 0) as variables,
    ):
        project = render(Path(scratch), options.speed)
        started = time.monotonic()
        with running(project, Path(scratch) / "dev.log", variables) as worker:
            Model.back = time.monotonic() + outage
            cron = (worker.url, CRON_SECONDS / options.speed, over)
            threading.Thread(target=run_cron, args=cron, daemon=True).start()
            argv = [sys.executable, "scripts/load.py", "--url", worker.url]
            load = subprocess.Popen(
                [*argv, "--jobs", str(options.jobs), "--seconds", str(3 * outage + 1800)],
                cwd=project,
                env={**os.environ, "API_TOKEN": TOKEN},
                stdout=subprocess.PIPE,
                text=True,
            )
            kills = kill_at_random(worker, load, chance, options.every)
            over.set()
            assert load.stdout is not None
            counts: dict[str, Any] = json.loads(load.stdout.read() or "{}")
        counts |= results(project)
        counts |= {"kills": kills, "seconds": round(time.monotonic() - started)}
        counts["calls_refused"] = Model.refused
    print(json.dumps(counts))
    sound = counts["results"] == counts["jobs_with_result"] == counts.get("done")
    return 0 if load.returncode == 0 and kills and sound else 1


if __name__ == "__main__":
    sys.exit(main())
