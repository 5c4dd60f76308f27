"""Patterns from elsewhere: directories, git repositories, packages, other people's templates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from cfpy.errors import PatternError
from cfpy.patterns.source import GitSource, NamedSource, PathSource, parse_source
from forked import run_cfpy

MANIFEST = 'title = "T"\nsummary = "S"\nversion = "{version}"\n'
COPIER = """\
_subdirectory: template
project_name: {type: str}
who: {type: str, default: world}
"""


def write(root: Path, **files: str) -> Path:
    """Files below `root`, named with `__` for a slash and `_DOT_` for a dot."""
    for key, text in files.items():
        path = root / key.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def write_pattern(root: Path, version: str = "1.0.0", more: str = "", config: str = "") -> Path:
    return write(
        root,
        pattern_DOT_toml=MANIFEST.format(version=version) + more,
        copier_DOT_yml=COPIER + config,
        template__greet_DOT_txt_DOT_jinja="hello {{ who }} from {{ project_name }} "
        + version
        + "\n",
    )


def git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.test", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def new(tmp_path: Path) -> Callable[..., tuple[int, dict[str, object]]]:
    """Runs `cfpy new SOURCE app`; gives its exit code and its document."""
    environment = os.environ | {
        "CFPY_CONFIG_DIR": str(tmp_path / "config"),
        "CFPY_CACHE_DIR": str(tmp_path / "cache"),
    }

    def new_(source: str | Path, *arguments: str, name: str = "app", **more: str) -> object:
        options = ("--json", *arguments)
        done = run_cfpy("new", str(source), name, *options, cwd=tmp_path, env=environment | more)
        return done.returncode, json.loads(done.stdout)

    return new_  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("rag", NamedSource("rag")),
        ("./mine", PathSource(Path("mine"))),
        ("../a/b", PathSource(Path("../a/b"))),
        ("/abs", PathSource(Path("/abs"))),
        ("gh:o/r", GitSource("https://github.com/o/r.git", "", "")),
        ("gh:o/r@v1", GitSource("https://github.com/o/r.git", "v1", "")),
        ("gl:g/s/r@v1#a/b", GitSource("https://gitlab.com/g/s/r.git", "v1", "a/b")),
        ("https://h/r.git@main", GitSource("https://h/r.git", "main", "")),
        ("git+https://h/r", GitSource("https://h/r", "", "")),
        ("git@h:o/r.git@v2", GitSource("git@h:o/r.git", "v2", "")),
        ("git@h:o/r.git@feature/x", GitSource("git@h:o/r.git", "feature/x", "")),
        ("ssh://git@h/r.git", GitSource("ssh://git@h/r.git", "", "")),
        ("ssh://git@h/r.git@v1", GitSource("ssh://git@h/r.git", "v1", "")),
    ],
)
def test_sources_are_read(text: str, source: object) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize("text", ["gh:o", "gh:../r/x", "gh:o/r@--upload-pack=x", "gh:o/r#../.."])
def test_sources_that_mean_harm_are_refused(text: str) -> None:
    with pytest.raises(PatternError):
        parse_source(text)


def test_a_directory(new: Callable[..., tuple[int, dict]], tmp_path: Path) -> None:
    root = write_pattern(tmp_path / "mine")
    code, document = new("./mine", "--answer", "who=you")
    assert code == 0, document
    assert (tmp_path / "app" / "greet.txt").read_text() == "hello you from app 1.0.0\n"
    made_of = tomllib.loads((tmp_path / "app" / ".cfpy" / "answers.toml").read_text())["pattern"]
    assert (made_of["name"], made_of["source"]) == ("mine", str(root))
    assert len(made_of["pin"]) == 64


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two versions, and a third that is not released."""
    root = write_pattern(tmp_path / "upstream", "1.9.0")
    git(root, "init", "--quiet", "--initial-branch=main")
    for version, tag in (("1.9.0", "v1.9.0"), ("1.10.0", "v1.10.0"), ("2.0.0", "")):
        write_pattern(root, version)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", version)
        if tag:
            git(root, "tag", tag)
    return root


@pytest.mark.parametrize(
    ("ref", "version"), [("", "1.10.0"), ("@v1.9.0", "1.9.0"), ("@main", "2.0.0")]
)
def test_a_git_repository(
    ref: str, version: str, new: Callable[..., tuple[int, dict]], repository: Path, tmp_path: Path
) -> None:
    code, document = new(f"file://{repository}{ref}")
    assert code == 0, document
    assert (tmp_path / "app" / "greet.txt").read_text() == f"hello world from app {version}\n"
    made_of = tomllib.loads((tmp_path / "app" / ".cfpy" / "answers.toml").read_text())["pattern"]
    name = {"": "v1.10.0"}.get(ref, ref.removeprefix("@"))
    assert made_of["pin"] == git(repository, "rev-parse", f"{name}^{{commit}}")


def test_a_commit_and_a_directory_in_a_repository(
    new: Callable[..., tuple[int, dict]], tmp_path: Path
) -> None:
    root = tmp_path / "many"
    write_pattern(root / "patterns" / "one")
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "x")
    commit = git(root, "rev-parse", "HEAD")
    code, document = new(f"file://{root}@{commit}#patterns/one")
    assert code == 0, document
    assert new(f"file://{root}#patterns/two", name="b")[0] == 3
    code, document = new(f"file://{root}@v9", name="b")
    assert (code, "no tag, branch or commit 'v9'" in document["error"]["message"]) == (3, True)


