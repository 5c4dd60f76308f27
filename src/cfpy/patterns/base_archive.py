"""Stores in the project what its pattern rendered: the base of later merges.

The older version of a pattern may no longer exist: a package is replaced by a newer one, a
directory is edited. This file is committed, so every clone has it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from cfpy.errors import PatternError, ProjectError
from cfpy.patterns.merge import BaseFile, File, digest
from cfpy.patterns.pattern_files import MOST_BYTES, MOST_FILES, check_name

#: Where a project keeps it.
BASE_FILE = Path(".cfpy", "base.zip")
# Only the hash of larger files is stored: nobody merges them line by line.
_LARGEST = 100_000
_HASHES = ".cfpy/hashes.json"
_OWN = ".cfpy/"
# The earliest date in a zip file, so that its bytes depend only on its content.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def read_tree(root: Path) -> dict[str, File]:
    """The files of a rendered tree, by name; without cfpy's own records."""
    return {
        name: File(path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in sorted(root.rglob("*"))
        if path.is_file() and not (name := path.relative_to(root).as_posix()).startswith(_OWN)
    }


def empty_directories(root: Path) -> tuple[str, ...]:
    """The empty directories of a tree."""
    return tuple(
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*"))
        if path.is_dir() and not any(path.iterdir())
    )


def pack(tree: Mapping[str, File]) -> bytes:
    """The archive of a tree."""
    import io

    buffer = io.BytesIO()
    hashes = {}
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, file in sorted(tree.items()):
            if len(file.data) > _LARGEST:
                hashes[name] = {"sha256": digest(file.data), "executable": file.executable}
            else:
                archive.writestr(_entry(name, executable=file.executable), file.data, None, 9)
        listed = json.dumps(hashes, indent=1, sort_keys=True)
        archive.writestr(_entry(_HASHES, executable=False), listed, None, 9)
    return buffer.getvalue()


def read_base(root: Path) -> dict[str, BaseFile]:
    """The base of the project in ``root``.

    Raises:
        ProjectError: It has none, or it is not valid.
    """
    path = root / BASE_FILE
    if not path.is_file():
        raise ProjectError(
            f"{root} has no {BASE_FILE}, which stores what its pattern rendered",
            path=path,
            hint="cfpy new writes it. If it was deleted, restore it: "
            f"git checkout $(git rev-list -1 HEAD -- {BASE_FILE}) -- {BASE_FILE}",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive)
    except (zipfile.BadZipFile, PatternError, ValueError, KeyError, TypeError, OSError) as error:
        raise ProjectError(
            f"is not valid: {error}", path=path, hint="Restore it from git."
        ) from error


def _read(archive: zipfile.ZipFile) -> dict[str, BaseFile]:
    entries = archive.infolist()
    if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise ValueError("it is too large")
    base = {}
    for entry in entries:
        if entry.filename != _HASHES:
            data = archive.read(entry)
            executable = bool(entry.external_attr >> 16 & 0o100)
            base[entry.filename] = BaseFile(digest(data), executable, data)
    for name, item in json.loads(archive.read(_HASHES)).items():
        base[name] = BaseFile(str(item["sha256"]), bool(item["executable"]), None)
    for name in base:
        # Files of the base may be deleted, so their paths must be inside the project.
        check_name(PurePosixPath(name), "base")
    return base


def _entry(name: str, *, executable: bool) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix on every system, so that the bytes are the same everywhere.
    entry.external_attr = (0o755 if executable else 0o644) << 16
    return entry
