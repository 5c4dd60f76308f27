"""The real cfpy as a process, against the stand-in for Cloudflare's API."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudflare_api import TOKEN, CloudflareApi, serve
from forked import run_cfpy


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
        done = run_cfpy(
            *(command, *arguments, "--json"),
            cwd=project,
            env=self.environment(**variables),
            stdin=stdin,
        )
        assert TOKEN not in done.stdout + done.stderr
        if done.returncode < 0:
            return done.returncode, {}
        return done.returncode, json.loads(done.stdout)


@contextlib.contextmanager
def served(api: CloudflareApi) -> Iterator[Cfpy]:
    server = serve(api)
    yield Cfpy(f"http://127.0.0.1:{server.server_port}/client/v4")
    server.shutdown()
    server.server_close()
