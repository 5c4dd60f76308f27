"""Local data that can't be kept is an error before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import FilesystemError, UsageError
from cfpy.local.data_lock import alone_with
from cfpy.local.preparation import derived_directory

READ_ONLY = OSError(30, "Read-only file system")


def read_only(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """As on a file system that takes nothing, which counts for root, too."""
    mkdir, access = Path.mkdir, os.access

    def refuse(path: Path, *arguments: object, **options: object) -> None:
        if path.is_relative_to(folder) and not path.exists():
            raise READ_ONLY
        mkdir(path, *arguments, **options)  # type: ignore[arg-type]

    def asked(path: Path, mode: int) -> bool:
        return not Path(path).is_relative_to(folder) and access(path, mode)

    patch.setattr(Path, "mkdir", refuse)
    patch.setattr(os, "access", asked)


def test_a_directory_that_can_not_be_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_only(monkeypatch, tmp_path)
    with pytest.raises(FilesystemError, match=r"local data in .*: Read-only") as caught:
        alone_with(tmp_path / "state").__enter__()
    assert "--persist-to DIR" in caught.value.hint


@pytest.mark.parametrize("inside", ["v3", "v3/d1", "v3/d1/objects", "v3/d1/objects/x.sqlite"])
def test_data_that_can_not_be_written(
    inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = tmp_path / "state" / "v3" / "d1" / "objects"
    objects.mkdir(parents=True)
    (objects / "x.sqlite").write_bytes(b"")
    with alone_with(tmp_path / "state"):
        pass
    place = tmp_path / "state" / inside
    read_only(monkeypatch, place)
    with pytest.raises(FilesystemError, match="can't be written") as caught:
        alone_with(tmp_path / "state").__enter__()
    assert str(place) in caught.value.message
    assert "--persist-to DIR" in caught.value.hint


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FilesystemError, match="it is not a directory"):
        alone_with(tmp_path / "file").__enter__()
    with pytest.raises(FilesystemError, match="Not a directory"):
        alone_with(tmp_path / "file" / "state").__enter__()


def test_data_that_another_run_uses(tmp_path: Path) -> None:
    with (
        alone_with(tmp_path),
        pytest.raises(UsageError, match=f"another cfpy dev uses the data in {tmp_path}"),
    ):
        alone_with(tmp_path).__enter__()


@pytest.mark.parametrize("there", [False, True])
def test_a_project_that_can_not_be_written(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrangler.toml").write_text('name = "a"\n')
    project = load_project(tmp_path)
    if there:
        derived_directory(project)
    read_only(monkeypatch, tmp_path)
    with pytest.raises(FilesystemError, match=r"can't write to .*cfpy: ") as caught:
        derived_directory(project)
    assert "--persist-to is not enough" in caught.value.hint
    assert str(tmp_path) in caught.value.hint
