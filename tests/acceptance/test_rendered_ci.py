"""The commands of a project's CI, as they are written, on a fresh clone."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from edge import certified

from cfpy.tools.context import build_context
from cloudflare_api import ACCOUNT, TOKEN, CloudflareApi

HOST = "shop.test.workers.dev"
SECRETS = {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_ACCOUNT_ID": ACCOUNT}


@dataclass
class Runner:
    """Runs the steps of a job like GitHub's: each by `bash -e`, the rest of the job only if it
    succeeds."""

    clone: Path
    environment: dict[str, str]
    output: str = field(default="")

    def job(self, name: str) -> list[str]:
        """Run a job; the commands of its steps."""
        workflow = yaml.safe_load((self.clone / ".github/workflows/ci.yml").read_text("utf-8"))
        steps = [step for step in workflow["jobs"][name]["steps"] if "run" in step]
        for step in steps:
            self.run(step["run"], step.get("env", {}))
        return [step["run"] for step in steps]

    def run(self, command: str, extra: dict[str, str]) -> None:
        """Run one step. It has the secrets that it names, and no other."""
        given = {
            key: re.sub(r"\$\{\{ secrets\.(\w+) \}\}", lambda found: SECRETS[found[1]], value)
            for key, value in extra.items()
        }
        done = subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=self.clone,
            env=self.environment | given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.output += done.stdout
        assert done.returncode == 0, f"{command}\n{done.stdout}"


@pytest.fixture
def runner(live: Path, cfpy: Any, tmp_path: Path) -> Runner:
    """A fresh clone of a provisioned project, on a machine with uv and Node."""
    git = ["git", "-c", "user.name=me", "-c", "user.email=me@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], cwd=live, check=True)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(live), str(clone)], check=True)
    tools = tmp_path / "tools"
    tools.mkdir()
    node = build_context(print).toolchain.node
    (tools / "node").symlink_to(node.binary)
    for name in ("npm", "npx"):
        script = Path(node.npm[-1]).with_name(f"{name}-cli.js")
        (tools / name).write_text(f'#!/bin/sh\nexec "{node.binary}" "{script}" "$@"\n')
        (tools / name).chmod(0o755)
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("CLOUDFLARE_", "CFPY_")) and key != "VIRTUAL_ENV"
    } | {
        "CI": "true",
        "CLOUDFLARE_API_BASE_URL": cfpy.base_url,
        "CURL_HOME": str(tmp_path),
        "PATH": os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "WRANGLER_SEND_METRICS": "false",
    }
    return Runner(clone, environment)


@contextlib.contextmanager
def deployed(folder: Path, statuses: list[int]) -> Iterator[list[str]]:
    """The deployed Worker, for a curl that reads `.curlrc` in ``folder``: it answers with each of
    ``statuses``, then 404. Gives the paths that were asked for."""
    paths = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(f"{self.headers['Host']}{self.path}")
            self.send_response(statuses.pop(0) if statuses else 404)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    context, certificate = certified(folder, HOST)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    (folder / ".curlrc").write_text(
        f'connect-to = "{HOST}:443:127.0.0.1:{server.server_port}"\n'
        f'cacert = "{certificate}"\nnoproxy = "*"\n'
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield paths
    server.shutdown()
    server.server_close()


def synced(clone: Path, project: Path) -> None:
    """Put there what `pywrangler sync` installs: it gets a Python for Workers from a server that
    is no package registry, so this is the one thing that does not run for real."""
    shutil.copytree(project / "python_modules", clone / "python_modules", dirs_exist_ok=True)
    [package] = (clone / ".venv").glob("lib/python*/site-packages/workers_py-*.dist-info")
    version = package.name.removeprefix("workers_py-").removesuffix(".dist-info")
    for folder in ("python_modules", ".venv-workers"):
        (clone / folder).mkdir(exist_ok=True)
        (clone / folder / ".synced").write_text(version)


@pytest.mark.slow
def test_the_commands_of_ci_run_as_written(
    runner: Runner, live: Path, api: CloudflareApi, tmp_path: Path
) -> None:
    before = api.live["shop"]
    migration = "CREATE TABLE more (id INTEGER);\n"
    (runner.clone / "migrations" / "0099_more.sql").write_text(migration)
    api.mutations.clear()
    assert "uv run pytest" in runner.job("test")
    assert re.search(r"^SKIPPED .* needs the running Worker: run `cfpy test`$", runner.output, re.M)
    assert api.mutations == []
    synced(runner.clone, live)
    # A new version answers after a moment.
    with deployed(tmp_path, [503, 200]) as paths:
        runner.job("deploy")
    assert paths == [f"{HOST}/health"] * 2
    assert api.live["shop"] != before
    kinds = [mutation.rsplit("/", 1)[-1] for mutation in api.mutations]
    assert "query" in kinds
    assert max(i for i, kind in enumerate(kinds) if kind == "query") < kinds.index("versions")
