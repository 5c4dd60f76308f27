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


BEHIND_A_WAIT = """
    import os, signal, threading, time

    def send():
        time.sleep(0.5)
        # As if it came in the instant before the main thread's wait: that is not interrupted.
        signal.pthread_kill(threading.get_ident(), signal.{name})

    threading.Thread(target=send, daemon=True).start()
    os.read(os.pipe()[0], 1)
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_just_before_a_wait_is_not_lost(name: str, code: int, tmp_path: Path) -> None:
    start, _, end = IN_AN_EXEC.partition('    exec("')
    wait = BEHIND_A_WAIT.format(name=name)
    text = start + wait + end.partition("\n")[2]
    (tmp_path / "interrupted.py").write_text(text)
    argv = [sys.executable, "-m", "interrupted", "wait"]
    with interruptible():
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr


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
