"""A copier template of somebody's, and a project of it: written, made, changed and updated."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import copier

from cfpy.patterns.base_archive import BASE_FILE, read_base
from cfpy.patterns.new import NewRequest, NewResult
from cfpy.patterns.new import run as new
from cfpy.patterns.update import UpdateRequest, UpdateResult
from cfpy.patterns.update import update as run_update
from cfpy.tools.context import build_context

Files = Mapping[str, str | bytes | None]


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.com")
    argv = ["git", *identity, *arguments]
    return subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True).stdout


def write(root: Path, files: Files) -> None:
    """Write files below ``root``; ``None`` removes one, a name that ends in a slash is an empty
    directory."""
    for name, content in files.items():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)


class CopierStory:
    """A template in ``theirs``, and a project ``app`` of it."""

    def __init__(self, root: Path, config: str, files: Files) -> None:
        self.template = root / "theirs"
        self.project = root / "app"
        self.address = str(self.template)
        self.ctx = build_context(lambda _: None)
        self.said: list[str] = []
        self.release(config, files)

    def release(self, config: str, files: Files) -> None:
        """Change the template."""
        write(self.template, {"copier.yml": config, **files})

    def new(self, *, trust: bool = False, **answers: Any) -> NewResult:
        request = NewRequest(
            self.address,
            "app",
            self.project.parent,
            answers,
            interactive=False,
            dry_run=False,
            git=True,
            trust=trust,
        )
        return new(self.ctx, request, say=self.said.append)

    def edit(self, files: Files) -> None:
        """Change the project, and commit it."""
        write(self.project, files)
        self.commit()

    def commit(self) -> None:
        git(self.project, "add", "--all")
        git(self.project, "commit", "--quiet", "--allow-empty", "--message", "Mine")

    def update(self, *, trust: bool = False, look: bool = False, **answers: Any) -> UpdateResult:
        request = UpdateRequest(
            self.project, "", "", answers, interactive=False, trust=trust, only_look=look
        )
        return run_update(self.ctx, request, say=self.said.append)

    def read(self, name: str) -> str:
        return (self.project / name).read_bytes().decode()

    def kept(self) -> str:
        """All that cfpy keeps of the project, as one text."""
        base = read_base(self.project)
        archive = b"\n".join(file.data or b"" for file in base.values())
        records = [
            path.read_bytes()
            for path in (self.project / ".cfpy").iterdir()
            if path.name != BASE_FILE.name
        ]
        return b"\n".join([archive, *records]).decode(errors="replace")

    def as_copier_does(self, where: Path, **answers: Any) -> dict[str, bytes]:
        """What copier itself renders of the template with the same answers."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            copier.run_copy(
                str(self.template),
                where / "app",
                data={"project_name": "app", **answers},
                defaults=True,
                quiet=True,
                unsafe=True,
            )
        return tree(where / "app")


def tree(root: Path) -> dict[str, bytes]:
    """Every file of a project but cfpy's own, and every directory that holds nothing."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.startswith((".git/", ".cfpy/")) or name in (".git", ".cfpy"):
            continue
        if path.is_file():
            found[name] = path.read_bytes()
        elif not any(path.iterdir()):
            found[f"{name}/"] = b""
    return found
