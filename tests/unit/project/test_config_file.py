"""Which configuration file wrangler would use, and when cfpy refuses.

What wrangler does in each of these folders was observed with wrangler 4.164.0 ``deploy --dry-run``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from cfpy.account.record_store import RecordStore
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import ProjectError
from cfpy.project.config_difference import first_difference
from cfpy.project.config_file import choose, find, refuse_build_output

TOML = 'name = "shop"\nmain = "src/entry.py"\n[vars]\nA = "1"\n'
SAME = '{"main": "src/entry.py", /* ! */ "vars": {"A": "1"}, "name": "shop", "$schema": "x",}'
OTHER = '{"name": "other"}'
Put = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Writes files below a folder, which it makes."""

    def put_(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        app = tmp_path / "app"
        app.mkdir(exist_ok=True)
        return app

    return put_


@pytest.mark.parametrize(
    ("files", "used"),
    [
        (["app/wrangler.toml"], "app/wrangler.toml"),
        (["app/wrangler.toml", "app/wrangler.jsonc"], "app/wrangler.jsonc"),
        (["app/wrangler.jsonc", "app/wrangler.json"], "app/wrangler.json"),
        (["app/wrangler.toml", "wrangler.toml"], "app/wrangler.toml"),
        (["wrangler.toml"], "wrangler.toml"),
        # The name counts before the folder.
        (["app/wrangler.toml", "wrangler.jsonc"], "wrangler.jsonc"),
        (["app/wrangler.jsonc", "wrangler.json"], "wrangler.json"),
        # No repository and no package is where it stops.
        (["wrangler.json", "app/.git/HEAD", "app/package.json"], "wrangler.json"),
        (["app/src/wrangler.json"], None),
    ],
)
def test_wrangler_takes_the_nearest_file_of_the_first_name(
    files: list[str], used: str | None, put: Put, tmp_path: Path
) -> None:
    app = put(dict.fromkeys(files, ""))
    assert find(app).used == (tmp_path / used if used else None)


def test_a_folder_of_that_name_is_no_file(put: Put, tmp_path: Path) -> None:
    app = put({"app/wrangler.json/x": "", "app/wrangler.toml": TOML})
    assert choose(app) == app / "wrangler.toml"


def test_a_link_to_the_folder_counts_as_the_folder(put: Put, tmp_path: Path) -> None:
    app = put({"app/wrangler.toml": TOML})
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    (link.parent / "wrangler.json").write_text(OTHER)
    link.symlink_to(app)
    assert choose(link) == app / "wrangler.toml"


@pytest.mark.parametrize("name", ["wrangler.json", "wrangler.jsonc"])
def test_a_file_beside_it_that_says_the_same_is_let_through(put: Put, name: str) -> None:
    app = put({"app/wrangler.toml": TOML, f"app/{name}": SAME})
    assert choose(app) == app / name


def test_a_file_of_a_folder_above_that_wrangler_does_not_use_is_of_no_interest(put: Put) -> None:
    app = put({"app/wrangler.jsonc": SAME, "wrangler.toml": TOML.replace("shop", "other")})
    assert choose(app) == app / "wrangler.jsonc"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"app/wrangler.jsonc": OTHER}, "differ in `name`"),
        ({"app/wrangler.json": SAME.replace('"1"', '"2"')}, "differ in `vars.A`"),
        ({"wrangler.json": OTHER}, "differ in `name`"),
        # Its `main` is another file.
        ({"wrangler.json": SAME}, "another folder"),
        ({"app/wrangler.json": "{"}, "the file ends too early"),
        ({"wrangler.jsonc": "{"}, "the file ends too early"),
        ({"app/wrangler.json": "[]"}, "not a JSON object"),
    ],
)
def test_a_file_that_says_something_else_is_refused(
    files: dict[str, str], said: str, put: Put, tmp_path: Path
) -> None:
    app = put({"app/wrangler.toml": TOML} | files)
    with pytest.raises(ProjectError) as caught:
        load_project(app)
    assert said in caught.value.message
    assert str(tmp_path / next(iter(files))) in caught.value.message
    assert str(app / "wrangler.toml") in caught.value.message
    assert "--config wrangler.toml" in caught.value.hint
    assert "Delete" in caught.value.hint
    # It is what a user can do about it.
    assert load_project(app, Path("wrangler.toml")).wrangler["name"] == "shop"


