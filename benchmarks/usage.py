"""Measures what one action of each pattern uses of Cloudflare's services, for `cfpy cost`.

    python benchmarks/usage.py [--check]

Renders each pattern, runs it with `cfpy dev --runtime node`, does each action several times, and
counts every call of a binding: rows by D1's own metadata, the rest by what is called with what.
Writes src/cfpy/cost/data/usage.toml; with --check it compares instead, and ends with 1 if something
other than processor time has changed.

Tokens of Workers AI are characters / 4. What a real model answers has another length than the
stand-in's quotes, so no output is measured: see `answer_tokens` in scenarios.toml. Processor time
is that of the Node process that hosts Pyodide, on this machine, HTTP between the two included.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import tomlkit

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "runtime"))

from dev_process import Dev, start_dev

ROOT = Path(__file__).parent.parent
DATA = ROOT / "src" / "cfpy" / "cost" / "data" / "usage.toml"
BOOK = ROOT / "tests" / "data" / "moby-dick.jsonl"
TOKEN = "local-development-token"
TIMES = 20
# A page of text: 800 words. A file: 10 kB.
PAGE, FILE = 5_000, 10_000
_QUIET_SECONDS = 4.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Measured:
    """What ``times`` actions used: meters, and tokens by the model's setting."""

    times: int
    meters: Counter[str]
    tokens: dict[str, Counter[str]]
    cpu_ms: float


