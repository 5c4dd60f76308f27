"""What README.md and AGENTS.md of a project name is there: files and commands."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import typer.main

from cfpy.cli.app import app
from pattern_cases import Case

COMMANDS = getattr(typer.main.get_command(app), "commands", {})
# Not listed: what git and cfpy keep, and the page itself.
HIDDEN = {".cfpy", ".gitignore", "README.md"}
# Packages of the group dev, by a command with another name.
PROVIDES = {"pywrangler": "workers-py"}
# Appear when the commands run.
WRITTEN = {".dev.vars", "cfpy.state.json", "package-lock.json", "pylock.toml", "uv.lock"}


def listed(readme: str) -> list[str]:
    """The paths of the section Files; an indented line is below the last that is not."""
    block = re.search(r"^## Files\n+```\n(.*?)^```", readme, re.M | re.S)
    assert block
    found, above = [], ""
    for line in block[1].splitlines():
        names = re.split(r" {2,}", line.strip())[0].split(", ")
        above = above if line.startswith(" ") else names[0]
        found += [f"{above}{name}" if line.startswith(" ") else name for name in names]
    return found


def quoted(text: str) -> list[str]:
    """What is in backticks, and the lines of shell blocks without their comments."""
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)).replace("\\\n", " ")
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return [*blocks.splitlines(), *inline]


def commands(text: str) -> Iterator[list[str]]:
    """The commands among them, without variables before them."""
    for line in quoted(text):
        words = shlex.split(line, comments=True) if not re.search(r"[{(<]", line) else []
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words[1:] and words[0] in {"cfpy", "uv", "python3", "npx", "npm"}:
            yield words


def known(words: list[str], project: Path) -> bool:
    """Whether a command exists."""
    if words[0] == "python3":
        return (project / words[1]).is_file()
    if words[0] == "cfpy":
        return words[1] in COMMANDS
    if words[:2] == ["uv", "run"]:
        groups = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
        return PROVIDES.get(words[2], words[2]) in groups["dev"]
    if words[0] == "npx":
        return f'"{words[1]}"' in (project / "package.json").read_text("utf-8")
    return words[:2] in (["npm", "install"], ["uv", "tool"])


def test_the_tree_in_the_readme_is_the_one_on_disk(rendered: Path) -> None:
    paths = listed((rendered / "README.md").read_text("utf-8"))
    assert [path for path in paths if not (rendered / path).exists()] == []
    assert [path for path in paths if path.endswith("/") != (rendered / path).is_dir()] == []
    top = {path.name for path in rendered.iterdir()} - HIDDEN
    assert {path.partition("/")[0] for path in paths} == top
    packages = {f"src/{path.name}/" for path in (rendered / "src").iterdir() if path.is_dir()}
    assert packages <= set(paths)


def test_the_commands_of_the_guides_exist(rendered: Path) -> None:
    for name in ("README.md", "AGENTS.md"):
        found = list(commands((rendered / name).read_text("utf-8")))
        assert len(found) > 5
        wrong = [words for words in found if not known(words, rendered)]
        assert wrong == [], f"{name} has a command that is not there"


def test_the_files_that_agents_are_told_of_exist(case: Case, rendered: Path) -> None:
    names = quoted((rendered / "AGENTS.md").read_text("utf-8"))
    paths = [name for name in names if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", name)]
    files = {name for name in paths if "/" in name or name.endswith((".md", ".toml", ".py"))}
    assert len(files) > 4
    within = {path.name for path in (rendered / "src").rglob("*.py")}
    gone = {name for name in files if not (rendered / name).exists() and name not in within}
    assert gone <= WRITTEN, f"AGENTS.md of {case.pattern} names a file that is not there"
