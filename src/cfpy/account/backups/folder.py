"""The folder of a backup: written under another name, renamed when it is whole, and verified."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from cfpy.account.backups.keys import has_dots, is_dots, some
from cfpy.account.backups.manifest import BackupManifest, Item, parse
from cfpy.errors import FilesystemError, ProjectError, UsageError
from cfpy.project.git_ignored import ignore_in_git
from cfpy.tools.files import file_sha256
from cfpy.tools.invocation import command

MANIFEST = "manifest.json"
#: In the project: the backups of each environment.
FOLDER = "backups"
#: The folder of the top level of the configuration.
TOP_LEVEL = "top-level"
_PARTIAL = ".partial-"


def place_of(root: Path, environment: str, created: str) -> Path:
    """The folder of a new backup: ``created`` is a time, as RFC 3339."""
    name = created.replace("-", "").replace(":", "")
    return root / FOLDER / (environment or TOP_LEVEL) / name


@contextlib.contextmanager
def writing(place: Path, root: Path) -> Iterator[Path]:
    """A folder to write into. It gets its name when everything is in it, and is deleted if there
    is an error.

    It is only readable by the user, and not part of git.

    Raises:
        UsageError: There is something of this name already.
        FilesystemError: It can't be created.
    """
    if place.exists():
        raise UsageError(f"{place} exists already", hint="Name another folder with --output.")
    partial = place.with_name(f"{_PARTIAL}{place.name}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        # Those of runs that were killed: the project's lock keeps other runs away.
        for left in (*place.parent.glob(f"{_PARTIAL}*"), *_below(root, f"{_PARTIAL}*")):
            shutil.rmtree(left, ignore_errors=True)
        partial.mkdir(mode=0o700)
    except OSError as error:
        raise FilesystemError(
            f"can't write {error.filename or place}: {error.strerror or error}",
            hint="Nothing was changed. Name another folder with --output.",
        ) from error
    if place.is_relative_to(root / FOLDER):
        ignore_in_git(root / FOLDER, root)
    try:
        yield partial
        for path in partial.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        partial.rename(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write(path: Path, content: bytes) -> str:
    """Write a new file that only the user can read; returns its SHA-256."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(content)
    return hashlib.sha256(content).hexdigest()


def close(folder: Path, manifest: BackupManifest) -> None:
    """Write the manifest, last."""
    text = json.dumps(manifest.as_dict(), indent=2) + "\n"
    write(folder / MANIFEST, text.encode())


def _below(root: Path, names: str) -> list[Path]:
    """What is in the folder of all backups: in it, as with ``--output``, or in that of an
    environment."""
    home = root / FOLDER
    return [*home.glob(names), *home.glob(f"[!.]*/{names}")]


def local_backups(root: Path) -> list[tuple[Path, BackupManifest]]:
    """The whole backups of a project, the newest first. Folders that are something else are
    ignored."""
    found = []
    for path in _below(root, "[!.]*"):
        if (path / MANIFEST).is_file():
            with contextlib.suppress(ProjectError):
                found.append((path, open_backup(path)))
    return sorted(found, key=lambda item: item[1].created, reverse=True)


def find(root: Path, name: str) -> Path:
    """The folder of a backup: a path, or its name below the project's backups.

    Raises:
        UsageError: There is no such backup.
    """
    for place in (Path(name), root / name, root / FOLDER / name):
        if (place / MANIFEST).is_file():
            return place.resolve()
    raise UsageError(
        f"{name} is not a backup: no {MANIFEST} is there",
        hint=f"To see those that there are: {command('backup', 'list')}",
    )


def open_backup(folder: Path) -> BackupManifest:
    """The manifest of a backup.

    Raises:
        ProjectError: It can't be read.
    """
    path = folder / MANIFEST
    try:
        return parse(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise ProjectError(str(error), path=path, hint="Nothing was changed.") from None


def verify(folder: Path, manifest: BackupManifest) -> None:
    """Refuse a backup with a file that is missing, or differs from what was written.

    Raises:
        ProjectError: There is one.
    """
    for item in manifest.items:
        for name, expected in item.files.items():
            path = folder / name
            wrong = "is missing from the backup"
            with contextlib.suppress(OSError):
                wrong = "" if file_sha256(path) == expected else "is not as it was written"
            if wrong:
                raise ProjectError(
                    f"it {wrong}: its SHA-256 is not the one in {MANIFEST}"
                    if "not as" in wrong
                    else f"it {wrong}",
                    path=path,
                    hint="Use another backup. Nothing was changed.",
                )


def refuse_dots(folder: Path, items: Iterable[Item]) -> None:
    """Refuse keys that a request can't name: it would write over another object.

    Raises:
        ProjectError: There is one.
    """
    for item in items:
        for name in item.files:
            if item.kind == "r2" and name == f"r2/{item.binding}.json":
                found = [key for key in _keys(folder / name) if has_dots(key)]
            elif item.kind == "kv":
                found = [key for key in _keys(folder / name) if is_dots(key)]
            else:
                continue
            if found:
                raise ProjectError(
                    f"a part of these keys is . or .., so each would be written to another key: "
                    f"{some(found)}",
                    path=folder / name,
                    hint=f"Restore the rest: --skip {item.key}. Nothing was changed.",
                )


def _keys(path: Path) -> list[str]:
    return [str(item["key"]) for item in json.loads(path.read_text("utf-8"))]
