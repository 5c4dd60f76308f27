"""`cfpy update` of a project with 100 files, against `copier update` of the same template.

The template's second version changes ten files; the user changed two others. Both work on a git
repository; each round undoes what it did.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from comparison import Target

BIN = Path(sys.executable).parent
FILES, CHANGED = 100, 10
TARGETS = (Target(f"cfpy update, {FILES} files", f"copier update, {FILES} files", 1.0),)
QUESTIONS = "_subdirectory: template\n_templates_suffix: .jinja\nproject_name: {type: str}\n"
RECORD = "template/{{ _copier_conf.answers_file }}.jinja"
IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


def measure(rounds: int) -> dict[str, float]:
    """Median seconds of an update."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        template = place / "template"
        write(template, "1.0.0", "first")
        git(template, "init", "--quiet")
        commit(template, "v1.0.0")
        address = f"git+file://{template}"
        new = [sys.executable, "-m", "cfpy", "new", f"{address}@v1.0.0", "app", "--defaults"]
        run(new, place)
        copy = ["copier", "copy", "--quiet", "--defaults", "--data", "project_name=app"]
        run([*copy, "--vcs-ref", "v1.0.0", address, "copied"], place)
        git(place / "copied", "init", "--quiet")
        write(template, "2.0.0", "second")
        commit(template, "v2.0.0")
        commands = {
            f"cfpy update, {FILES} files": ("app", [sys.executable, "-m", "cfpy", "update"]),
            f"copier update, {FILES} files": (
                "copied",
                ["copier", "update", "--quiet", "--defaults"],
            ),
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for project in ("app", "copied"):
            for number in (50, 60):
                (place / project / f"file{number}.txt").write_text("mine\n")
            commit(place / project)
        for number in range(rounds + 1):
            for name, (project, argv) in commands.items():
                start = time.perf_counter()
                run(argv, place / project)
                taken = time.perf_counter() - start
                if "second" not in (place / project / "file0.txt").read_text():
                    sys.exit(f"{name} updated nothing")
                git(place / project, "reset", "--quiet", "--hard")
                git(place / project, "clean", "--quiet", "-fdx")
                if number:
                    seconds[name].append(taken)
    return {name: statistics.median(values) for name, values in seconds.items()}


def write(template: Path, version: str, text: str, files: int = FILES) -> None:
    """A version of the template: half of its files are filled in."""
    shutil.rmtree(template / "template", ignore_errors=True)
    (template / "template").mkdir(parents=True)
    (template / "copier.yml").write_text(QUESTIONS)
    (template / "pattern.toml").write_text(f'title = "T"\nsummary = "S"\nversion = "{version}"\n')
    (template / RECORD).write_text("{{ _copier_answers|to_nice_yaml }}")
    for number in range(files):
        lines = "".join(f"{{{{ project_name }}}} {line}\n" for line in range(40))
        said = text if number * FILES < CHANGED * files else "first"
        name = f"file{number}.txt" + (".jinja" if number % 2 else "")
        (template / "template" / name).write_text(f"{lines}{said}\n")


def commit(directory: Path, tag: str = "") -> None:
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--allow-empty", "--message", "C")
    if tag:
        git(directory, "tag", tag)


def git(directory: Path, *arguments: str) -> None:
    run(["git", *arguments], directory)


def run(argv: list[str], cwd: Path) -> None:
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    done = subprocess.run(
        argv,
        cwd=cwd,
        env={**os.environ, **IDENTITY, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{argv} failed:\n{done.stdout}{done.stderr}")
