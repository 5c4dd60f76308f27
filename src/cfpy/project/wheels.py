"""Installs the wheels of a lock file from cfpy's cache, where they are kept by their hash.

pip needs a second to start, to ask an index about each package and to unpack: for wheels that are
already here, `installer` (the library of the Python Packaging Authority that only unpacks wheels)
does the last part alone. What is not here yet, pip downloads, from where the user's settings say.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from cfpy.project.pylock import Pin
from cfpy.tools.files import file_sha256
from cfpy.tools.toolchain import cache_directory

_SUFFIX = ".whl"


class Wheels:
    """The wheels on this machine, by the SHA-256 of their files.

    Args:
        directory: Where they are kept, each in a directory that is named after its hash; by default
            in cfpy's cache.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory or cache_directory() / "wheels"

    def found(self, pins: Sequence[Pin]) -> dict[str, Path]:
        """The files of ``pins`` that are kept, by hash. One that was changed is not among them."""
        found = {}
        for pin in pins:
            for path in sorted((self._directory / pin.sha256).glob(f"*{_SUFFIX}")):
                with contextlib.suppress(OSError):
                    if file_sha256(path) == pin.sha256:
                        found[pin.sha256] = path
        return found

    def keep(self, files: Mapping[str, Path]) -> None:
        """Move files here, by their hashes. What can't be kept is downloaded again next time."""
        for sha256, path in files.items():
            place = self._directory / sha256 / path.name
            # A full or read-only disk, or another file system: the packages are installed anyway.
            with contextlib.suppress(OSError):
                place.parent.mkdir(parents=True, exist_ok=True)
                part = place.with_suffix(f".{path.parent.parent.name}")
                part.write_bytes(path.read_bytes())
                part.replace(place)


def are_wheels(pins: Sequence[Pin]) -> bool:
    """Whether all pins are wheels with a hash: only those can be installed from here."""
    return all(pin.sha256 and urlsplit(pin.url).path.endswith(_SUFFIX) for pin in pins)


def downloaded(directory: Path) -> dict[str, Path]:
    """The wheels in ``directory`` by their hash."""
    return {file_sha256(path): path for path in sorted(directory.glob(f"*{_SUFFIX}"))}


def unpack(wheels: Iterable[Path], target: Path) -> bool:
    """Install wheels into ``target``, like ``pip install --target``.

    Returns:
        Whether all could be installed; if not, ``target`` is incomplete.

    Raises:
        OSError: Writing failed.
    """
    # Imported here: most runs have nothing to install.
    import configparser
    import csv
    import zlib
    from zipfile import BadZipFile

    from installer import install
    from installer.destinations import SchemeDictionaryDestination
    from installer.exceptions import InstallerError
    from installer.sources import WheelFile

    folders = {"purelib": "", "platlib": "", "data": "", "scripts": "bin", "headers": "include"}
    into = SchemeDictionaryDestination(
        {scheme: str(target / folder) for scheme, folder in folders.items()},
        sys.executable,
        "posix",
        # Some packages bring the same file, for instance tests/__init__.py. pip takes the last one.
        overwrite_existing=True,
    )
    with warnings.catch_warnings():
        # Bytecode in a wheel, which is not installed.
        warnings.simplefilter("ignore", RuntimeWarning)
        for path in wheels:
            try:
                with WheelFile.open(path) as wheel:
                    install(wheel, into, {"INSTALLER": b"cfpy\n"})
            except (FileExistsError, IsADirectoryError, NotADirectoryError):
                # A file and a folder of one name.
                return False
            except OSError:
                raise
            # What a wheel that breaks the rules raises; also a path outside of ``target``.
            except (
                *(InstallerError, ValueError, KeyError, BadZipFile, zlib.error, csv.Error),
                *(configparser.Error, AssertionError, RuntimeError, EOFError),
            ):
                return False
    return True
