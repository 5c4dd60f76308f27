"""``pylock.toml``, the standard lock file of Python (packaging.python.org, "pylock.toml"; PEP 751).

pywrangler writes and reads the same file. A file that cfpy resolved is marked as such, so that one
from pywrangler is neither mistaken for it nor overwritten.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import tomlkit
from packaging.utils import canonicalize_name
from tomlkit.items import InlineTable

from cfpy.errors import ProjectError
from cfpy.project.python_target import TARGETS, PythonTarget, best_wheel, holds
from cfpy.project.toml_position import parse_toml
from cfpy.project.uv_sources import PYPROJECT

NAME = "pylock.toml"
_NEWEST = TARGETS["3.14"]
_RESTORE = f"Restore {NAME} from git, or delete it to create it again."
# The hashes that pip can check, the first choice first, with their lengths.
_DIGITS = {"sha256": 64, "sha512": 128, "sha384": 96}


class _BadHashError(Exception):
    """A hash of a lock file that no file can have."""

    def __init__(self, name: str, algorithm: str, digest: str) -> None:
        super().__init__(
            f"the {algorithm} of {name} is not a hash, which has {_DIGITS[algorithm]} hexadecimal "
            "digits"
        )
        self.digest = digest


@dataclass(frozen=True)
class Pin:
    """One package, in most cases a wheel.

    ``sha256`` is empty if the lock file does not have it; ``other_hash`` is then a hash that pip
    checks as well, for instance ``sha512:...``. ``url`` is empty if the package has no file for
    this Python. ``index`` is where the file was found, if that is Pyodide's index. With
    ``direct``, the file was named by its URL. ``directory`` is a folder relative to the project,
    ``commit`` that of a git repository at ``url``, ``subdirectory`` a folder in it or in an
    archive.
    """

    name: str
    version: str
    url: str
    sha256: str
    index: str = ""
    direct: bool = False
    directory: str = ""
    commit: str = ""
    subdirectory: str = ""
    other_hash: str = ""

    @property
    def hash(self) -> str:
        """The algorithm and the hash, as pip has them; empty without one."""
        return f"sha256:{self.sha256}" if self.sha256 else self.other_hash

    @property
    def built(self) -> bool:
        """Whether the package is built on this machine, from files without a hash."""
        return bool(self.directory or self.commit)


@dataclass(frozen=True)
class Lock:
    """The pinned packages. ``requirements`` are the ones from which cfpy resolved them, for
    ``python``; ``None`` if another tool wrote the file. ``unfit`` are packages of which the file
    has wheels, but none for this Python."""

    pins: tuple[Pin, ...]
    requirements: tuple[str, ...] | None
    python: str = _NEWEST.python
    unfit: tuple[str, ...] = ()


def read_lock(root: Path, target: PythonTarget = _NEWEST) -> Lock | None:
    """The lock file of a project, ``None`` if it has none.

    Only packages whose marker holds for ``target`` are returned, each with the wheel that fits it
    best.

    Raises:
        ProjectError: It is not valid.
    """
    path = root / NAME
    if not path.is_file():
        return None
    text, data = _document(path)
    try:
        packages = [
            package for package in data.get("packages", []) if holds(package.get("marker"), target)
        ]
        pins = tuple(_pin(package, target, root) for package in packages)
        requirements = data.get("tool", {}).get("cfpy", {}).get("requirements")
        python = re.search(r"\d+\.\d+", str(data.get("requires-python", "")))
    except _BadHashError as error:
        line = text.count("\n", 0, max(text.find(error.digest), 0)) + 1
        raise ProjectError(str(error), path=path, line=line, hint=_RESTORE) from None
    except KeyError as error:
        message = f"is not a valid lock file: a package has no `{error.args[0]}`"
        raise ProjectError(message, path=path, hint=_RESTORE) from error
    except (TypeError, AttributeError) as error:
        message = "is not a valid lock file: a value has another type than the standard says"
        raise ProjectError(message, path=path, hint=_RESTORE) from error
    except ValueError as error:
        message = f"is not a valid lock file: {error}"
        raise ProjectError(message, path=path, hint=_RESTORE) from error
    return Lock(
        pins,
        None if requirements is None else tuple(requirements),
        python[0] if python else _NEWEST.python,
        tuple(
            pin.name
            for pin, package in zip(pins, packages, strict=True)
            if not pin.url and package.get("wheels")
        ),
    )


def _document(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        return parse_toml(path, ProjectError)
    except ProjectError as error:
        raise ProjectError(error.message, hint=_RESTORE) from error


def write_lock(root: Path, lock: Lock) -> None:
    """Write a lock file completely or not at all."""
    document = tomlkit.document()
    # Without a pyproject.toml, the Worker gets only the SDK.
    created = "Created by cfpy for the Workers SDK"
    if (root / PYPROJECT).is_file():
        created = "Created by cfpy from pyproject.toml"
    document.add(tomlkit.comment(f"{created}: commit it, don't edit it."))
    document["lock-version"] = "1.0"
    document["requires-python"] = f">={lock.python}"
    document["created-by"] = "cfpy"
    packages = tomlkit.aot()
    for pin in lock.pins:
        package = tomlkit.table()
        package["name"] = pin.name
        if not pin.directory:
            package["version"] = pin.version
        if pin.index:
            package["index"] = pin.index
        key, source = _source(pin)
        package[key] = source
        packages.append(package)
    document["packages"] = packages
    requirements = tomlkit.array().multiline(True)
    requirements.extend(lock.requirements or ())
    document["tool"] = {"cfpy": {"requirements": requirements}}
    with tempfile.NamedTemporaryFile("w", dir=root, delete=False, encoding="utf-8") as file:
        file.write(tomlkit.dumps(document))
    Path(file.name).chmod(0o644)
    Path(file.name).replace(root / NAME)


def without_login(url: str) -> str:
    """The URL of a private index may contain a password, which must not be shown or written."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def pins_of_report(report: Mapping[str, Any], root: Path = Path()) -> tuple[Pin, ...]:
    """The packages that pip installed, from its report (pip.pypa.io, "Installation Report"), by
    name. Files in ``root`` are relative to it."""
    pins = (_pin_of_report(item, root) for item in report["install"])
    return tuple(sorted(pins, key=lambda pin: pin.name))


