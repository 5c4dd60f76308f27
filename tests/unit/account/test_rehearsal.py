"""`cfpy deploy --dry-run` tells what it writes into the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.account.rehearsal import _packages
from cfpy.cli.commands.deploy import changed_by_rehearsal


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ((), "nothing was changed"),
        (
            ("python_modules", "pylock.toml"),
            "the dry run installed the packages into python_modules/ and wrote pylock.toml; "
            "nothing else was changed",
        ),
        (
            ("python_modules",),
            "the dry run installed the packages into python_modules/; nothing else was changed",
        ),
    ],
)
def test_what_was_written_is_named(written: tuple[str, ...], said: str) -> None:
    assert changed_by_rehearsal(written) == said


def test_a_folder_and_a_file_that_were_replaced_are_other_ones(tmp_path: Path) -> None:
    nothing = _packages(tmp_path)
    (tmp_path / "python_modules").mkdir()
    (tmp_path / "pylock.toml").write_text("a")
    first = _packages(tmp_path)
    assert [name for name in first if first[name] != nothing[name]] == [
        "python_modules",
        "pylock.toml",
    ]
    assert _packages(tmp_path) == first
    (tmp_path / "fresh").write_text("b")
    (tmp_path / "fresh").replace(tmp_path / "pylock.toml")
    assert _packages(tmp_path)["pylock.toml"] != first["pylock.toml"]
    assert _packages(tmp_path)["python_modules"] == first["python_modules"]
