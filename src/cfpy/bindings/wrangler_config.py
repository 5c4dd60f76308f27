"""Reads a project's configuration and ``cfpy.toml``; errors carry line and column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from cfpy.bindings.wrangler_shape import check_shape
from cfpy.errors import ProjectError
from cfpy.project.config_file import choose
from cfpy.project.config_text import locate, read
from cfpy.project.data_location import parse_data_locations
from cfpy.project.masks import parse_masks
from cfpy.project.project import Project, parse_r2, parse_secrets, parse_vectorize
from cfpy.project.toml_position import read_toml


def load_project(root: Path, config: Path | None = None) -> Project:
    """Read the project in the directory ``root``, or that of the file ``config``.

    Args:
        root: Where to look for the configuration, as wrangler does.
        config: The configuration, if known; relative to ``root``.

    Raises:
        ProjectError: There is no configuration, wrangler would use another file that differs,
            or a file does not parse or is not valid.
    """
    path = choose(root, config)
    extra = path.parent / "cfpy.toml"
    more = read_toml(extra) if extra.exists() else {}
    return Project(
        root=path.parent,
        config_name=path.name,
        wrangler=_read_config(path),
        vectorize=parse_vectorize(more, extra),
        secrets=parse_secrets(more, extra),
        r2=parse_r2(more, extra),
        locations=parse_data_locations(more, extra),
        masks=parse_masks(more, extra),
    )


def _read_config(path: Path) -> dict[str, Any]:
    text, data = read(path)

    def fail(message: str, keys: tuple[str | int, ...]) -> NoReturn:
        line, column = locate(path, text, keys)
        if path.suffix != ".toml":
            # Only TOML has headers.
            message = re.sub(r" \(\[+[^()]*\]+\)$", "", message)
        raise ProjectError(message, path=path, line=line, column=column)

    data = _without_nulls(data)
    check_shape(data, fail)
    return data


def _without_nulls(data: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without the keys that are null in JSON: wrangler takes them for missing. The
    values of variables stay as they are."""
    return {
        key: _without_nulls(value) if isinstance(value, Mapping) and key != "vars" else value
        for key, value in data.items()
        if value is not None
    }
