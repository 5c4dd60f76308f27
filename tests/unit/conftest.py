"""Unit tests start no process and open no connection: both fail here."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# Imported before processes are forbidden: its import starts `uname`.
import copier  # noqa: F401
import httpx
import pytest
from backup_stage import BackupStage

from account_in_process import BASE_URL, InProcess
from cfpy.tools.process import Completed
from cloudflare_api import TOKEN


@pytest.fixture(autouse=True)
def _sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("a unit test reached outside")

    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        # The loopback embedding server is part of what is tested here.
        host = address[0] if isinstance(address, tuple) else None
        if host != "127.0.0.1":
            refuse()
        real_connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def cloudflare(monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """What answers whoever asks Cloudflare's API."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", BASE_URL)
    there = InProcess()
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda _, asked: there.handle(asked))
    return there


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept, in place of sleeping: seconds."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


class FakeRunner:
    """Answers commands from a list, and remembers what was asked."""

    def __init__(self, *answers: Completed) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, ...]] = []
        self.environments: list[Mapping[str, str] | None] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        self.calls.append(tuple(argv))
        self.environments.append(env)
        return self.answers.pop(0) if self.answers else Completed(tuple(argv), 0, "", "")


@pytest.fixture
def fake_runner() -> type[FakeRunner]:
    return FakeRunner


@pytest.fixture
def backup_stage(
    tmp_path: Path, cloudflare: InProcess, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> BackupStage:
    """A project, and its account with data."""
    del pauses
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    return BackupStage(tmp_path, cloudflare)
