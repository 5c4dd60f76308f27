"""``pylock.toml``, the standard lock file of Python (packaging.python.org, "pylock.toml"; PEP 751).

pywrangler writes and reads the same file. A file that cfpy resolved is marked as such, so that one
from pywrangler is neither mistaken for it nor overwritten.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tomlkit

from cfpy.errors import ProjectError

NAME = "pylock.toml"


@dataclass(frozen=True)
class Pin:
    """One wheel. ``sha256`` is empty if the lock file does not have it."""

    name: str
    version: str
    url: str
    sha256: str


@dataclass(frozen=True)
class Lock:
    """The pinned wheels. ``requirements`` are the ones from which cfpy resolved them; ``None`` if
    another tool wrote the file."""

    pins: tuple[Pin, ...]
    requirements: tuple[str, ...] | None


def read_lock(root: Path) -> Lock | None:
    """The lock file of a project, ``None`` if it has none.

    Raises:
        ProjectError: It is not valid.
    """
    path = root / NAME
    if not path.is_file():
        return None
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        pins = tuple(_pin(package) for package in data.get("packages", []))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProjectError(
            f"is not a valid lock file: {error}",
            path=path,
            hint=f"Restore {NAME} from git, or delete it to create it again.",
        ) from error
    requirements = data.get("tool", {}).get("cfpy", {}).get("requirements")
    return Lock(pins, None if requirements is None else tuple(requirements))


def write_lock(root: Path, lock: Lock) -> None:
    """Write a lock file completely or not at all."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Created by cfpy from pyproject.toml: commit it, don't edit it."))
    document["lock-version"] = "1.0"
    document["requires-python"] = ">=3.14"
    document["created-by"] = "cfpy"
    packages = tomlkit.aot()
    for pin in lock.pins:
        package = tomlkit.table()
        package["name"], package["version"] = pin.name, pin.version
        wheels = tomlkit.array().multiline(True)
        wheel = tomlkit.inline_table()
        wheel["name"] = pin.url.rpartition("/")[2]
        wheel["url"] = pin.url
        wheel["hashes"] = {"sha256": pin.sha256}
        wheels.append(wheel)
        package["wheels"] = wheels
        packages.append(package)
    document["packages"] = packages
    requirements = tomlkit.array().multiline(True)
    requirements.extend(lock.requirements or ())
    document["tool"] = {"cfpy": {"requirements": requirements}}
    with tempfile.NamedTemporaryFile("w", dir=root, delete=False, encoding="utf-8") as file:
        file.write(tomlkit.dumps(document))
    Path(file.name).chmod(0o644)
    Path(file.name).replace(root / NAME)


def pins_of_report(report: Mapping[str, Any]) -> tuple[Pin, ...]:
    """The wheels that pip would install, from its report (pip.pypa.io, "Installation Report"), by
    name."""
    pins = [
        Pin(
            name=item["metadata"]["name"].lower().replace("_", "-"),
            version=item["metadata"]["version"],
            url=_without_credentials(item["download_info"]["url"]),
            sha256=item["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for item in report["install"]
    ]
    return tuple(sorted(pins, key=lambda pin: pin.name))


def requirement_lines(pins: Sequence[Pin]) -> str:
    """The pins as a requirements file, each with its hash."""
    return "".join(f"{pin.name}=={pin.version} --hash=sha256:{pin.sha256}\n" for pin in pins)


def constraint_lines(pins: Sequence[Pin]) -> str:
    """The pins as a constraints file."""
    return "".join(f"{pin.name}=={pin.version}\n" for pin in pins)


def _without_credentials(url: str) -> str:
    """The URL of a private index may contain a password, which must not be written to a file."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _pin(package: Mapping[str, Any]) -> Pin:
    wheels = package.get("wheels") or [{}]
    hashes = wheels[0].get("hashes", {})
    return Pin(
        package["name"], package["version"], wheels[0].get("url", ""), hashes.get("sha256", "")
    )