def _source(pin: Pin) -> tuple[str, Any]:
    """The key and the table that tell where a package is from."""
    if pin.directory:
        return "directory", _inline(path=pin.directory)
    if pin.commit:
        repository = _inline(type="git", url=pin.url)
        repository["commit-id"] = pin.commit
        if pin.subdirectory:
            repository["subdirectory"] = pin.subdirectory
        return "vcs", repository
    file = _inline(**{"url" if "://" in pin.url else "path": pin.url})
    if not pin.direct:
        file = _inline(name=pin.url.rpartition("/")[2], **file)
    if pin.subdirectory:
        file["subdirectory"] = pin.subdirectory
    algorithm, _, digest = pin.hash.partition(":")
    file["hashes"] = {algorithm: digest}
    if pin.direct:
        return "archive", file
    wheels = tomlkit.array().multiline(True)
    wheels.append(file)
    return "wheels", wheels


def _inline(**values: str) -> InlineTable:
    table = tomlkit.inline_table()
    table.update(values)
    return table


def _pin_of_report(item: Mapping[str, Any], root: Path) -> Pin:
    name, version = canonicalize_name(item["metadata"]["name"]), item["metadata"]["version"]
    origin, direct = item["download_info"], bool(item.get("is_direct"))
    url, folder = without_login(origin["url"]), origin.get("subdirectory", "")
    if "vcs_info" in origin:
        commit = origin["vcs_info"]["commit_id"]
        return Pin(name, version, url, "", commit=commit, subdirectory=folder)
    if urlsplit(url).scheme == "file":
        place = Path(url2pathname(unquote(urlsplit(url).path))).resolve()
        if direct or place.is_relative_to(root.resolve()):
            url = Path(os.path.relpath(place, root.resolve())).as_posix()
    if "dir_info" in origin:
        return Pin(name, version, "", "", directory=url)
    sha256, other = _hashes(origin.get("archive_info", {}).get("hashes", {}))
    return Pin(name, version, url, sha256, direct=direct, subdirectory=folder, other_hash=other)


def _hashes(hashes: Mapping[str, str]) -> tuple[str, str]:
    """``sha256``, and if there is none another one that pip can check (its hash-checking mode)."""
    sha256 = hashes.get("sha256", "")
    strong = [name for name in _DIGITS if name in hashes and not sha256]
    return sha256, f"{strong[0]}:{hashes[strong[0]]}" if strong else ""


def _checked(name: str, hashes: Mapping[str, Any]) -> dict[str, str]:
    """The hashes that pip can check.

    Raises:
        _BadHashError: One of them can't be a hash.
    """
    known = {algorithm: str(hashes[algorithm]) for algorithm in _DIGITS if algorithm in hashes}
    for algorithm, digest in known.items():
        if not re.fullmatch(rf"[0-9A-Fa-f]{{{_DIGITS[algorithm]}}}", digest):
            raise _BadHashError(name, algorithm, digest)
    return {algorithm: digest.lower() for algorithm, digest in known.items()}


def _pin(package: Mapping[str, Any], target: PythonTarget, root: Path) -> Pin:
    name, version = canonicalize_name(package["name"]), package.get("version", "")
    if directory := package.get("directory"):
        return Pin(name, version, "", "", directory=directory["path"])
    if repository := package.get("vcs"):
        return Pin(
            name,
            version,
            repository.get("url", ""),
            "",
            commit=repository["commit-id"],
            subdirectory=repository.get("subdirectory", ""),
        )
    archive = package.get("archive")
    file = archive or best_wheel(package.get("wheels") or [], target) or package.get("sdist", {})
    url = file.get("url", "")
    if not url and "path" in file:
        url = (root / file["path"]).resolve().as_uri()
    if not archive:
        # Without a version there is nothing to compare with the dependencies.
        version = package["version"]
    sha256, other = _hashes(_checked(name, file.get("hashes", {})))
    return Pin(
        name,
        version,
        url,
        sha256,
        other_hash=other,
        index=package.get("index", ""),
        direct=bool(archive),
        subdirectory=file.get("subdirectory", ""),
    )