class Bench:
    """A running project, and the meter that counts what it does."""

    def __init__(self, dev: Dev, meter: Path, models: Mapping[str, str]) -> None:
        self.dev = dev
        self._meter = meter
        self._models = models

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        named = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.dev.request(method, path, body, named)
        assert answer.status < 400, (path, answer.status, answer.body)
        return json.loads(answer.body or b"null") if b"{" in answer.body[:2] else answer.body

    def measure(self, action: Callable[[int], object]) -> Measured:
        """Do ``action`` some times and count, until what it set off has come to rest."""
        for number in range(3):
            action(-1 - number)
        self._settle()
        self._meter.write_text("")
        before = self._cpu()
        for number in range(TIMES):
            action(number)
        self._settle()
        meters: Counter[str] = Counter()
        tokens: dict[str, Counter[str]] = {}
        for line in self._meter.read_text().splitlines():
            for key, value in json.loads(line).items():
                if key == "ai":
                    setting = self._models[value["model"]]
                    tokens.setdefault(setting, Counter()).update(calls=1, input=value["input"])
                else:
                    meters[key] += value
        return Measured(TIMES, meters, tokens, self._cpu() - before)

    def _settle(self) -> None:
        """Wait until nothing has been counted for some seconds."""
        size, since = -1, time.monotonic()
        while time.monotonic() - since < _QUIET_SECONDS:
            now = self._meter.stat().st_size if self._meter.exists() else 0
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(0.1)

    def _cpu(self) -> float:
        """Milliseconds of processor time of the Node process so far."""
        stat = Path(f"/proc/{self.dev.data['pid']}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) * 1000 / _TICKS


def rag(bench: Bench) -> Iterator[tuple[str, Callable[[int], object]]]:
    chapters = [json.loads(line) for line in BOOK.read_text("utf-8").splitlines()]
    text = " ".join(chapter["text"] for chapter in chapters)

    def document(number: int) -> object:
        start = (number + 3) * PAGE
        page = {"id": f"page-{number + 3}", "title": f"Page {number}", "text": text[start:][:PAGE]}
        return bench.send("POST", "/documents", page)

    yield "document", document
    words = ("whale", "harpoon", "captain", "ship", "sea", "chowder", "leg", "night", "boat", "oil")
    ask = [f"What is told of the {word} and the crew?" for word in words]
    yield "question", lambda n: bench.send("POST", "/query", {"query": ask[n % len(ask)]})
    yield "search", lambda n: bench.send("GET", f"/search?q={words[n % len(words)]}")
    yield "cron", lambda _: bench.send("GET", "/cdn-cgi/handler/scheduled")


def pipeline(bench: Bench) -> Iterator[tuple[str, Callable[[int], object]]]:
    sentence = "The whale is a mammal, and it breathes air. "
    body = (sentence * (FILE // len(sentence) + 1))[:FILE]
    jobs = []

    def file(number: int) -> object:
        # Each its own text: the same one twice is not summarised again.
        job = bench.send(
            "POST", f"/files?name={number}.txt", f"{number} {body}", Content_Type="text/plain"
        )
        jobs.append(job["id"])
        # Alone in its batch, which is what the queue gives it where there is little to do.
        bench._settle()
        return job

    yield "file", file
    yield "status", lambda n: bench.send("GET", f"/jobs/{jobs[n % len(jobs)]}")
    yield "cron", lambda _: bench.send("GET", "/cdn-cgi/handler/scheduled")


def fullstack(bench: Bench) -> Iterator[tuple[str, Callable[[int], object]]]:
    items = []

    def write(number: int) -> object:
        item = bench.send("POST", "/api/items", {"name": f"Item {number}", "description": "Text"})
        items.append(item["id"])
        return item

    def process(number: int) -> object:
        started = bench.send("POST", "/api/process", {"item_id": items[number % len(items)]})
        bench._settle()
        return started

    yield "write", write
    for item in items:
        bench.send("GET", f"/api/items/{item}")
    # From the cache: one that it does not hold is a row of D1 and a write of KV more.
    yield "read", lambda n: bench.send("GET", f"/api/items/{items[n % len(items)]}")
    yield "list", lambda _: bench.send("GET", "/api/items?limit=20")
    yield "process", process
    data = "x" * FILE
    files: list[str] = []

    def upload(_: int) -> None:
        reply = bench.send("POST", "/files/a.txt", data, Content_Type="text/plain")
        files.append(reply["url"])

    yield "upload", upload
    yield "download", lambda n: bench.send("GET", files[n % len(files)])


PATTERNS = {"rag": rag, "pipeline": pipeline, "fullstack": fullstack}


@contextlib.contextmanager
def running(pattern: str) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as scratch:
        argv = [sys.executable, "-m", "cfpy", "new", pattern, "shop", "--defaults", "--no-git"]
        subprocess.run(argv, cwd=scratch, check=True, capture_output=True)
        project = Path(scratch) / "shop"
        config = project / "wrangler.toml"
        config.write_text(config.read_text("utf-8").replace("limit = 300", "limit = 1000000"))
        settings = tomllib.loads(config.read_text("utf-8")).get("vars") or {}
        models = {value: name for name, value in settings.items() if name.endswith("_MODEL")}
        meter = Path(scratch) / "meter.jsonl"
        env = {"CFPY_METER": str(meter)}
        dev = start_dev(project, "--runtime", "node", "--no-watch", env=env, forked=False)
        try:
            yield Bench(dev, meter, models)
        finally:
            dev.process.send_signal(signal.SIGTERM)
            dev.process.wait(30)


def table(measured: Measured) -> dict[str, Any]:
    """An action's table: what one of it uses, on average."""
    each = {key: _average(value, measured.times) for key, value in sorted(measured.meters.items())}
    each = {key: value for key, value in each.items() if value}
    each["workers.cpu_ms"] = round(measured.cpu_ms / measured.times, 1)
    if measured.tokens:
        each["ai"] = [
            {
                "setting": setting,
                "calls": _average(counted["calls"], measured.times),
                "input_tokens": _average(counted["input"], measured.times),
            }
            for setting, counted in sorted(measured.tokens.items())
        ]
    return each


def _average(total: int, times: int) -> int | float:
    value = Decimal(total) / times
    return int(value) if value == int(value) else float(round(value, 2))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    measured: dict[str, dict[str, Any]] = {}
    for pattern, actions in PATTERNS.items():
        with running(pattern) as bench:
            for name, action in actions(bench):
                measured.setdefault(pattern, {})[name] = table(bench.measure(action))
                print(pattern, name, measured[pattern][name], file=sys.stderr, flush=True)
    if check:
        return 1 if _differs(tomllib.loads(DATA.read_text("utf-8")), measured) else 0
    document = tomlkit.document()
    document.add(
        tomlkit.comment("What one action of a pattern uses. Measured in the local runtime by")
    )
    document.add(tomlkit.comment("`python benchmarks/usage.py`; units: prices.toml."))
    document.add(tomlkit.nl())
    document.update(measured)
    DATA.write_text(tomlkit.dumps(document), "utf-8")
    return 0


def _differs(old: dict[str, Any], new: dict[str, Any]) -> bool:
    changed = False
    for pattern, actions in new.items():
        for name, action in actions.items():
            before = dict(old.get(pattern, {}).get(name, {}))
            for key in sorted({*before, *action} - {"workers.cpu_ms"}):
                if before.get(key) != action.get(key):
                    print(f"{pattern}.{name}.{key}: {before.get(key)} -> {action.get(key)}")
                    changed = True
    return changed


if __name__ == "__main__":
    sys.exit(main())
