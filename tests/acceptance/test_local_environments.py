"""An environment on this machine: its database, its secrets, the address that its Worker sees."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dev_process import start_dev

CFPY = [sys.executable, "-m", "cfpy"]


def run(argv: list[str], cwd: Path) -> str:
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_it_has_its_own_database_and_secrets(ready: Callable[[str], Path]) -> None:
    project = ready("fullstack")
    for command in (["init", "-q"], ["add", "."]):
        run(["git", *command], project)
    token = {"Authorization": "Bearer local-development-token"}
    dev = start_dev(project, "--runtime", "node")
    try:
        assert dev.request("GET", "/api/items", headers=token).status == 200
        # FastAPI builds this address out of the Host header.
        moved = dev.request("GET", "/api/items/", headers=token)
        assert (moved.status, moved.headers["Location"]) == (307, f"{dev.url}api/items")
    finally:
        dev.stop()
    run([*CFPY, "env", "add", "staging"], project)
    (project / ".dev.vars.staging").write_text("API_TOKEN=only-for-staging\n")
    (project / ".env").write_text("CLOUDFLARE_API_TOKEN=secret\n")
    assert ".dev.vars.staging" not in run(["git", "status", "--short"], project)
    assert ".env" not in run(["git", "status", "--short"], project)
    assert ".dev.vars.example" in run(["git", "ls-files"], project)
    staging = start_dev(project, "--runtime", "node", "--env", "staging")
    try:
        assert staging.request("GET", "/api/items", headers=token).status == 401
        own = {"Authorization": "Bearer only-for-staging"}
        assert staging.request("GET", "/api/items", headers=own).json()["items"] == []
        staging.log.clear()
        (project / ".dev.vars.staging").write_text("API_TOKEN=another\n")
        staging.wait_for_log("Ready on")
        assert staging.request("GET", "/api/items", headers=own).status == 401
    finally:
        staging.stop()