def test_what_differs_is_named_without_its_value(put: Put) -> None:
    files = {"app/wrangler.toml": TOML, "app/wrangler.json": SAME.replace('"1"', '"secret"')}
    app = put(files)
    with pytest.raises(ProjectError) as caught:
        choose(app)
    assert "secret" not in caught.value.message + caught.value.hint


REDIRECT = "app/.wrangler/deploy/config.json"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({REDIRECT: '{"configPath": "../../dist/wrangler.json"}'}, "differ in `name`"),
        ({REDIRECT: '{"configPath": "../../dist/none.json"}'}, "which does not exist"),
        ({REDIRECT: '{"configPath": "../../dist"}'}, "which does not exist"),
        ({REDIRECT: '{"configPath": "../../dist/broken.jsonc"}'}, "the file ends too early"),
        (
            {REDIRECT: '{"configPath": "../../dist/wrangler.yaml"}'},
            "not a .toml, .json or .jsonc file",
        ),
        ({REDIRECT: "{}"}, "`configPath` is missing"),
        ({REDIRECT: '{"configPath": ""}'}, "`configPath` is missing"),
        ({REDIRECT: '{"configPath": 1}'}, "`configPath` is missing"),
        ({REDIRECT: "null"}, "`configPath` is missing"),
        ({REDIRECT: "{"}, "the file ends too early"),
        # wrangler refuses one that does not lie beside the configuration.
        (
            {".wrangler/deploy/config.json": '{"configPath": "../../app/dist/wrangler.json"}'},
            "another project folder",
        ),
    ],
)
def test_a_redirect_elsewhere_is_refused(files: dict[str, str], said: str, put: Put) -> None:
    built = {
        "app/dist/wrangler.json": OTHER,
        "app/dist/broken.jsonc": "{",
        "app/dist/wrangler.yaml": "",
    }
    app = put({"app/wrangler.toml": TOML} | built | files)
    with pytest.raises(ProjectError) as caught:
        choose(app)
    assert said in caught.value.message
    assert "config.json" in caught.value.message + caught.value.hint
    assert choose(app, Path("wrangler.toml")) == app / "wrangler.toml"


def test_a_redirect_to_the_same_is_let_through(put: Put) -> None:
    files = {"app/wrangler.toml": TOML, REDIRECT: '{"configPath": "../../wrangler.toml"}'}
    app = put(files)
    assert choose(app) == app / "wrangler.toml"


@pytest.mark.parametrize(("name", "refused"), [("v0", True), ("v12", True), ("v01", False)])
def test_a_build_for_another_tool_is_refused(name: str, refused: bool, put: Put) -> None:
    app = put({f"app/.cloudflare/output/{name}/x": ""})
    with pytest.raises(ProjectError, match="cf") if refused else nullcontext():
        refuse_build_output(app)


def test_a_project_is_found_from_a_folder_in_it(put: Put, tmp_path: Path) -> None:
    put({"wrangler.toml": TOML, "cfpy.toml": '[[secrets]]\nname = "KEY"\n'})
    project = load_project(tmp_path / "app")
    assert (project.root, project.secrets[0].name) == (tmp_path, "KEY")


def test_a_folder_that_is_not_there_is_no_project(put: Put, tmp_path: Path) -> None:
    put({"wrangler.toml": TOML})
    with pytest.raises(ProjectError, match=r"has no wrangler\.toml"):
        choose(tmp_path / "missing")


