"""What a ``pyproject.toml`` asks for; no pip."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.errors import ProjectError
from cfpy.project.python_requirements import SDK, Requirements, read_requirements
from cfpy.project.python_target import TARGETS


def read(root: Path, dependencies: str, more: str = "") -> Requirements:
    project(root, "w", dependencies, more)
    return read_requirements(root, TARGETS["3.14"])


def project(root: Path, name: str, dependencies: str = "[]", more: str = "") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "0"\ndependencies = {dependencies}\n{more}'
    )
    return root


def test_without_a_pyproject_the_sdk_is_needed(tmp_path: Path) -> None:
    wanted = read_requirements(tmp_path, TARGETS["3.14"])
    assert (wanted.declared, wanted.arguments) == ((SDK,), (SDK,))


@pytest.mark.parametrize(
    ("source", "argument"),
    [
        (
            '{ git = "https://host.test/x", tag = "v1" }',
            'x[a] @ git+https://host.test/x@v1 ; python_version > "3.8"',
        ),
        (
            '{ git = "git@host.test:me/x.git", branch = "b", subdirectory = "p" }',
            'x[a] @ git+ssh://git@host.test/me/x.git@b#subdirectory=p ; python_version > "3.8"',
        ),
        (
            '{ git = "ssh://git@host.test/me/x" }',
            'x[a] @ git+ssh://git@host.test/me/x ; python_version > "3.8"',
        ),
        (
            '{ url = "https://host.test/x-1.tar.gz" }',
            'x[a] @ https://host.test/x-1.tar.gz ; python_version > "3.8"',
        ),
        (
            "[{ url = 'https://host.test/a.whl', marker = \"sys_platform == 'win32'\" },"
            " { url = 'https://host.test/b.whl', marker = \"sys_platform == 'emscripten'\" }]",
            'x[a] @ https://host.test/b.whl ; python_version > "3.8"',
        ),
        (
            "[{ url = 'https://host.test/a.whl', marker = \"sys_platform == 'win32'\" }]",
            "X[a]>=1; python_version>'3.8'",
        ),
        ('{ url = "https://host.test/a.whl", group = "dev" }', "X[a]>=1; python_version>'3.8'"),
    ],
)
def test_a_source_takes_the_place_of_the_version(
    tmp_path: Path, source: str, argument: str
) -> None:
    wanted = read(
        tmp_path, "[\"X[a]>=1; python_version>'3.8'\"]", f"[tool.uv.sources]\nx = {source}\n"
    )
    assert wanted.arguments[1].lower() == argument.lower()


@pytest.mark.parametrize(
    ("dependencies", "more", "message"),
    [
        ('["x y"]', "", "`project.dependencies` has 'x y', which is not a requirement"),
        ("1", "", "not a list of strings"),
        ('["x"]', "[tool.uv.sources]\nx = 1", "`tool.uv.sources.x` is not a table"),
        ('["x"]', "[tool.uv.sources]\nx = {}", "needs one of workspace, path"),
        ('["x"]', "[tool.uv.sources]\nx = { path = '../no' }", "names ../no, which does not"),
        ('["x"]', "[tool.uv.sources]\nx = { path = 1 }", "has `path` 1, which is not a string"),
        ('["x"]', "[tool.uv.sources]\nx = { workspace = true }", "no [tool.uv.workspace]"),
        ('["x"]', "[tool.uv.sources]\nx = { index = 'corp' }", "the index 'corp', which no"),
        (
            '["x"]',
            "[tool.uv.sources]\nx = { url = 'https://h.test/x', marker = 'no' }",
            "invalid marker",
        ),
        ("[]", "[tool.uv]\nindex = 1", "`tool.uv.index` is not a list of tables"),
        ("[]", "[[tool.uv.index]]\nname = 'a'", "a [[tool.uv.index]] has no `url`"),
        ("[]", "[tool.uv]\nfind-links = 'x'", "`tool.uv.find-links` is not a list of strings"),
        ("[]", "[tool.uv.workspace]\nmembers = 1", ""),
        ("[]", "tool = 1", ""),
    ],
)
def test_a_mistake_is_named_with_its_file(
    tmp_path: Path, dependencies: str, more: str, message: str
) -> None:
    # Outside of a table, a key belongs to [project].
    if not message:
        assert read(tmp_path, dependencies, more).arguments == (SDK,)
        return
    with pytest.raises(ProjectError) as caught:
        read(tmp_path, dependencies, more)
    assert message in caught.value.message
    assert str(tmp_path / "pyproject.toml") in caught.value.message


def test_a_package_outside_the_members_is_named(tmp_path: Path) -> None:
    project(tmp_path, "root", more='[tool.uv.workspace]\nmembers = ["a", "b"]\nexclude = ["b"]\n')
    project(tmp_path / "b", "b")
    more = "[tool.uv.sources]\nb = { workspace = true }\n"
    with pytest.raises(ProjectError, match="is not a member of the workspace"):
        read(tmp_path / "a", '["b"]', more)


def test_folders_that_need_each_other_are_read_once(tmp_path: Path) -> None:
    project(tmp_path / "a", "a", '["b"]', "[tool.uv.sources]\nb = { path = '../b' }\n")
    project(tmp_path / "b", "b", '["a", "six>1"]', "[tool.uv.sources]\na = { path = '../a' }\n")
    wanted = read(tmp_path / "w", '["a"]', "[tool.uv.sources]\na = { path = '../a' }\n")
    assert wanted.folders == (tmp_path / "a", tmp_path / "b")
    # The dependencies of the folders are those that pip finds in them; a change of them counts.
    assert len(wanted.arguments) == 3
    assert wanted.declared == (SDK, "a @ ../a", "b @ ../b", "six>1")


def test_an_explicit_index_is_asked_only_if_a_source_names_it(tmp_path: Path) -> None:
    indexes = (
        "[[tool.uv.index]]\nname = 'one'\nurl = 'https://one.test/simple'\nexplicit = true\n"
        "[[tool.uv.index]]\nname = 'two'\nurl = 'https://two.test/simple'\n"
    )
    assert read(tmp_path, '["x"]', indexes).indexes == ("https://two.test/simple",)
    named = read(tmp_path, '["X"]', f"{indexes}[tool.uv.sources]\nx = {{ index = 'one' }}\n")
    assert named.indexes == ("https://one.test/simple", "https://two.test/simple")
    assert named.named == {"x": "https://one.test/simple"}
    assert named.arguments == (SDK, "X")
