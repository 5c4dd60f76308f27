"""`cfpy new`: a whole project or nothing."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from cfpy.patterns import renderer
from dev_process import STOP_SECONDS, interruptible


def entries(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def git(directory: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=directory, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def place(tmp_path: Path, tiny: Path) -> Path:
    """An empty directory to make projects in."""
    directory = tmp_path / "place"
    directory.mkdir()
    return directory


def test_a_project_is_rendered_recorded_and_committed(cli, place: Path) -> None:
    result = cli("new", "tiny", "myapp", "--into", str(place), "-a", "colour=green")
    assert result.exit_code == 0, result.output
    app = place / "myapp"
    assert (app / "README.md").read_text() == "# myapp is green, 3\n"
    assert (app / "plain.txt").read_text() == "{{ not substituted }}\n"
    recorded = tomllib.loads((app / ".cfpy" / "answers.toml").read_text())
    assert recorded == {
        "pattern": {"name": "tiny", "version": "1.2.3"},
        "answers": {"project_name": "myapp", "colour": "green", "size": 3},
    }
    assert git(app, "status", "--porcelain") == ""
    assert git(app, "log", "--format=%s") == "Start myapp from the cfpy pattern tiny\n"
    assert "cfpy dev" in result.stdout
    assert "plain.txt" in result.stdout
    assert entries(place) == ["myapp"]


def test_the_project_directory_follows_the_umask(cli, place: Path) -> None:
    assert cli("new", "tiny", "myapp", "--into", str(place)).exit_code == 0
    umask = os.umask(0)
    os.umask(umask)
    assert (place / "myapp").stat().st_mode & 0o777 == 0o777 & ~umask


def test_json_is_one_document(cli, place: Path) -> None:
    document = cli.json("new", "tiny", "myapp", "--into", str(place), "--no-git")
    data = document.pop("data")
    assert document == {"version": 1, "command": "new", "ok": True}
    assert data == {
        "path": str(place / "myapp"),
        "pattern": {"name": "tiny", "version": "1.2.3"},
        "answers": {"project_name": "myapp", "colour": "red", "size": 3},
        "files": [
            ".cfpy/answers.toml",
            ".cfpy/base.zip",
            ".gitignore",
            "README.md",
            "plain.txt",
        ],
        "git": "not_wanted",
        "dry_run": False,
        "next_steps": [f"cd {place / 'myapp'}", "cfpy dev"],
    }


def test_a_dry_run_writes_nothing(cli, place: Path) -> None:
    data = cli.json("new", "tiny", "myapp", "--into", str(place), "--dry-run")["data"]
    assert "README.md" in data["files"]
    assert entries(place) == []


def test_answers_come_from_a_file_and_options_override_it(cli, place: Path) -> None:
    file = place / "answers.yml"
    file.write_text("colour: green\nsize: 5\n")
    cli("new", "tiny", "myapp", "--into", str(place), "--answers-file", str(file), "-a", "size=7")
    assert (place / "myapp" / "README.md").read_text() == "# myapp is green, 7\n"


def test_secret_answers_are_not_recorded(cli, place: Path) -> None:
    cli("new", "tiny", "myapp", "--into", str(place), "-a", "key=s3cr3t")
    everything = [p.read_bytes() for p in (place / "myapp").rglob("*") if p.is_file()]
    assert not any(b"s3cr3t" in content for content in everything)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code", "words", "hint"),
    [
        (["tiny", "My_App"], 2, "usage", "can't be the name of a Worker", "my-app"),
        (["tiny", "../up"], 2, "usage", "is a path, not the name of a Worker", "up --into"),
        (["tyni", "app"], 3, "pattern", "no pattern 'tyni'", "Did you mean 'tiny'?"),
        (["zzz", "app"], 3, "pattern", "no pattern 'zzz'", "Patterns: tiny"),
        (["tiny", "app", "-a", "color=red"], 3, "pattern", "'color'", "Did you mean 'colour'?"),
        (["tiny", "app", "-a", "colour=blue"], 3, "pattern", "'blue'", "red, green"),
        (["tiny", "app", "-a", "size=big"], 3, "pattern", "is not valid", "patterns show tiny"),
        (["tiny", "app", "-a", "size=10"], 3, "pattern", "at most 9", "patterns show tiny"),
        (["tiny", "app", "-a", "project_name=x"], 3, "pattern", "NAME", "cfpy new tiny x"),
        (["tiny", "app", "-a", "colour"], 2, "usage", "not KEY=VALUE", "--answer"),
        (["tiny", "app", "--answers-file", "none.yml"], 2, "usage", "can't read", ""),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    cli, place: Path, arguments: list[str], exit_code: int, code: str, words: str, hint: str
) -> None:
    text = cli("new", *arguments, "--into", str(place))
    assert text.exit_code == exit_code
    assert text.stdout == ""
    assert words in " ".join(text.stderr.split())
    document = cli.json("new", *arguments, "--into", str(place))
    assert document["ok"] is False
    assert document["error"]["code"] == code
    assert document["error"]["exit_code"] == exit_code
    assert words in document["error"]["message"]
    assert hint in document["error"]["hint"]
    assert entries(place) == []


def test_a_directory_that_is_not_empty_is_left_alone(cli, place: Path) -> None:
    (place / "app").mkdir()
    (place / "app" / "mine.txt").write_text("mine")
    result = cli("new", "tiny", "app", "--into", str(place))
    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert entries(place / "app") == ["mine.txt"]


def test_an_empty_directory_is_filled(cli, place: Path) -> None:
    (place / "app").mkdir()
    assert cli("new", "tiny", "app", "--into", str(place)).exit_code == 0
    assert (place / "app" / "README.md").is_file()


def test_a_file_or_a_link_in_the_way_is_refused(cli, place: Path, tmp_path: Path) -> None:
    (place / "file").touch()
    (place / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        assert cli("new", "tiny", name, "--into", str(place)).exit_code == 2
    assert not (tmp_path / "elsewhere").exists()


def test_missing_parents_are_made_and_taken_back_on_failure(cli, place: Path) -> None:
    deep = place / "a" / "b"
    assert cli("new", "tiny", "app", "--into", str(deep), "-a", "size=99").exit_code == 3
    assert entries(place) == []
    assert cli("new", "tiny", "app", "--into", str(deep)).exit_code == 0
    assert (deep / "app" / "README.md").is_file()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_takes_nothing_leaves_nothing(
    cli, place: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(number, os.strerror(number), "some/file")

    monkeypatch.setattr(renderer.Rendering, "run_copy", full)
    result = cli("new", "tiny", "app", "--into", str(place / "deep"))
    assert result.exit_code == 10
    assert os.strerror(number) in result.stderr
    # More space is of no use on a disk that can't be written.
    assert ("Free some space" in result.stderr) == (number == errno.ENOSPC)
    assert entries(place) == []


def test_a_mistake_in_the_pattern_is_no_mistake_of_the_user(cli, place: Path, tiny: Path) -> None:
    (tiny / "template" / "bad.txt.jinja").write_text("{{ projct_name }}")
    result = cli("new", "tiny", "app", "--into", str(place))
    assert result.exit_code == 3
    assert "projct_name" in result.stderr
    assert "fault of the pattern" in result.stderr
    (tiny / "template" / "bad.txt.jinja").write_text("{% if %}")
    result = cli("new", "tiny", "app", "--into", str(place))
    assert result.exit_code == 3
    assert "bad.txt.jinja:1" in " ".join(result.stderr.split())
    assert entries(place) == []


def test_a_pattern_that_would_run_code_is_refused(cli, place: Path, tiny: Path) -> None:
    with (tiny / "copier.yml").open("a") as file:
        file.write("_tasks: ['touch owned']\n")
    result = cli("new", "tiny", "app", "--into", str(place))
    assert result.exit_code == 3
    assert "run code" in result.stderr
    assert entries(place) == []


def test_inside_another_repository_no_second_one_is_made(cli, place: Path) -> None:
    git(place, "init", "--quiet")
    data = cli.json("new", "tiny", "app", "--into", str(place))["data"]
    assert data["git"] == "inside_repository"
    assert not (place / "app" / ".git").exists()


def test_without_git_the_project_is_made_all_the_same(
    cli, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(place))
    data = cli.json("new", "tiny", "app", "--into", str(place))["data"]
    assert data["git"] == "no_git"
    assert (place / "app" / "README.md").is_file()


def test_an_author_is_found_on_a_machine_that_names_none(
    cli, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL", "EMAIL", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    data = cli.json("new", "tiny", "app", "--into", str(place))["data"]
    assert data["git"] == "committed"
    assert git(place / "app", "log", "--format=%ae") == "cfpy@localhost\n"


def test_variables_of_a_surrounding_git_are_not_followed(
    cli, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(place / "elsewhere.git"))
    assert cli.json("new", "tiny", "app", "--into", str(place))["data"]["git"] == "committed"
    assert not (place / "elsewhere.git").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_in_the_middle_leaves_nothing(
    place: Path, tiny: Path, number: signal.Signals, status: int
) -> None:
    # A template that takes for ever: the process is certainly in the middle when it is stopped.
    slow = "{% for i in range(9999) %}{% for j in range(9999) %}{{ i }}{% endfor %}{% endfor %}"
    (tiny / "template" / "zz-slow.txt.jinja").write_text(slow)
    code = (
        "import sys; from pathlib import Path;"
        "from cfpy.patterns.pattern_store import PatternStore;"
        "PatternStore.__init__.__defaults__ = (Path(sys.argv.pop(1)), None);"
        "from cfpy.cli.app import main; main()"
    )
    argv = [sys.executable, "-c", code, str(tiny.parent), "new", "tiny", "app"]
    with interruptible():
        process = subprocess.Popen(
            [*argv, "--into", str(place)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    try:
        deadline = time.monotonic() + STOP_SECONDS
        while not list(place.glob(".cfpy-new-*/app")):
            assert time.monotonic() < deadline, "never began to render"
            time.sleep(0.02)
        time.sleep(1.0)
        assert process.poll() is None
        process.send_signal(number)
        process.wait(timeout=STOP_SECONDS)
    finally:
        process.kill()
    assert process.returncode == status
    assert entries(place) == []


def test_the_same_answers_give_the_same_bytes(cli, place: Path) -> None:
    for name in ("one", "two"):
        cli("new", "tiny", "app", "--into", str(place / name), "--no-git")
    first, second = place / "one" / "app", place / "two" / "app"
    files = [p.relative_to(first) for p in first.rglob("*") if p.is_file()]
    assert files
    for file in files:
        assert (first / file).read_bytes() == (second / file).read_bytes()
