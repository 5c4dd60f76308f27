"""Patterns that mean harm: refused, with nothing written outside the target, in bounded time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cfpy.cli.app import app
from cfpy.patterns import bounds

MANIFEST = 'title = "T"\nsummary = "S"\nversion = "1.0.0"\n'
QUESTIONS = "_subdirectory: template\nproject_name: {type: str}\n"
SECRET = "what nobody may read"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes a project of a pattern and expects a refusal; gives its message."""
    monkeypatch.setenv("CFPY_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.txt").write_text(SECRET)

    def refuse_(files: dict[str, str], prepare: Callable[[Path], None] = lambda _: None) -> str:
        root = tmp_path / "hostile"
        defaults = {"pattern.toml": MANIFEST, "copier.yml": QUESTIONS}
        write(root, {**defaults, "template/fine.txt": "fine\n", **files})
        prepare(root)
        there = sorted(tmp_path.rglob("*"))
        done = CliRunner().invoke(app, ["new", "./hostile", "app", "--json"])
        assert sorted(tmp_path.rglob("*")) == there, "something was left behind"
        document = json.loads(done.stdout)
        assert done.exit_code in (3, 10), document
        assert SECRET not in done.output
        return str(document["error"]["message"])

    return refuse_


@pytest.mark.parametrize(
    "name",
    [
        "{{ '..' }}/escaped.txt",
        "{{ '../..' }}/escaped.txt",
        "{{ '/' }}tmp{{ '/' }}cfpy-escaped.txt",
        "a{{ '/../../../' }}escaped.txt",
        "{{ '.git' }}/hooks/post-commit",
        "{{ '.GIT' }}/config",
        "{{ 'con' }}.txt",
        "sub/{{ 'LPT1' }}",
    ],
)
def test_names_that_leave_the_project(name: str, refuse: Callable[..., str]) -> None:
    path = name.replace("{{ '/' }}", "{{ '\\x2f' }}").replace("'/../../../'", "'\\x2f..' * 3")
    refuse({f"template/{path}.jinja": "owned\n"})
    assert not Path("/tmp/cfpy-escaped.txt").exists()


def test_a_link_to_a_file(refuse: Callable[..., str]) -> None:
    message = refuse({}, lambda root: (root / "template/link.txt").symlink_to("../../secret.txt"))
    assert "link.txt" in message
    assert "is a link" in message


def test_a_link_to_a_directory(refuse: Callable[..., str]) -> None:
    assert "is a link" in refuse({}, lambda root: (root / "template/up").symlink_to("../.."))


def test_a_link_in_place_of_the_manifest(refuse: Callable[..., str]) -> None:
    def prepare(root: Path) -> None:
        (root / "pattern.toml").unlink()
        (root / "pattern.toml").symlink_to("../secret.txt")

    assert "is a link" in refuse({}, prepare)


def test_a_pipe(refuse: Callable[..., str]) -> None:
    message = refuse({}, lambda root: os.mkfifo(root / "template/pipe"))
    assert "is not a regular file" in message


def test_more_files_than_a_pattern_has(refuse: Callable[..., str]) -> None:
    def prepare(root: Path) -> None:
        for number in range(10_001):
            (root / "template" / str(number)).touch()

    assert "more than" in refuse({}, prepare)


def test_a_giant_file(refuse: Callable[..., str]) -> None:
    def prepare(root: Path) -> None:
        with (root / "template" / "giant").open("wb") as file:
            file.truncate(2**30)

    assert "more than" in refuse({}, prepare)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.system('touch ran') }}",
        "{{ lipsum.__globals__['os'].popen('id').read() }}",
        "{{ self.__init__.__globals__ }}",
        "{{ ().__class__.__base__ }}",
        "{{ _copier_conf.__class__.__init__.__globals__ }}",
        "{% include '../../secret.txt' %}",
        "{% include '/etc/passwd' %}",
        "{% import '../secret.txt' as s %}{{ s }}",
        "{{ '../../secret.txt' | read_file }}",
    ],
)
def test_templates_that_reach_out(template: str, refuse: Callable[..., str]) -> None:
    refuse({"template/out.txt.jinja": template})


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
            "takes too long",
        ),
        ("{{ 9**(9**9) }}", "takes too long"),
        ("{{ 'x' * 10**10 }}", "takes too much memory"),
        (
            "{% set ns = namespace(s='x') %}{% for i in range(60) %}"
            "{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
            "takes too much memory",
        ),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "includes itself endlessly"),
    ],
)
def test_templates_that_take_too_much(
    template: str, reason: str, refuse: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of processor time: however busy the machine is, what takes too long gets no more.
    if reason == "takes too long":
        monkeypatch.setattr(bounds, "_SECONDS", 1.0)
    assert reason in refuse({"template/out.txt.jinja": template})


@pytest.mark.parametrize(
    "config",
    [
        '_tasks: ["touch ran"]\n',
        "_tasks: [[touch, ran]]\n",
        '_tasks: [{command: "touch ran", when: true}]\n',
        "_jinja_extensions: [jinja2.ext.do]\n",
    ],
)
def test_code_without_trust(config: str, refuse: Callable[..., str]) -> None:
    assert "wants to run on this machine" in refuse({"copier.yml": QUESTIONS + config})


@pytest.mark.parametrize(
    "files",
    [
        {"copier.yml": "!!python/object/apply:os.system ['touch ran']\n"},
        {"copier.yml": "- a\n- list\n"},
        {"copier.yml": "a: &a [x]\nb: [*a, *missing]\n"},
        {"pattern.toml": "title = \n"},
        {"pattern.toml": MANIFEST + 'removes = ["../../secret.txt"]\n'},
        {"pattern.toml": MANIFEST + 'extends = "../../etc"\n'},
        {"copier.yml": QUESTIONS + "_subdirectory: ../..\n"},
        {"copier.yml": QUESTIONS + "q: {type: str, default: '{{ ''.__class__ }}'}\n"},
    ],
)
def test_manifests_that_mean_harm(files: dict[str, str], refuse: Callable[..., str]) -> None:
    refuse(files)
