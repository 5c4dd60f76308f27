"""What wrangler skips in a project's files is named, without any content of a file of secrets."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from cfpy.bindings.wrangler_config import load_project
from cfpy.local.env_files import find_env_files
from cfpy.local.faulty_edits import FileWarnings, fault_of_edit
from cfpy.local.file_warnings import file_warnings
from cfpy.local.local_runtime import Event
from cfpy.local.preparation import DevRequest, Runtime


def request(root: Path) -> DevRequest:
    return DevRequest(root, "127.0.0.1", 0, Runtime.NODE, None, watch=True)


def test_the_files_that_are_used_are_checked(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text('name = "a"\nkv_namespace = []\n')
    (tmp_path / ".dev.vars").write_text("A=1\nsekret\n")
    (tmp_path / ".env").write_text("sekret\n")
    files = find_env_files(tmp_path, "", {})
    key, line = file_warnings(load_project(tmp_path), "", files)
    assert key.startswith("wrangler.toml:2: `kv_namespace` is an unknown key")
    assert line == ".dev.vars:2: it is not NAME=VALUE, so it is skipped"
    (tmp_path / ".dev.vars").unlink()
    _, line = file_warnings(load_project(tmp_path), "", find_env_files(tmp_path, "", {}))
    assert line.startswith(".env:1: ")


def test_a_value_that_cloudflare_refuses_is_named(tmp_path: Path) -> None:
    config = tmp_path / "wrangler.toml"
    config.write_text('name = "a"\n[[queues.consumers]]\nqueue = "q"\nmax_batch_size = 1000\n')
    assert file_warnings(load_project(tmp_path), "", find_env_files(tmp_path, "", {})) == (
        "wrangler.toml: max_batch_size = 1000 of the queue q must be 1 to 100. "
        "Change it in the configuration.",
    )


def test_a_secret_without_a_value_is_named(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text('name = "a"\n[env.staging]\n')
    (tmp_path / "cfpy.toml").write_text(
        '[[secrets]]\nname = "API"\n[[secrets]]\nname = "LIVE"\nenvironments = [""]\n'
    )
    (tmp_path / ".dev.vars").write_text("API=1\n")
    project = load_project(tmp_path)
    assert file_warnings(project, "", find_env_files(tmp_path, "", {})) == (
        "The secret LIVE has no value in this run. Add a line to .dev.vars: LIVE=...",
    )
    assert file_warnings(project, "staging", find_env_files(tmp_path, "staging", {})) == ()


def test_a_required_secret_is_named_once_and_that_of_another_worker_with_its_name(
    tmp_path: Path,
) -> None:
    for name, below in (("main", tmp_path), ("other", tmp_path / "other")):
        below.mkdir(exist_ok=True)
        required = f'name = "{name}"\n[secrets]\nrequired = ["KEY", "SET"]\n'
        (below / "wrangler.toml").write_text(required)
        (below / ".dev.vars").write_text("SET=1\n")
    (tmp_path / "cfpy.toml").write_text('[[secrets]]\nname = "KEY"\n')
    told: list[Event] = []
    asked = replace(request(tmp_path), beside=(tmp_path / "other",))
    FileWarnings(asked, told.append)()
    said = "The secret KEY has no value in this run. Add a line to .dev.vars: KEY=..."
    assert [event.data["text"] for event in told] == [said, f"other: {said}"]


def test_a_directory_of_assets_that_is_not_there_is_named(tmp_path: Path) -> None:
    config = tmp_path / "wrangler.toml"
    config.write_text('name = "a"\nassets = { directory = "./public" }\n')
    files = find_env_files(tmp_path, "", {})
    [said] = file_warnings(load_project(tmp_path), "", files)
    assert said.startswith("wrangler.toml: the directory ./public of `assets` does not exist.")
    (tmp_path / "public").mkdir()
    assert file_warnings(load_project(tmp_path), "", files) == ()
    config.write_text('name = "a"\nassets.directory = "dist"\nbuild.command = "make"\n')
    assert file_warnings(load_project(tmp_path), "", files) == ()


def test_each_is_told_once_until_it_comes_back(tmp_path: Path) -> None:
    config = tmp_path / "wrangler.toml"
    told: list[Event] = []
    warn = FileWarnings(request(tmp_path), told.append)
    numbers = []
    for text in ("mian = 1\n", "mian = 1\n", "", "[broken\n", "mian = 1\n"):
        config.write_text(text)
        warn()
        numbers.append(len(told))
    assert numbers == [1, 1, 1, 1, 2]


def test_an_edit_that_can_not_be_used_is_told(tmp_path: Path) -> None:
    config = tmp_path / "wrangler.toml"
    config.write_text('name = "a"\n')
    assert fault_of_edit(request(tmp_path), "wrangler.toml") is None
    config.write_text("[broken\n")
    fault = fault_of_edit(request(tmp_path), "wrangler.toml")
    assert fault
    first, *_, last = fault.data["text"].splitlines()
    assert first.startswith("wrangler.toml changed, and can't be used: ")
    assert last == "The Worker runs on as it was. Waiting for a fix."


def test_an_edit_of_a_worker_next_to_it_that_can_not_be_used_is_told(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
        (folder / "wrangler.toml").write_text(f'name = "{folder.name}"\n')
    both = replace(request(own), beside=(other,))
    assert fault_of_edit(both, "../other/wrangler.toml") is None
    (other / "wrangler.toml").write_text("[broken\n")
    fault = fault_of_edit(both, "../other/wrangler.toml")
    assert fault
    assert "The Worker runs on as it was." in fault.data["text"]
    # Renamed for a moment.
    other.rename(tmp_path / "away")
    assert fault_of_edit(both, "../other/wrangler.toml")


def test_a_configuration_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    config = tmp_path / "wrangler.toml"
    chosen = replace(request(tmp_path), config=config)
    fault = fault_of_edit(chosen, "wrangler.toml")
    assert fault
    assert fault.data["text"].splitlines() == [
        "wrangler.toml is gone.",
        "The Worker runs on as it was. Waiting for it.",
    ]


PYTHON = """\
name = "a"
main = "entry.py"
compatibility_date = "2026-11-17"
compatibility_flags = ["python_workers"]
"""


def test_a_broken_pyproject_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text(PYTHON)
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = [[\n")
    fault = fault_of_edit(request(tmp_path), "pyproject.toml")
    assert fault
    assert re.search(r"pyproject\.toml:\d+:\d+: ", fault.data["text"])
    assert "The Worker runs on as it was." in fault.data["text"]


def test_a_local_package_with_a_broken_pyproject_leaves_the_worker_running(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text(PYTHON)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "a"\ndependencies = ["lib"]\n[tool.uv.sources]\nlib = { path = "lib" }\n'
    )
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/pyproject.toml").write_text("[project\n")
    fault = fault_of_edit(request(tmp_path), "lib/pyproject.toml")
    assert fault
    assert "lib/pyproject.toml:1:9: " in fault.data["text"]
    assert "The Worker runs on as it was." in fault.data["text"]


def test_a_python_that_the_worker_does_not_get_is_named(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text(PYTHON)
    files = find_env_files(tmp_path, "", {})
    python = tmp_path / "pyproject.toml"
    python.write_text('[project]\nname = "a"\nrequires-python = ">=3.8,<3.10"\n')
    [said] = file_warnings(load_project(tmp_path), "", files)
    assert said.startswith("pyproject.toml:3: requires-python is >=3.8,<3.10, and the Worker gets ")
    for allowed in (">=3.13.2", "<4", "not one", ""):
        python.write_text(f'[project]\nname = "a"\nrequires-python = "{allowed}"\n')
        assert file_warnings(load_project(tmp_path), "", files) == ()
