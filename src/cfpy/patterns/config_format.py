"""Projects that are configured by ``wrangler.jsonc``.

Patterns have a ``wrangler.toml``, which layers can extend. A project that wants the other format
gets the same configuration in it, and its other files name that file.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from cfpy.project.toml_to_jsonc import to_jsonc

TOML, JSONC = "wrangler.toml", "wrangler.jsonc"


class ConfigFormat(StrEnum):
    """The format of a project's configuration."""

    TOML = "toml"
    JSONC = "jsonc"


def format_in(root: Path) -> ConfigFormat:
    """The format that the project in ``root`` uses."""
    only_jsonc = (root / JSONC).is_file() and not (root / TOML).is_file()
    return ConfigFormat.JSONC if only_jsonc else ConfigFormat.TOML


def named(text: str, wanted: ConfigFormat) -> str:
    """A message for people, with the name of the configuration file."""
    return text.replace(TOML, JSONC) if wanted is ConfigFormat.JSONC else text


def in_jsonc(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a rendered project, by name, with ``wrangler.jsonc`` in place of
    ``wrangler.toml``; unchanged if there is no such file.

    Raises:
        tomllib.TOMLDecodeError: ``wrangler.toml`` does not parse.
    """
    if TOML not in files:
        return dict(files)
    renamed = {name: data.replace(TOML.encode(), JSONC.encode()) for name, data in files.items()}
    config = renamed.pop(TOML).decode()
    return renamed | {JSONC: to_jsonc(config).encode()}


def convert(root: Path) -> None:
    """Convert the project in ``root``, which has just been rendered.

    Raises:
        tomllib.TOMLDecodeError: ``wrangler.toml`` does not parse.
    """
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }
    converted = in_jsonc(files)
    for name, data in converted.items():
        if files.get(name) != data:
            (root / name).write_bytes(data)
    if TOML in files:
        (root / TOML).unlink()