@pytest.mark.parametrize("name", ["wrangler.json", "wrangler.jsonc"])
def test_json_is_read_with_its_positions(name: str, put: Put) -> None:
    app = put({f"app/{name}": '// the shop\n{\n\t"name": "shop", // here\n\t"main": 1,\n}\n'})
    with pytest.raises(ProjectError) as caught:
        load_project(app)
    assert (caught.value.line, caught.value.column) == (4, 2)
    (app / name).write_text(SAME)
    project = load_project(app)
    assert (project.config_name, project.wrangler["vars"]) == (name, {"A": "1"})


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("wrangler.yaml", "not a .toml, .json or .jsonc file"),
        ("missing.jsonc", "does not exist"),
        ("missing.toml", "does not exist"),
        (".", "not a .toml, .json or .jsonc file"),
        ("dir.toml", "does not exist"),
    ],
)
def test_a_named_file_must_be_one_that_wrangler_reads(named: str, said: str, put: Put) -> None:
    files = {"app/wrangler.toml": TOML, "app/wrangler.yaml": "", "app/dir.toml/x": ""}
    app = put(files)
    with pytest.raises(ProjectError, match=said) as caught:
        choose(app, Path(named))
    assert caught.value.exit_code == 8
    assert caught.value.message.startswith("--config names")


def test_a_file_that_the_variable_names_is_reported_with_the_variable(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFPY_CONFIG", "missing.toml")
    for named, by in (("missing.toml", "CFPY_CONFIG"), ("other.toml", "--config")):
        with pytest.raises(ProjectError, match=f"^{by} names .*{named}"):
            choose(put({"app/wrangler.toml": TOML}), Path(named))


def test_a_named_file_is_the_project_and_has_a_record_of_its_own(put: Put) -> None:
    files = {"app/wrangler.toml": TOML, "app/wrangler.admin.toml": 'name = "admin"\n'}
    app = put(files)
    for directory, named in ((app.parent, "app/wrangler.admin.toml"), (app, "wrangler.admin.toml")):
        project = load_project(directory, Path(named))
        assert (project.root, project.wrangler["name"]) == (app, "admin")
        assert project.config_path == app / "wrangler.admin.toml"
    paths = {RecordStore(app, name).path.name for name in ("wrangler.toml", project.config_name)}
    assert paths == {"cfpy.state.json", "cfpy.state.wrangler.admin.json"}


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ('{"a": 1, "b": [1, {"c": 2}]}', '{"b": [1, {"c": 2}], "a": 1.0}', None),
        ('{"a": true}', '{"a": 1}', "a"),
        ('{"a": {"b": [1, 2]}}', '{"a": {"b": [2, 1]}}', "a.b[0]"),
        ('{"a": [1]}', '{"a": [1, 2]}', "a"),
        ('{"a": {}}', "{}", "a"),
        ("{}", '{"a": null}', "a"),
        ('{"a": "1"}', '{"a": ["1"]}', "a"),
        ('{"a": "1"}', '{"a": 1}', "a"),
        ('{"$schema": "x"}', "{}", None),
        ('{"a": {"$schema": "x"}}', '{"a": {}}', "a.$schema"),
    ],
)
def test_what_two_configurations_differ_in(one: str, other: str, found: str | None) -> None:
    assert first_difference(json.loads(one), json.loads(other)) == found
    assert (first_difference(json.loads(other), json.loads(one)) is None) == (found is None)


def test_projects_in_the_folder_are_named(tmp_path: Path) -> None:
    for name in ("ts", "py", ".git", "docs"):
        (tmp_path / name).mkdir()
    for name in ("ts", "py", ".git"):
        (tmp_path / name / "wrangler.jsonc").write_text("{}")
    with pytest.raises(ProjectError) as caught:
        choose(tmp_path)
    assert caught.value.hint == "Name one of the projects in it with --cwd: py, ts"
