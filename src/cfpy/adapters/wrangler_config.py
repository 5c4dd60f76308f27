"""Reads a project's ``wrangler.toml`` and ``cfpy.toml``; errors carry line and column."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from cfpy.domain.project import Project, parse_r2, parse_secrets, parse_vectorize
from cfpy.errors import ProjectError


def load_project(root: Path) -> Project:
    """Read the project in the directory ``root``.

    Raises:
        ProjectError: There is no ``wrangler.toml``, or a file does not parse.
    """
    path = root / "wrangler.toml"
    if not path.is_file():
        others = [name for name in ("wrangler.json", "wrangler.jsonc") if (root / name).is_file()]
        raise ProjectError(
            f"{root} holds no wrangler.toml" + (f", only {others[0]}" if others else ""),
            hint="cfpy reads wrangler.toml. Go to a project, name one with --cwd, or make one: "
            "cfpy new rag myapp",
        )
    extra = root / "cfpy.toml"
    more = read_toml(extra) if extra.is_file() else {}
    return Project(
        root=root.resolve(),
        wrangler=read_toml(path),
        vectorize=parse_vectorize(more, extra),
        secrets=parse_secrets(more, extra),
        r2=parse_r2(more, extra),
    )


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file into plain values.

    Raises:
        ProjectError: It can't be read or does not parse.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _located(text, path, str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"can't be read: {error}", path=path) from error


def _located(text: str, path: Path, message: str) -> ProjectError:
    """The error with its line and column, which only tomlkit gives as numbers."""
    import tomlkit
    from tomlkit.exceptions import ParseError, TOMLKitError

    try:
        tomlkit.parse(text)
    except ParseError as error:
        said = str(error).split(" at line ")[0]
        return ProjectError(said, path=path, line=error.line, column=error.col + 1)
    except TOMLKitError as error:
        return ProjectError(str(error), path=path)
    return ProjectError(message, path=path)
