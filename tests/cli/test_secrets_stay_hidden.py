"""Whatever breaks, in whichever layer: no message, document, log or line shows a known secret."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from cfpy.cli.console import Output
from cfpy.errors import (
    CfpyError,
    CloudflareError,
    DeploymentError,
    FilesystemError,
    NotAuthenticatedError,
    ProjectError,
    ToolTimeoutError,
    UsageError,
    WranglerError,
)
from cfpy.tools import context

TOKEN = "canary-token-7f3a9c21"
ERRORS: list[BaseException] = [
    # The layers below: httpx and h11, the standard library, a plain bug.
    httpx.LocalProtocolError(f"Illegal header value b'Bearer {TOKEN} '"),
    KeyError(TOKEN),
    ValueError(json.dumps({"token": TOKEN})),
    OSError(13, "Permission denied", f"/home/{TOKEN}/file"),
    OSError(111, f"refused {TOKEN}"),
    # Those of cfpy itself.
    CfpyError(TOKEN, hint=TOKEN),
    UsageError(f"{TOKEN}!", hint=f"use {TOKEN}"),
    NotAuthenticatedError(f"the token {TOKEN} is wrong"),
    CloudflareError(f"can't reach https://me:{TOKEN}@api.test"),
    WranglerError(f"failed:\n{TOKEN}", argv=("wrangler", TOKEN), returncode=1, output=TOKEN),
    ToolTimeoutError(f"node {TOKEN}", 1),
    ProjectError(TOKEN, path=Path(TOKEN), line=1),
    DeploymentError(TOKEN),
    FilesystemError(TOKEN),
]


def broken(error: BaseException) -> Any:
    def build(*_arguments: Any, **_options: Any) -> Any:
        try:
            raise RuntimeError(f"caused by {TOKEN}")
        except RuntimeError as cause:
            raise error from cause

    return build


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_an_error_of_any_layer(
    error: BaseException,
    options: tuple[str, ...],
    cli: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(context, "build_context", broken(error))
    result = cli("new", "rag", "shop", "--dry-run", *options)
    assert result.exit_code not in (0, 1), result.output
    assert "***" in result.output
    assert TOKEN not in result.output
    logs = list(tmp_path.iterdir())
    assert len(logs) == (result.exit_code == 70 and not isinstance(error, CfpyError))
    for log in logs:
        text = log.read_text()
        assert "Traceback" in text
        assert "caused by ***" in text
        assert TOKEN not in text
        assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_what_is_printed_on_the_way(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.table import Table

    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "of-the-environment")
    output = Output(verbose=True)
    output.secrets.add(TOKEN)
    table = Table()
    table.add_column("value")
    table.add_row(f"in {TOKEN}")
    for value in (TOKEN, "of-the-environment"):
        output.progress(f"Doing {value}")
        output.started(f"node wrangler --token {value}")
        output.note(f"note {value}")
        output.show(f"shown {value}", table)
        output.data("plan", {value: [{"key": value}]})
    said = "".join(capsys.readouterr())
    assert said.count("***") >= 14
    assert TOKEN not in said
    assert "of-the-environment" not in said


def test_a_command_line_that_quotes_a_secret(tmp_path: Path) -> None:
    for arguments in (["plan", TOKEN], [TOKEN], ["plan", f"--{TOKEN}"], ["plan", "--json", TOKEN]):
        done = subprocess.run(
            [sys.executable, "-m", "cfpy", *arguments],
            cwd=tmp_path,
            env={**os.environ, "CLOUDFLARE_API_TOKEN": TOKEN},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert TOKEN not in done.stdout + done.stderr
        assert "***" in done.stdout + done.stderr
