"""Files that --env-file names count instead of all others, wherever they are."""

from __future__ import annotations

import os
from pathlib import Path
from queue import SimpleQueue

import pytest

from cfpy.errors import ProjectError
from cfpy.local.env_files import find_env_files
from cfpy.local.watching import Change, Watched, Watcher, look

OFF = {"CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV": "false"}
PLACES = ["project/.dev.vars.example", "project/.dev.vars", "project/sub/x", "a.env", "b/secrets"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    for name in (".dev.vars", ".dev.vars.live", ".env", ".env.local", ".dev.vars.example"):
        (tmp_path / "project" / name).write_text("WRONG=1\n")
    return tmp_path / "project"


def given(tmp_path: Path, place: str, text: str) -> Path:
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("environment", ["", "live"])
def test_the_given_file_is_the_one_that_counts(
    environment: str, *, relative: bool, place: str, project: Path, tmp_path: Path
) -> None:
    path = given(tmp_path, place, "A=1\n")
    named = Path(os.path.relpath(path)) if relative else path
    found = find_env_files(project, environment, OFF, [named])
    assert (found.dev_vars, found.names, found.given) == (None, {"A"}, True)
    assert [file.resolve() for file in found.env_files] == [path]
    # What wrangler reads for itself is only in there, too.
    assert found.settings == found.env_files == found.watched
    assert all(file.is_absolute() for file in found.watched)


def test_several_are_used_in_their_order(project: Path, tmp_path: Path) -> None:
    paths = [given(tmp_path, place, f"N{number}=1\n") for number, place in enumerate(PLACES)]
    found = find_env_files(project, "", {}, paths[::-1])
    assert found.env_files == tuple(paths[::-1])
    assert found.names == {f"N{number}" for number in range(len(PLACES))}
    assert found.shown.split(", ")[:2] == [str(paths[-1]), str(paths[-2])]
    assert found.shown.endswith(".dev.vars, .dev.vars.example")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nothing", "there is no such file"),
        ("nowhere/x", "there is no such file"),
        ("project", "is a directory"),
        ("a/..", "is a directory"),
        ("pipe", "is not a file"),
        ("dangling", "there is no such file"),
    ],
)
def test_one_that_can_t_be_read_is_an_error(
    name: str, why: str, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "dangling").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ProjectError, match=why) as caught:
        find_env_files(project, "", {}, [project / ".env", tmp_path / name])
    assert "--env-file" in caught.value.hint


def test_its_changes_are_changes_of_the_configuration(project: Path, tmp_path: Path) -> None:
    path = given(tmp_path, "b/secrets", "A=1\n")
    watched = Watched(project, settings=find_env_files(project, "", {}, [path]).watched)
    before = look(watched)
    path.write_text("A=changed\n")
    changes: SimpleQueue[Change] = SimpleQueue()
    watcher = Watcher(watched, changes.put, since=before)
    change = changes.get(timeout=60)
    watcher.stop()
    assert change == Change(("../b/secrets",), configuration=True)
