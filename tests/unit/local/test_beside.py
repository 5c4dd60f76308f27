"""The Workers of `--with`: a folder, or a configuration, as for `wrangler dev -c`."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import ProjectError, UsageError
from cfpy.local.beside import load_beside
from cfpy.local.faulty_edits import watched_files
from cfpy.local.preparation import DevRequest, Runtime
from cfpy.local.watching import look
from cfpy.project.project import Project

DATED = 'main = "index.js"\ncompatibility_date = "2026-01-01"\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "main").mkdir()
    (tmp_path / "main" / "wrangler.toml").write_text(f'name = "main"\n{DATED}')
    return load_project(tmp_path / "main")


def worker(folder: Path, file: str = "wrangler.toml", name: str = "other") -> Path:
    folder.mkdir(exist_ok=True)
    text = f'name = "{name}"\n{DATED}'
    if not file.endswith(".toml"):
        text = '{"name": "' + name + '", "main": "index.js", "compatibility_date": "2026-01-01"}'
    (folder / file).write_text(text)
    return folder / file


@pytest.mark.parametrize("file", ["wrangler.toml", "wrangler.jsonc", "worker-b.json", "b.toml"])
def test_a_configuration_is_the_worker_of_its_folder(
    project: Project, tmp_path: Path, file: str
) -> None:
    config = worker(tmp_path / "other", file)
    [other] = load_beside(project, [config])
    assert (other.root, other.config_path) == (config.parent, config)
    assert other.wrangler["name"] == "other"


def test_a_folder_is_its_configuration(project: Project, tmp_path: Path) -> None:
    config = worker(tmp_path / "other")
    assert load_beside(project, [config.parent]) == load_beside(project, [config])


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("index.js", "it is not the configuration of a Worker"),
        ("README", "it is not the configuration of a Worker"),
        ("nothing", "it does not exist"),
        ("nothing.toml", "it does not exist"),
        ("empty", "there is no configuration of a Worker in this folder"),
    ],
)
def test_another_place_is_refused(project: Project, tmp_path: Path, place: str, said: str) -> None:
    (tmp_path / "index.js").write_text("")
    (tmp_path / "README").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as caught:
        load_beside(project, [tmp_path / place])
    assert caught.value.message == f"--with {tmp_path / place}: {said}"
    assert "wrangler.toml or wrangler.jsonc, or that file" in caught.value.hint


def test_a_file_without_a_worker_is_refused(project: Project, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    with pytest.raises(ProjectError, match="`name` is missing"):
        load_beside(project, [tmp_path / "pyproject.toml"])


def test_two_in_one_folder_are_refused(project: Project, tmp_path: Path) -> None:
    second = worker(project.root, "b.toml")
    with pytest.raises(UsageError, match="has another Worker of this run"):
        load_beside(project, [second])
    with pytest.raises(UsageError, match="the Worker main is also in"):
        load_beside(project, [project.config_path])


def test_a_named_configuration_is_watched(project: Project, tmp_path: Path) -> None:
    config = worker(tmp_path / "other", "b.toml")
    request = DevRequest(
        project.root, "127.0.0.1", 0, Runtime.AUTO, None, watch=True, beside=(config,)
    )
    watched = watched_files(request, ())
    assert watched.settings == (config,)
    assert watched.beside == (config.parent,)


def test_a_broken_local_package_is_watched_until_it_is_fixed(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/entry.py").touch()
    (tmp_path / "wrangler.toml").write_text(
        'name = "w"\nmain = "src/entry.py"\ncompatibility_date = "2026-01-01"\n'
        'compatibility_flags = ["python_workers"]\n'
    )
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "w"\nversion = "0"\ndependencies = ["lib"]\n'
        '[tool.uv.sources]\nlib = { path = "libs/lib" }\n'
    )
    library = tmp_path / "libs/lib"
    library.mkdir(parents=True)
    (library / "pyproject.toml").write_text("[project")
    request = DevRequest(tmp_path, "127.0.0.1", 0, Runtime.AUTO, None, watch=True)
    watched = watched_files(request, ())
    assert watched.packages == (library,)
    assert str(library / "pyproject.toml") in look(watched)
