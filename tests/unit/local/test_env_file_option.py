"""A file that --env-file names counts instead of all others."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.errors import ProjectError
from cfpy.local.env_files import find_env_files


def test_the_given_file_is_the_one_that_counts(tmp_path: Path) -> None:
    for name in (".dev.vars", ".dev.vars.live", ".env", ".dev.vars.example"):
        (tmp_path / name).write_text("A=1\n")
    given = tmp_path / ".dev.vars.example"
    for environment in ("", "live"):
        found = find_env_files(tmp_path, environment, {}, given)
        assert (found.dev_vars, found.env_files) == (given, ())


def test_one_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".dev.vars").write_text("A=1\n")
    with pytest.raises(ProjectError) as caught:
        find_env_files(tmp_path, "", {}, tmp_path / "nothing")
    assert "--env-file" in caught.value.hint
