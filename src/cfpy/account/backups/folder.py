"""The folder of a backup: written under another name, renamed when it is whole, and verified."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cfpy.account.backups.manifest import BackupManifest, parse
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
    home = root / FOLDER
    if place.is_relative_to(home):
        ignore_in_git(home, root)
    else:
        # Whatever the project ignores: it may be another folder of this name.
        ignore_in_git(partial, partial)
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
    """Refuse a backup with a file that is missing, differs from what was written, or is a link: it
    would lead to another place.

    Raises:
        ProjectError: There is one.
    """
    _refuse_link(folder, MANIFEST)
    for item in manifest.items:
        for name, expected in item.files.items():
            _refuse_link(folder, name)
            path = folder / name
            if not path.is_file():
                raise _unusable("is missing from the backup", path)
            if file_sha256(path) != expected:
                said = f"is not as it was written: its SHA-256 is not the one in {MANIFEST}"
                raise _unusable(said, path)


def _refuse_link(folder: Path, name: str) -> None:
    inside = PurePosixPath(name)
    for part in (inside, *inside.parents[:-1]):
        if (folder / part).is_symlink():
            raise _unusable("is a link, and a backup has none", folder / part)


def _unusable(said: str, path: Path) -> ProjectError:
    return ProjectError(f"it {said}", path=path, hint="Use another backup. Nothing was changed.")
