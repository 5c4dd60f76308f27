"""Keeps what a pattern once rendered, in the project: the base of later merges.

A pattern in an older version may be nowhere any more: a package is replaced by the newer one, a
directory is edited. A repository that is cloned has this file.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from cfpy.adapters.pattern_files import MOST_BYTES, MOST_FILES, check_name
from cfpy.domain.merge import BaseFile, File, digest
from cfpy.errors import PatternError, ProjectError

#: Where a project keeps it.
BASE_FILE = Path(".cfpy", "base.zip")
# Larger files are kept as a hash: nobody merges those line by line.
_LARGEST = 100_000
_HASHES = ".cfpy/hashes.json"
_OWN = ".cfpy/"
# The earliest that a zip file can say: its bytes depend on its content alone.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def read_tree(root: Path) -> dict[str, File]:
    """The files of a rendered tree, by name; cfpy's own records are left out."""
    return {
        name: File(path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in sorted(root.rglob("*"))
        if path.is_file() and not (name := path.relative_to(root).as_posix()).startswith(_OWN)
    }


def empty_directories(root: Path) -> tuple[str, ...]:
    """The directories of a tree that hold nothing."""
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
        ProjectError: It has none, or it is broken.
    """
    path = root / BASE_FILE
    if not path.is_file():
        raise ProjectError(
            f"{root} does not hold what its pattern rendered",
            path=path,
            hint="It is written by cfpy new. If it was removed, bring it back: "
            f"git checkout $(git rev-list -1 HEAD -- {BASE_FILE}) -- {BASE_FILE}",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive)
    except (zipfile.BadZipFile, PatternError, ValueError, KeyError, TypeError, OSError) as error:
        raise ProjectError(
            f"is broken: {error}", path=path, hint="Bring back an older version of it with git."
        ) from error


def _read(archive: zipfile.ZipFile) -> dict[str, BaseFile]:
    entries = archive.infolist()
    if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise ValueError("it holds too much")
    base = {}
    for entry in entries:
        if entry.filename != _HASHES:
            data = archive.read(entry)
            executable = bool(entry.external_attr >> 16 & 0o100)
            base[entry.filename] = BaseFile(digest(data), executable, data)
    for name, item in json.loads(archive.read(_HASHES)).items():
        base[name] = BaseFile(str(item["sha256"]), bool(item["executable"]), None)
    for name in base:
        # What is said to be of the base may be removed: it has to lie in the project.
        check_name(PurePosixPath(name), "base")
    return base


def _entry(name: str, *, executable: bool) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix, whatever this is: the bytes are the same everywhere.
    entry.external_attr = (0o755 if executable else 0o644) << 16
    return entry
