"""Where the time goes, by py-spy and by Node's own profiler.

    python benchmarks/profiles.py [--write]

Prints, for each command and for the requests of `cfpy dev`, what its samples were taken in; with
--write it becomes docs/reference/profiles.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "runtime"))

import latency  # noqa: E402
import provision  # noqa: E402
import updating  # noqa: E402

from dev_process import start_dev  # noqa: E402

BIN = Path(sys.executable).parent
PAGE = HERE.parent / "docs" / "reference" / "profiles.md"
RATE, SHOWN, REQUESTS = 400, 7, 300
ABOUT = """<!-- Written by benchmarks/profiles.py. -->

# Profiles

Where the time goes behind [the benchmarks](benchmarks.md). Commands: samples of `py-spy`, 400 a
second, by the package that ran or that was being imported. Requests: samples of Node's profiler in
the process that runs Python, by file; idle means waiting, for workerd or for the next request.
Measured on {today}.

"""
FRAME = re.compile(r"(?P<function>.+?) \((?P<path>.+?)(:\d+)?\)$")


def package(frame: str) -> str:
    """What a frame of py-spy belongs to."""
    match = FRAME.match(frame)
    path = match["path"] if match else frame
    if found := re.search(r"site-packages/([^/.]+)", path):
        return found[1]
    if found := re.search(
        r"cfpy/(account|bindings|cli|cost|errors|local|patterns|project|tools)", path
    ):
        return "cfpy"
    return "the standard library"


def of_python(
    argv: list[str], cwd: Path, environment: dict[str, str] | None = None
) -> Counter[str]:
    """Samples of a command by what they were taken in."""
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch, "raw")
        spy = [
            str(BIN / "py-spy"),
            "record",
            "--idle",
            "--full-filenames",
            "--format",
            "raw",
            "--rate",
            str(RATE),
        ]
        subprocess.run(
            [*spy, "--output", str(raw), "--", sys.executable, *argv],
            cwd=cwd,
            env={**os.environ, **updating.IDENTITY, **(environment or {})},
            check=False,
            capture_output=True,
        )
        counted: Counter[str] = Counter()
        for line in raw.read_text("utf-8").splitlines():
            stack, _, count = line.rpartition(" ")
            frames = stack.split(";")
            counted[kind(frames)] += int(count)
    return counted


def kind(frames: list[str]) -> str:
    """The package that a stack, outermost frame first, spends its time for."""
    if any(name in frames[-1] for name in ("_try_wait", "select (selectors", "communicate")):
        return "waiting for another program"
    if any(name in frames[-1] for name in ("recv", "read (ssl", "readinto (socket", "poll")):
        return "waiting for the API"
    start = next((n for n, frame in enumerate(frames) if "_find_and_load (" in frame), None)
    if start is not None:
        bodies = [package(frame) for frame in frames[start:] if frame.startswith("<module>")]
        others = [name for name in bodies if name not in ("cfpy", "the standard library")]
        return f"importing {others[0] if others else (bodies or ['the interpreter'])[0]}"
    known = [package(frame) for frame in frames]
    others = [name for name in known if name != "the standard library"]
    return others[-1] if others else "starting Python"


def of_requests(name: str) -> Counter[str]:
    """Microseconds of a running project's Node process, by file."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        project, _ = latency.prepared(name, place)
        options = f"--cpu-prof --cpu-prof-dir={place / 'profiles'}"
        dev = start_dev(project, "--runtime", "node", env={"NODE_OPTIONS": options}, forked=False)
        for _ in range(REQUESTS):
            latency.timed(latency.REQUESTS[name], dev)
        dev.stop()
        profiles = [json.loads(p.read_text()) for p in (place / "profiles").glob("*.cpuprofile")]
    # The process that answers requests is the one that ran Python.
    profile = max(profiles, key=lambda one: one["endTime"] - one["startTime"])
    files = {node["id"]: place_of(node["callFrame"]) for node in profile["nodes"]}
    counted: Counter[str] = Counter()
    for sample, micros in zip(profile["samples"], profile["timeDeltas"], strict=True):
        counted[files[sample]] += micros
    return counted


def place_of(frame: dict[str, str]) -> str:
    url, function = frame["url"], frame["functionName"]
    if function in ("(idle)", "(garbage collector)", "(program)"):
        return {"(program)": "native code of Node"}.get(function, function.strip("()"))
    if url.startswith("wasm") or "pyodide" in url:
        return "Pyodide"
    if "/runtime/node/" in url:
        return f"cfpy: {Path(url).name}"
    return "miniflare" if "miniflare" in url else "Node"


def measure() -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        found["cfpy --help"] = of_python(["-m", "cfpy", "--help"], place)
        new = ["-m", "cfpy", "new", "rag", "shop", "--defaults"]
        found["cfpy new rag"] = of_python(new, place)
        updating.write(place / "template", "1.0.0", "first", 100)
        updating.run(
            [sys.executable, "-m", "cfpy", "new", "./template", "app", "--defaults"], place
        )
        updating.write(place / "template", "2.0.0", "second", 100)
        found["cfpy update, 100 files"] = of_python(["-m", "cfpy", "update"], place / "app")
        api = provision.CloudflareApi()
        server = provision.serve(api)
        api.delay = provision.DELAY
        environment = {
            "CLOUDFLARE_API_BASE_URL": f"http://127.0.0.1:{server.server_port}/client/v4",
            "CLOUDFLARE_API_TOKEN": provision.TOKEN,
            "CLOUDFLARE_ACCOUNT_ID": provision.ACCOUNT,
        }
        found["cfpy plan"] = of_python(["-m", "cfpy", "plan"], place / "shop", environment)
        server.shutdown()
    for name in latency.REQUESTS:
        found[f"{REQUESTS} requests to {name}, and its start"] = of_requests(name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    parts = []
    for name, counted in measure().items():
        total = sum(counted.values())
        rows = [f"| {what} | {count / total:.0%} |" for what, count in counted.most_common(SHOWN)]
        parts.append("\n".join([f"## {name}\n\n| in | of the time |\n|---|---|", *rows]) + "\n")
    text = "\n".join(parts)
    print(text)
    if write:
        PAGE.write_text(ABOUT.format(today=date.today()) + text, "utf-8")


if __name__ == "__main__":
    main()
