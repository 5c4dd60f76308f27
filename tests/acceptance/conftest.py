"""The real cfpy against the stand-in for Cloudflare's API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cfpy.commands.context import build_context
from cfpy.commands.new import NewRequest, run
from cloudflare_api import TOKEN, CloudflareApi, serve


@dataclass
class Cfpy:
    """Runs `cfpy COMMAND --json` in a project; gives its exit code and its document."""

    base_url: str

    def environment(self, **variables: str) -> dict[str, str]:
        environment = {
            **os.environ,
            "CLOUDFLARE_API_BASE_URL": self.base_url,
            "CLOUDFLARE_API_TOKEN": TOKEN,
        }
        environment.pop("CLOUDFLARE_ACCOUNT_ID", None)
        return environment | variables

    def __call__(
        self,
        command: str,
        project: Path,
        *arguments: str,
        stdin: str = "",
        **variables: str,
    ) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "cfpy", command, *arguments, "--json"],
            cwd=project,
            env=self.environment(**variables),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert TOKEN not in done.stdout + done.stderr
        if done.returncode < 0:
            return done.returncode, {}
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def api() -> CloudflareApi:
    return CloudflareApi()


@pytest.fixture
def cfpy(api: CloudflareApi) -> Iterator[Cfpy]:
    server = serve(api)
    yield Cfpy(f"http://127.0.0.1:{server.server_port}/client/v4")
    server.shutdown()
    server.server_close()


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a project called shop."""

    def make_(pattern: str) -> Path:
        request = NewRequest(
            pattern, "shop", tmp_path, {}, interactive=False, dry_run=False, git=False
        )
        return run(build_context(print), request).path

    return make_


@pytest.fixture
def worker() -> Iterator[Callable[[int], str]]:
    """A Worker that answers every request with a status; gives its address."""
    servers = []

    def start(status: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
