"""Makes a picture of each command: real output, of commands that ran in this order.

    python docs/media/commands.py

Those that work on an account have the tests' stand-in for Cloudflare's API.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import Any

from drawing import COLUMNS, output, recorder, save, show

HERE = Path(__file__).parent
PICTURES = HERE / "commands"
TESTS = HERE.parents[1] / "tests"
sys.path[:0] = [str(TESTS / "acceptance"), str(TESTS / "runtime"), str(TESTS)]

from test_logs import Tail  # noqa: E402

from cloudflare_api import TOKEN, CloudflareApi, serve  # noqa: E402

# Command, where it runs below the scratch directory, exit code.
Step = tuple[str, str, int]
LINES = 60

COMMANDS: tuple[Step, ...] = (
    ("--version", ".", 0),
    ("patterns", ".", 0),
    ("patterns show pipeline --tree", ".", 0),
    ("patterns init house --extends rag", ".", 0),
    ("patterns check", "house", 0),
    ("patterns test --update --only-goldens", "house", 0),
    ("patterns schema", ".", 0),
    ("new pipeline shop --defaults", ".", 0),
    ("doctor", "shop", 0),
    ("cost --scenario startup", "shop", 0),
    ("permissions", "shop", 0),
    ("plan", "shop", 1),
    ("provision --yes", "shop", 0),
    ("deploy --yes --url WORKER", "shop", 0),
    ("up --yes --url WORKER", "shop", 0),
    ("status", "shop", 0),
    ("backup create --output nightly", "shop", 0),
    ("backup list", "shop", 0),
    ("backup restore nightly --dry-run", "shop", 0),
    ("data pull --limit 100 --mask jobs.owner", "shop", 0),
    ("preview up feature/prices --yes --url WORKER", "shop", 0),
    ("preview list", "shop", 0),
    ("preview down feature/prices --yes", "shop", 0),
    ("preview prune --yes", "shop", 0),
    ("env add staging", "shop", 0),
    ("env list", "shop", 0),
    ("promote staging --yes --url WORKER", "shop", 0),
    ("rollback --dry-run", "shop", 0),
    ("env remove staging --yes", "shop", 0),
    ("adopt --dry-run", "shop", 0),
    ("ci init gitlab", "shop", 0),
    ("add kv sessions", "shop", 0),
    ("diff", "shop", 0),
    ("update --check", "shop", 0),
    ("wrangler d1 migrations list DB --local", "shop", 0),
    ("destroy --yes --confirm shop --delete-data", "shop", 0),
)

# What runs before a command, without a picture.
UNSHOWN = {
    "promote staging --yes --url WORKER": ("up --env staging --yes --health ''",),
    "env remove staging --yes": (
        "destroy --env staging --yes --confirm shop-staging --delete-data",
    ),
}


class Healthy(BaseHTTPRequestHandler):
    """The deployed Worker."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        pass


def draw(command: str, text: str) -> None:
    console = recorder()
    show(console, f"cfpy {command}", text, lines=LINES)
    words = [word for word in shlex.split(command) if re.fullmatch(r"[a-z]+", word)]
    groups = ("patterns", "env", "preview", "ci", "backup", "data")
    name = "-".join(words[: 2 if words and words[0] in groups else 1]) or "version"
    save(console, PICTURES / f"{name}.svg")


def until(text: str, *command: str, cwd: Path, env: dict[str, str]) -> str:
    """What a command that goes on prints until it says `text`."""
    environment = {**env, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    argv = [sys.executable, "-m", "cfpy", *command]
    child = subprocess.Popen(argv, cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    lines: list[str] = []
    for line in child.stdout:
        lines.append(line)
        if text in line:
            break
    child.send_signal(signal.SIGTERM)
    child.wait()
    return "".join(lines)


def run(place: Path, environment: dict[str, str], worker: str) -> Iterator[tuple[str, str]]:
    for command, where, expected in COMMANDS:
        argv = shlex.split(command.replace("WORKER", worker))
        for step in UNSHOWN.get(command, ()):
            silent = [sys.executable, "-m", "cfpy", *shlex.split(step)]
            subprocess.run(silent, cwd=place / where, env=environment, check=True)
        text = output(
            sys.executable,
            "-m",
            "cfpy",
            *argv,
            cwd=place / where,
            env=environment,
            expected=expected,
        )
        shown = command.replace("WORKER", "https://shop.example.com")
        text = text.replace(worker, "https://shop.example.com")
        text = text.replace(f"{place}/", "").replace(sys.prefix, ".venv")
        # Where this cfpy was installed from, and its cache.
        text = text.replace(str(HERE.parents[1]), "/home/me/cfpy")
        yield shown, text.replace(str(Path.home()), "/home/me")
        project = place / where
        if command.startswith("cost"):
            text = until("Ctrl-C", "dev", "--runtime", "node", cwd=project, env=environment)
            yield "dev", text.replace(f"{place}/", "")
            yield "test -q", output(sys.executable, "-m", "cfpy", "test", "-q", cwd=project)
        elif command.startswith("status"):
            yield "logs", until("stored a file", "logs", cwd=project, env=environment)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    account, health = CloudflareApi(), HTTPServer(("127.0.0.1", 0), Healthy)
    tail = ThreadingTCPServer(("127.0.0.1", 0), Tail)
    tail.daemon_threads = True
    account.tail_url = f"ws://127.0.0.1:{tail.server_address[1]}/"
    api = serve(account)
    for server in (health, tail):
        Thread(target=server.serve_forever, daemon=True).start()
    environment = os.environ | {
        "CLOUDFLARE_API_BASE_URL": f"http://127.0.0.1:{api.server_port}/client/v4",
        "CLOUDFLARE_API_TOKEN": TOKEN,
        "API_TOKENS": "me:x",
        "WEBHOOK_SECRET": "x" * 16,
    }
    with tempfile.TemporaryDirectory() as scratch:
        for command, text in run(
            Path(scratch), environment, f"http://127.0.0.1:{health.server_port}"
        ):
            print(f"cfpy {command}")
            draw(command, text)


if __name__ == "__main__":
    main()
