"""What cfpy generates in a project is not offered to git, unless the project decides that."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.project.git_ignored import ignore_in_git


@pytest.mark.parametrize(
    ("own", "written"),
    [
        (None, True),
        ("dist/\n", True),
        ("python_modules/\n", False),
        ("/python_modules\n", False),
        ("**/python_modules/*\n", False),
        ("!python_modules/\n", False),
        ("# python_modules_2\n", True),
        # Only a part of it.
        ("python_modules/cache/\n", True),
    ],
)
def test_a_directory_is_ignored_once(tmp_path: Path, own: str | None, *, written: bool) -> None:
    if own is not None:
        (tmp_path / ".gitignore").write_text(own)
    directory = tmp_path / "scratch"
    directory.mkdir()
    ignore_in_git(directory, tmp_path, "python_modules")
    hidden = directory / ".gitignore"
    assert hidden.is_file() is written
    if written:
        assert hidden.read_text() == "*\n"
        hidden.write_text("mine\n")
        ignore_in_git(directory, tmp_path, "python_modules")
        assert hidden.read_text() == "mine\n"


def test_a_directory_that_can_not_be_written_does_not_matter(tmp_path: Path) -> None:
    ignore_in_git(tmp_path / "missing", tmp_path)
    assert list(tmp_path.iterdir()) == []
