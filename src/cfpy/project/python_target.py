"""The Python of a Worker: which wheels it can load, and how markers evaluate in it.

A compatibility date and flags choose one of three versions (workers-py's ``metadata.py``); each is
a Pyodide with an ABI of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename


@dataclass(frozen=True)
class PythonTarget:
    """A Python that Workers run.

    ``python`` is its version with two numbers, ``full`` with three. ``pyodide`` is the version
    under which Pyodide's package index has its wheels, ``abi`` the name of the ABI in their
    platform tags.
    """

    python: str
    full: str
    pyodide: str
    abi: str

    @property
    def platforms(self) -> tuple[str, ...]:
        """Its platform tags, the best first: the one of PEP 783, and the older spelling."""
        return f"pyemscripten_{self.abi}_wasm32", f"pyodide_{self.abi}_wasm32"

    @property
    def cpython(self) -> str:
        """Its tag for interpreter and ABI, for instance ``cp314``."""
        return "cp" + self.python.replace(".", "")

    @property
    def pip_options(self) -> tuple[str, ...]:
        """The options by which pip selects wheels for it."""
        abis = (self.cpython, "abi3", "none")
        return (
            *(word for platform in self.platforms for word in ("--platform", platform)),
            *("--python-version", self.python, "--implementation", "cp"),
            *(word for abi in abis for word in ("--abi", abi)),
        )

    @property
    def markers(self) -> dict[str, str]:
        """The environment of its markers (packaging.python.org, "Dependency specifiers")."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.full,
            "os_name": "posix",
            "platform_machine": "wasm32",
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Emscripten",
            "platform_version": "",
            "python_full_version": self.full,
            "python_version": self.python,
            "sys_platform": "emscripten",
        }

    def tags(self) -> Mapping[Tag, int]:
        """The tags of the wheels that it can load, each with its rank: 0 is the best."""
        major, minor = (int(part) for part in self.python.split("."))
        platforms = list(self.platforms)
        found = [
            *cpython_tags((major, minor), [self.cpython], platforms),
            *compatible_tags((major, minor), self.cpython, platforms),
        ]
        return {tag: rank for rank, tag in reversed(list(enumerate(found)))}


# Versions: get_pyodide_index and get_uv_pyodide_interp_name in workers-py 1.17.9 (utils.py).
_TARGETS = (
    PythonTarget("3.12", "3.12.7", "0.27.7", "2024_0"),
    PythonTarget("3.13", "3.13.2", "0.28.3", "2025_0"),
    PythonTarget("3.14", "3.14.2", "314.0.7", "2026_0"),
)
TARGETS: Mapping[str, PythonTarget] = {target.python: target for target in _TARGETS}


def holds(marker: str | None, target: PythonTarget) -> bool:
    """Whether a marker holds in ``target``; without one, it does.

    Raises:
        ValueError: It is not a marker.
    """
    if marker is None:
        return True
    try:
        return Marker(marker).evaluate(target.markers)
    except UndefinedEnvironmentName:
        # It asks for an extra or a group of the project: neither is installed in a Worker.
        return False
    except InvalidMarker as error:
        raise ValueError(str(error)) from error


def best_wheel(wheels: Sequence[Mapping[str, Any]], target: PythonTarget) -> Mapping[str, Any]:
    """The wheel that ``target`` prefers; an empty table if it can load none of them.

    Args:
        wheels: Tables of a lock file, with a ``name``, ``url`` or ``path``.
        target: The Python that loads it.

    Raises:
        KeyError: A table names no file.
    """
    ranks = target.tags()
    found: list[tuple[int, Mapping[str, Any]]] = []
    for wheel in wheels:
        name = wheel.get("name") or str(wheel.get("url") or wheel["path"]).rpartition("/")[2]
        try:
            tags = parse_wheel_filename(name.partition("#")[0])[3]
        except InvalidWheelFilename:
            # Other tools are less strict: the installation shows whether it fits.
            found.append((len(ranks), wheel))
            continue
        fitting = [ranks[tag] for tag in tags if tag in ranks]
        if fitting:
            found.append((min(fitting), wheel))
    return min(found, key=lambda pair: pair[0])[1] if found else {}
