"""What goes wrong on people's machines ends in success or in a clear error, with nothing lost.

The table in docs/explanation/faults.md names these tests.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cfpy.cli.app import app
from cfpy.tools.toolchain import cache_directory
from dev_process import start_dev
from forked import document as run

CFPY = [sys.executable, "-m", "cfpy"]
NEW = ["new", "rag", "shop", "--defaults"]


def without(*names: str, **more: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in names}
    # Without HOME there is no other place to find what is installed.
    return env | {"CFPY_CACHE_DIR": str(cache_directory())} | more


def files(project: Path) -> set[Path]:
    """What was rendered: without git's own files."""
    names = (path.relative_to(project) for path in project.rglob("*") if path.is_file())
    return {name for name in names if name.parts[0] != ".git"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> set[Path]:
    """The files of a project whose rendering nothing disturbed."""
    place = tmp_path_factory.mktemp("whole")
    assert run(NEW, place)[0] == 0
    return files(place / "shop")


@pytest.mark.slow
@pytest.mark.parametrize(
    "env",
    [
        without("HOME"),
        without(PATH="/nowhere"),
        without("LANG", "LC_CTYPE", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
        without(LC_ALL="xx_XX.KOI8-R", PYTHONIOENCODING="ascii", TZ="Nowhere/Else"),
        without(TERM="dumb", COLUMNS="1"),
    ],
    ids=["no HOME", "no git", "C locale", "unknown locale", "no terminal to speak of"],
)
def test_new_in_an_odd_environment(env: dict[str, str], whole: set[Path], tmp_path: Path) -> None:
    code, document = run(NEW, tmp_path, env=env)
    assert (code, document["ok"]) == (0, True), document
    assert files(tmp_path / "shop") == whole
    assert run(["cost"], tmp_path / "shop", env=env)[0] == 0


@pytest.mark.parametrize("closed", [0, 2])
def test_new_with_a_closed_stream(closed: int, tmp_path: Path) -> None:
    code, document = run(NEW, tmp_path, preexec_fn=lambda: os.close(closed))
    assert (code, document["ok"]) == (0, True), document


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_stream_means_that_nobody_is_there_to_ask(closed: int, tmp_path: Path) -> None:
    argv = [*CFPY, "new", "rag", "shop", "--no-git"]
    done = subprocess.run(argv, cwd=tmp_path, check=False, preexec_fn=lambda: os.close(closed))
    assert done.returncode == 0
    assert (tmp_path / "shop" / "wrangler.toml").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_output_that_takes_nothing_is_said(options: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        argv = [*CFPY, "cost", "rag", *options]
        done = subprocess.run(argv, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 10
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrangler_toml_that_is_a_link_stays_one(tmp_path: Path) -> None:
    assert run(NEW, tmp_path)[0] == 0
    config, real = tmp_path / "shop" / "wrangler.toml", tmp_path / "real.toml"
    config.rename(real)
    config.symlink_to(real)
    assert run(["add", "kv", "sessions"], tmp_path / "shop")[0] == 0
    assert config.is_symlink()
    assert "SESSIONS" in real.read_text()


def test_numbers_that_are_none_are_not_in_the_way(tmp_path: Path) -> None:
    assert run(NEW, tmp_path)[0] == 0
    config = tmp_path / "shop" / "wrangler.toml"
    config.write_text(config.read_text().replace("[vars]", "[vars]\nLOWEST = nan"))
    assert run(["add", "kv", "sessions"], tmp_path / "shop")[0] == 0
    assert "LOWEST = nan" in config.read_text()


@pytest.mark.slow
def test_spaces_and_other_scripts_in_paths(tmp_path: Path) -> None:
    place = tmp_path / "mein Ordner ü 日本 'x' $HOME"
    place.mkdir()
    assert run(NEW, place)[0] == 0
    dev = start_dev(place / "shop", "--runtime", "node")
    try:
        assert dev.request("GET", "/health").status == 200
    finally:
        assert dev.stop(signal.SIGTERM) == 143


def limit_files(size: int) -> Callable[[], None]:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def test_new_on_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    code, document = run([*NEW, "--no-git"], tmp_path, preexec_fn=limit_files(3000))
    assert code == 10
    assert document["error"]["code"] == "filesystem"
    assert list(tmp_path.iterdir()) == []


def test_add_on_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    assert run(NEW, tmp_path)[0] == 0
    config = tmp_path / "shop" / "wrangler.toml"
    before = config.read_bytes()
    code, document = run(["add", "kv", "sessions"], config.parent, preexec_fn=limit_files(500))
    assert (code, document["error"]["code"]) == (10, "filesystem")
    assert config.read_bytes() == before
    assert [path.name for path in config.parent.glob("*wrangler.toml*")] == ["wrangler.toml"]


def test_two_at_once_make_one_project(whole: set[Path], tmp_path: Path) -> None:
    both = [
        subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for argv in [[*CFPY, *NEW, "--json"]] * 2
    ]
    outputs = [process.communicate()[0] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes[0] == 0
    assert codes[1] in (2, 10), outputs
    assert files(tmp_path / "shop") == whole
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [150, 300, 450, 600])
def test_a_killed_new_leaves_a_whole_project_or_none(
    milliseconds: int, whole: set[Path], tmp_path: Path
) -> None:
    argv = [*CFPY, *NEW, "--json"]
    process = subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(milliseconds / 1000)
    process.kill()
    process.communicate()
    assert not (tmp_path / "shop").exists() or files(tmp_path / "shop") == whole
    # Whatever was left behind is in nobody's way.
    if not (tmp_path / "shop").exists():
        assert run(NEW, tmp_path)[0] == 0


@pytest.mark.parametrize("text", ["name = ", 'name = "a"\nname = "b"\n', "\xff\x00", "[d1]\n" * 2])
@pytest.mark.parametrize(
    "command", [["add", "kv", "x"], ["cost"], ["dev"], ["plan"], ["env", "list"], ["test"]]
)
def test_a_broken_wrangler_toml_stays_as_it_is(
    command: list[str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "wrangler.toml"
    config.write_bytes(text.encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 8, done.output
    assert "wrangler.toml" in done.stderr
    assert "Traceback" not in done.stderr
    assert config.read_bytes() == text.encode("latin-1")


def test_an_old_node_first_on_the_path_is_not_used(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in ("node", "npm", "npx", "wrangler"):
        (old / name).write_text('#!/bin/sh\necho v12.0.0; touch "$0.was-called"; exit 1\n')
        (old / name).chmod(0o755)
    env = without(PATH=f"{old}{os.pathsep}{os.environ['PATH']}")
    assert run(NEW, tmp_path, env=env)[0] == 0
    argv = [*CFPY, "wrangler", "--version"]
    done = subprocess.run(argv, cwd=tmp_path / "shop", env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(old.glob("*.was-called")) == []


# Python's own word for each attempt to reach another machine.
WATCH = """
import sys
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        print("NETWORK", event, arguments, file=sys.stderr, flush=True)
sys.addaudithook(hook)
"""


@pytest.mark.slow
def test_what_needs_no_network_does_not_try_it(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WATCH)
    env = without(PYTHONPATH=str(tmp_path / "site"))
    attempts = {}
    for command in (
        ["--version"],
        ["patterns"],
        ["patterns", "show", "rag"],
        ["new", "rag", "shop", "--defaults"],
        ["cost", "rag"],
        ["patterns", "init", "mine"],
        ["--cwd=shop", "diff"],
        ["--cwd=shop", "add", "kv", "sessions"],
        ["--cwd=shop", "env", "add", "staging"],
        ["--cwd=shop", "update", "--check"],
    ):
        argv, cwd = command, tmp_path
        if command[0] == "--cwd=shop":
            argv, cwd = command[1:], tmp_path / "shop"
        done = subprocess.run([*CFPY, *argv], cwd=cwd, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        attempts[" ".join(argv)] = "NETWORK" in done.stderr
    assert [command for command, tried in attempts.items() if tried] == []
    # It sees one where there is one.
    probe = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    seen = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, text=True)
    assert "NETWORK" in seen.stderr
