"""Every file that cfpy changes goes through one place: all of them change, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.bindings.id_edits import set_id, unset_id
from cfpy.errors import CfpyError, FilesystemError
from cfpy.project.changes import NewContent, apply
from cfpy.project.lock import alone
from cfpy.tools.files import write_atomically

DB = 'name = "x"\n[[d1_databases]]\nbinding = "DB"\n'


def state(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("content", [NewContent(b"new"), None])
def test_a_read_only_file_stays_and_so_do_all_others(
    place: int, content: NewContent | None, tmp_path: Path
) -> None:
    names = ["a", "b", "c"]
    for name in names:
        (tmp_path / name).write_text("old")
    (tmp_path / names[place]).chmod(0o444)
    before = state(tmp_path)
    with pytest.raises(FilesystemError, match="read-only") as caught:
        apply(tmp_path, dict.fromkeys(names, content))
    assert names[place] in caught.value.message
    assert state(tmp_path) == before


def test_a_link_to_a_read_only_file_is_read_only(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o444)
    (tmp_path / "link").symlink_to("real")
    for write in (
        lambda: apply(tmp_path, {"link": NewContent(b"new")}),
        lambda: write_atomically(tmp_path / "link", "new"),
    ):
        with pytest.raises(FilesystemError, match="read-only"):
            write()
    assert state(tmp_path) == {"real": b"old", "link": b"old"}


def test_ids_are_not_written_into_a_read_only_configuration(tmp_path: Path) -> None:
    config = tmp_path / "wrangler.toml"
    config.write_text(DB)
    config.chmod(0o444)
    with pytest.raises(FilesystemError, match="read-only"):
        set_id(config, "", "d1_databases", "DB", "database_id", "1")
    config.chmod(0o644)
    set_id(config, "", "d1_databases", "DB", "database_id", "1")
    config.chmod(0o400)
    with pytest.raises(FilesystemError, match="read-only"):
        unset_id(config, "", "d1_databases", "DB", "database_id")
    assert config.read_text() == f'{DB}database_id = "1"\n'


@pytest.mark.parametrize("broken", ["a directory", "below a file"])
def test_what_can_t_be_written_undoes_what_was(broken: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "kept").write_text("old")
    before = state(tmp_path)
    name = "b" if broken == "a directory" else "a/b"
    with pytest.raises(FilesystemError):
        apply(tmp_path, {"a": NewContent(b"new"), name: NewContent(b"new")})
    assert state(tmp_path) == before


def test_a_dry_run_takes_no_lock(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text(DB)
    with alone(tmp_path, dry_run=True):
        assert list(state(tmp_path)) == ["wrangler.toml"]
    with alone(tmp_path), alone(tmp_path, dry_run=True):
        assert ".wrangler/cfpy/account.lock" in state(tmp_path)


@pytest.mark.parametrize("taken", [".wrangler", ".wrangler/cfpy"])
def test_a_lock_that_can_t_be_created_is_an_error_of_the_disk(taken: str, tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text(DB)
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).write_text("a file")
    with pytest.raises(CfpyError) as caught, alone(tmp_path):
        raise AssertionError("it has no lock")
    assert caught.value.exit_code == 10
