"""`cfpy new` for each pattern, against `create-cloudflare` of npm, Cloudflare's own.

create-cloudflare creates its smallest project and installs that project's npm packages, which
can't be switched off; npm's cache is warm. Only a few rounds, because it takes long.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from comparison import Target

from cfpy.tools.process import SubprocessRunner
from cfpy.tools.toolchain import Toolchain

PATTERNS = ("rag", "pipeline", "fullstack")
PEER = "create-cloudflare hello-world"
# Itself: what else it says only delays it.
CREATE = ("--type=hello-world", "--lang=js", "--no-deploy", "--no-git", "--no-agents", "-y")
TARGETS = tuple(Target(f"cfpy new {name}, with git", PEER, 1.0) for name in PATTERNS)


def measure(rounds: int) -> dict[str, float]:
    """Median seconds of at most five rounds."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        environment = npm_environment(place)
        argv = ["npm", "install", "--no-audit", "--no-fund", "create-cloudflare"]
        subprocess.run(argv, cwd=place, env=environment, check=True, capture_output=True)
        commands = {
            f"cfpy new {name}, with git": [
                *(sys.executable, "-m", "cfpy", "new", name, "app", "--defaults"),
            ]
            for name in PATTERNS
        }
        cli = place / "node_modules" / "create-cloudflare" / "dist" / "cli.js"
        commands[PEER] = ["node", str(cli), "app", *CREATE]
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(min(rounds, 5) + 1):
            for name, command in commands.items():
                taken = timed(command, environment)
                if number:
                    seconds[name].append(taken)
    return {name: statistics.median(values) for name, values in seconds.items()}


def timed(argv: list[str], environment: dict[str, str]) -> float:
    with tempfile.TemporaryDirectory() as into:
        start = time.perf_counter()
        done = subprocess.run(
            argv,
            cwd=into,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - start
        if done.returncode or not any(Path(into, "app").glob("wrangler.*")):
            sys.exit(f"{argv} failed:\n{done.stdout}{done.stderr}")
    return seconds


def npm_environment(place: Path) -> dict[str, str]:
    """One in which `node` and `npm` are those that cfpy brings."""
    toolchain = Toolchain(SubprocessRunner(), print)
    tools = place / "tools"
    tools.mkdir()
    (tools / "node").symlink_to(toolchain.node.binary)
    npm = tools / "npm"
    npm.write_text(
        "#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in toolchain.node.npm) + ' "$@"\n'
    )
    npm.chmod(0o755)
    environment = toolchain.environment()
    path = os.pathsep.join([str(tools), environment["PATH"]])
    return environment | {"PATH": path, "CREATE_CLOUDFLARE_TELEMETRY_DISABLED": "1"}
