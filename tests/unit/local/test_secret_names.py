"""Which secrets a Worker has: those that wrangler gives it, and none of cfpy's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cfpy.local.env_files import find_env_files
from cfpy.local.secret_names import secret_names, with_process_secrets

INCLUDE = {"CLOUDFLARE_INCLUDE_PROCESS_ENV": "true"}
OFF = {"CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV": "false"}
PROCESS = {"HOME": "/h", "CFPY_AI_API_KEY": "k", "CFPY_EVENTS_KEY": "k"}


def names(
    root: Path,
    files: dict[str, str],
    worker: dict[str, Any],
    variables: dict[str, str],
    given: tuple[str, ...] = (),
) -> set[str]:
    for name, text in files.items():
        (root / name).write_text(text)
    found = find_env_files(root, "", variables, [root / name for name in given])
    return secret_names(worker, found, variables)


@pytest.mark.parametrize(
    ("files", "worker", "expected"),
    [
        ({}, {}, set()),
        ({".dev.vars": "A=1", ".env": "B=2"}, {}, {"A"}),
        ({".dev.vars.example": "A=1", ".env": "B=2", ".env.local": "C=3"}, {}, {"A", "B", "C"}),
        # With `secrets`, wrangler gives only those and the variables of the configuration.
        (
            {".dev.vars": "A=1\nB=2\nC=3"},
            {"secrets": {"required": ["A", "GONE"]}, "vars": {"C": "0", "D": "0"}},
            {"A", "C"},
        ),
        ({".dev.vars": "A=1"}, {"secrets": {}}, set()),
        # A required one also comes from the process, unless there is a .dev.vars.
        ({".env": "A=1"}, {"secrets": {"required": ["A", "HOME"]}}, {"A", "HOME"}),
        ({".dev.vars": "A=1"}, {"secrets": {"required": ["A", "HOME"]}}, {"A"}),
    ],
)
def test_the_secrets_that_the_worker_has(
    tmp_path: Path, files: dict[str, str], worker: dict[str, Any], expected: set[str]
) -> None:
    assert names(tmp_path, files, worker, PROCESS) == expected


def test_env_files_count_only_while_they_are_read(tmp_path: Path) -> None:
    assert names(tmp_path, {".env": "A=1"}, {}, OFF) == set()
    given = names(tmp_path, {"x": "B=1", ".dev.vars": "C=1"}, {}, OFF, ("x",))
    assert given == {"B"}


@pytest.mark.parametrize("place", ["process", ".env", "given"])
def test_all_of_the_process_but_what_is_for_cfpy(tmp_path: Path, place: str) -> None:
    switch = next(f"{name}={value}\n" for name, value in INCLUDE.items())
    variables = {**PROCESS, **(INCLUDE if place == "process" else {})}
    file = ".env" if place != "given" else "x"
    (tmp_path / file).write_text(f"A=1\n{'' if place == 'process' else switch}")
    given = [tmp_path / "x"] if place == "given" else []
    found = find_env_files(tmp_path, "", variables, given)
    worker = with_process_secrets({"name": "app"}, found, variables)
    required = set(worker["secrets"]["required"])
    assert required == {"A", "HOME", *INCLUDE}
    # The page shows the same.
    assert secret_names(worker, found, variables) == required


@pytest.mark.parametrize(
    ("files", "worker", "variables"),
    [
        ({".env": "A=1"}, {}, PROCESS),
        ({".env": "A=1"}, {}, {**PROCESS, "CLOUDFLARE_INCLUDE_PROCESS_ENV": "false"}),
        ({".dev.vars": "A=1"}, {}, {**PROCESS, **INCLUDE}),
        ({".env": "A=1"}, {"secrets": {"required": ["A"]}}, {**PROCESS, **INCLUDE}),
        ({".env": "A=1"}, {}, {**PROCESS, **INCLUDE, **OFF}),
    ],
)
def test_a_worker_that_gets_nothing_of_the_process_is_unchanged(
    tmp_path: Path, files: dict[str, str], worker: dict[str, Any], variables: dict[str, str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = find_env_files(tmp_path, "", variables)
    assert with_process_secrets(worker, found, variables) == worker