def test_without_a_network_the_cache_has_to_do(
    new: Callable[..., tuple[int, dict]], repository: Path, tmp_path: Path
) -> None:
    assert new(f"file://{repository}@v1.9.0")[0] == 0
    repository.rename(tmp_path / "gone")
    assert new(f"file://{repository}@v1.9.0", name="again")[0] == 0
    assert new(f"file://{repository}2", name="b")[0] == 3


def test_a_package(new: Callable[..., tuple[int, dict]], tmp_path: Path) -> None:
    """Found by its entry point; nothing of it is imported."""
    site = tmp_path / "site"
    write_pattern(site / "acme_patterns" / "shouting", more='extends = "rag>=1.1,<2"\n')
    (site / "acme_patterns" / "__init__.py").write_text("raise SystemExit('imported')\n")
    (site / "acme_patterns" / "shouting" / "copier.yml").write_text("who: {default: you}\n")
    write(
        site / "acme-1.0.dist-info",
        METADATA="Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n",
        entry_points_DOT_txt="[cfpy.patterns]\nshouting = acme_patterns.shouting\n",
    )
    code, document = new("shouting", PYTHONPATH=str(site))
    assert code == 0, document
    assert (tmp_path / "app" / "greet.txt").read_text() == "hello you from app 1.0.0\n"
    assert (tmp_path / "app" / "src" / "rag").is_dir(), "it extends rag"
    argv = [sys.executable, "-m", "cfpy", "patterns", "--json"]
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    names = [pattern["name"] for pattern in json.loads(done.stdout)["data"]["patterns"]]
    assert names == ["fullstack", "pipeline", "rag", "shouting"]


def test_packages_that_extend_each_other_are_in_nobodys_way(
    new: Callable[..., tuple[int, dict]], tmp_path: Path
) -> None:
    site = tmp_path / "site"
    write_pattern(site / "acme" / "hen", more='extends = "egg"\n')
    write_pattern(site / "acme" / "egg", more='extends = "hen"\n')
    points = "[cfpy.patterns]\nhen = acme.hen\negg = acme.egg\n"
    write(
        site / "acme-1.0.dist-info",
        METADATA="Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n",
        entry_points_DOT_txt=points,
    )
    code, document = new("hen", PYTHONPATH=str(site))
    assert code == 3
    assert "'egg' extends 'hen', which does not exist" in document["error"]["message"]
    assert new("rag", "--no-git", PYTHONPATH=str(site))[0] == 0


@pytest.mark.parametrize(
    ("extends", "said"),
    [
        ("rag>=9", "extends rag >=9, but"),
        ("ragg", "does not exist"),
        ("../rag", "does not name a pattern"),
    ],
)
def test_parents_that_are_not_there(
    extends: str, said: str, new: Callable[..., tuple[int, dict]], tmp_path: Path
) -> None:
    write_pattern(tmp_path / "mine", more=f'extends = "{extends}"\n')
    code, document = new("./mine")
    assert (code, said in document["error"]["message"]) == (3, True), document


def test_somebody_elses_copier_template(
    new: Callable[..., tuple[int, dict]], tmp_path: Path
) -> None:
    """As copier's documentation writes them: no pattern.toml, no project_name."""
    write(
        tmp_path / "theirs",
        **{"copier_DOT_yaml": "module: {type: str, default: pkg}\nlicence: [mit, apache]\n"},
        **{"{{ module }}__init_DOT_py_DOT_jinja": "NAME = '{{ module }}'\n"},
        **{"README_DOT_md_DOT_jinja": "# {{ module }}\n"},
        **{"{{ _copier_conf_DOT_answers_file }}_DOT_jinja": "{{ _copier_answers|to_nice_yaml }}"},
    )
    git(tmp_path / "theirs", "init", "--quiet")
    code, document = new("./theirs", "--answer", "module=mine", "--no-git")
    assert code == 0, document
    files = sorted(p.name for p in (tmp_path / "app").rglob("*") if p.is_file())
    own = ["answers.toml", "base.zip"]
    assert files == sorted([".copier-answers.yml", "README.md", "init.py", *own])
    assert (tmp_path / "app" / "mine" / "init.py").read_text() == "NAME = 'mine'\n"


TASK = '_tasks: ["touch ran-a-task"]\n'


def test_nothing_runs_without_trust(new: Callable[..., tuple[int, dict]], tmp_path: Path) -> None:
    write_pattern(tmp_path / "mine", config=TASK)
    code, document = new("./mine")
    assert (code, document["error"]["code"]) == (3, "pattern")
    assert "tasks: touch ran-a-task" in document["error"]["message"]
    assert "--trust" in document["error"]["hint"]
    assert not (tmp_path / "app").exists()


def test_trust_is_for_what_was_shown(new: Callable[..., tuple[int, dict]], tmp_path: Path) -> None:
    root = write_pattern(tmp_path / "mine", config=TASK)
    assert new("./mine", "--trust", name="one")[0] == 0
    assert (tmp_path / "one" / "ran-a-task").is_file()
    assert new("./mine", name="two")[0] == 0, "it is remembered"
    write_pattern(root, config='_tasks: ["touch ran-another"]\n')
    assert new("./mine", name="three")[0] == 3


def test_a_dry_run_runs_no_task(new: Callable[..., tuple[int, dict]], tmp_path: Path) -> None:
    write_pattern(tmp_path / "mine", config=f'_tasks: ["touch {tmp_path}/ran"]\n')
    assert new("./mine", "--trust", "--dry-run")[0] == 0
    assert not (tmp_path / "ran").exists()
