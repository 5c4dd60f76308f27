"""How a command ends that is interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev_process import interruptible

# A class that a dataclass decorator makes is text given to `exec`; importing rich runs many.
IN_AN_EXEC = """\
import typer
from cfpy.cli.boundary import ErrorBoundary

app = typer.Typer(cls=ErrorBoundary)

@app.callback()
def root(): ...

@app.command()
def wait():
    exec("import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)")

app()
"""


def test_an_interrupt_inside_an_exec_has_our_exit_code(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(IN_AN_EXEC)
    argv = [sys.executable, "-m", "interrupted", "wait"]
    with interruptible():
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stderr.split("\n", 1)[0] == "error: interrupted"
    assert "Run the same command again." in done.stderr
    assert done.returncode == 130


def test_an_ignored_interrupt_stays_ignored(tmp_path: Path) -> None:
    text = IN_AN_EXEC.replace("time.sleep(60)", "print('still here')")
    (tmp_path / "interrupted.py").write_text(text)
    argv = [sys.executable, "-m", "interrupted", "wait"]
    done = subprocess.run(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *argv],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "still here")


@pytest.mark.parametrize("arguments", [("patterns",), ("cost", "rag")])
def test_a_reader_that_has_seen_enough_is_no_failure(arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        argv = [sys.executable, "-m", "cfpy", *arguments]
        done = subprocess.run(argv, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("rror")) == (0, 0)
