"""Refuses packages that were built for this machine: pip builds with this machine's Python, and a
Worker can't load what a C compiler made here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.tags import Tag, parse_tag

from cfpy.errors import ToolNotFoundError
from cfpy.project.pylock import Pin
from cfpy.project.python_target import PythonTarget


def refuse_foreign(modules: Path, pins: Iterable[Pin], target: PythonTarget) -> None:
    """Check the tags of the installed packages (packaging.python.org, "Binary distribution
    format": the file WHEEL).

    Raises:
        ToolNotFoundError: One of them can't be loaded by ``target``.
    """
    known = target.tags()
    local = {pin.name: pin.directory for pin in pins if pin.directory}
    for info in sorted(modules.glob("*.dist-info")):
        tags = list(_tags(info / "WHEEL"))
        if tags and not any(tag in known for tag in tags):
            name, _, version = info.name.removesuffix(".dist-info").partition("-")
            where = local.get(name.replace("_", "-").lower(), "its source")
            raise ToolNotFoundError(
                f"{name} {version} was built from {where} for this machine "
                f"({tags[0].platform}), not for a Worker",
                hint="It has parts in C, Rust or similar. Use a wheel that was built for Pyodide "
                "(pyodide build), or a package in pure Python.",
            )


def _tags(wheel: Path) -> Iterator[Tag]:
    if wheel.is_file():
        for line in wheel.read_text("utf-8").splitlines():
            key, _, value = line.partition(": ")
            if key == "Tag":
                yield from parse_tag(value.strip())
