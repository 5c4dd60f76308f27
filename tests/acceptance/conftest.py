"""The real cfpy against the stand-in for Cloudflare's API."""

from __future__ import annotations

import pickle
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import filelock
import pytest
from cfpy_process import Cfpy, served

from cloudflare_api import CloudflareApi
from projects import new_project


@pytest.fixture
def api() -> CloudflareApi:
    return CloudflareApi()


@pytest.fixture
def cfpy(api: CloudflareApi) -> Iterator[Cfpy]:
    with served(api) as cfpy_:
        yield cfpy_


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Path]:
    return lambda pattern: new_project(pattern, tmp_path)


@pytest.fixture
def ready(ready_in: Callable[[str, Path], Path], tmp_path: Path) -> Callable[[str], Path]:
    """Makes a project called shop that has its Worker's packages."""
    return lambda pattern: ready_in(pattern, tmp_path)


@pytest.fixture(scope="session")
def went_live(vendored: Callable[[str], Path], shared: Path) -> tuple[Path, dict[str, Any]]:
    """The pipeline, deployed, and its account: made once in a run, for tests to copy."""
    home = shared / "live"
    project, account = home / "shop", home / "account"
    home.mkdir(exist_ok=True)
    with filelock.FileLock(home / "lock"):
        if not account.exists():
            api = CloudflareApi()
            shutil.copytree(vendored("pipeline"), project, symlinks=True)
            with served(api) as cfpy:
                secrets = {"API_TOKENS": "me:x", "WEBHOOK_SECRET": "x" * 16}
                code, document = cfpy("up", project, "--yes", "--health", "", **secrets)
            assert code == 0, document
            account.write_bytes(pickle.dumps(api.state()))
    return project, pickle.loads(account.read_bytes())


@pytest.fixture
def live(went_live: tuple[Path, dict[str, Any]], api: CloudflareApi, tmp_path: Path) -> Path:
    """A live project called shop, in the account."""
    project, account = went_live
    api.take(account)
    return Path(shutil.copytree(project, tmp_path / "shop", symlinks=True))


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
