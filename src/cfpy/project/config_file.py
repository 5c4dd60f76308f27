"""Finds the configuration file that wrangler would use, and checks that cfpy reads the same.

The rules are those of wrangler 4.164.0: ``findWranglerConfig`` and ``findRedirectedWranglerConfig``
in its ``workers-utils/src/config/config-helpers.ts``. See docs/adr/0016.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfpy.errors import ProjectError
from cfpy.project.config_difference import first_difference
from cfpy.project.jsonc import parse_jsonc
from cfpy.project.toml_position import parse_toml

#: The file that cfpy reads.
READ = "wrangler.toml"
#: The names that wrangler looks for. The first name wins, in whichever parent folder it is.
NAMES = ("wrangler.json", "wrangler.jsonc", READ)
#: Names the file, like ``--config``.
CONFIG_VARIABLE = "CFPY_CONFIG"
#: Written by a build tool: sends ``wrangler deploy``, ``dev``, ``versions upload``, ``versions
#: deploy``, ``triggers deploy`` and ``preview`` to a configuration that it generated.
REDIRECT = Path(".wrangler", "deploy", "config.json")
#: Written by a build for Cloudflare's other command line, `cf`.
_BUILD_OUTPUT = Path(".cloudflare", "output")
_BUILD_VERSION = re.compile(r"v(0|[1-9]\d*)")


@dataclass(frozen=True)
class Candidates:
    """The configuration files for one folder: the nearest of each name, in it or above.

    ``files`` are in wrangler's order: it uses the first. ``redirect`` is the nearest file from a
    build tool that redirects some commands.
    """

    files: tuple[Path, ...]
    redirect: Path | None

    @property
    def used(self) -> Path | None:
        """The file that wrangler uses, except for commands that follow the redirect."""
        return self.files[0] if self.files else None

    @property
    def read(self) -> Path | None:
        """The file that cfpy reads."""
        return next((path for path in self.files if path.name == READ), None)


def find(directory: Path) -> Candidates:
    """The configuration files for ``directory``. wrangler searches up to the file system's root,
    and does not stop at the home directory or a repository."""
    # wrangler starts from the real path of its working directory.
    start = directory.resolve()
    files = [_nearest(start, Path(name)) for name in NAMES]
    return Candidates(tuple(path for path in files if path), _nearest(start, REDIRECT))


def choose(directory: Path, named: Path | None = None) -> Path:
    """The absolute path of the configuration for ``directory``; its folder is the project's.

    Args:
        directory: Where the command runs.
        named: The file that ``--config`` names, if any, relative to ``directory``. Then, as in
            wrangler, no other file is searched for.

    Raises:
        ProjectError: There is none that cfpy reads, or wrangler would use another one that differs
            or is not valid.
    """
    if named is not None:
        return _checked(directory / named)
    found = find(directory) if directory.is_dir() else Candidates((), None)
    if found.read is None:
        raise _nothing_to_read(directory, found)
    _refuse_contradiction(directory, found.read, found)
    return found.read


def refuse_build_output(root: Path) -> None:
    """Refuse a project that has a build for `cf`: `wrangler deploy` would, but only after all other
    steps (``assertNoCloudflareBuildOutput`` in wrangler 4.164).

    Raises:
        ProjectError: It has one.
    """
    folder = root / _BUILD_OUTPUT
    with contextlib.suppress(OSError):
        if any(_BUILD_VERSION.fullmatch(path.name) and path.is_dir() for path in folder.iterdir()):
            raise ProjectError(
                "a build for the command line `cf`, which has its own configuration: wrangler "
                "does not deploy next to it",
                path=folder,
                hint="Delete it if you no longer need it, or deploy with `cf deploy`.",
            )


def _checked(path: Path) -> Path:
    if path.suffix != ".toml":
        raise ProjectError(
            f"--config names {path}, which is not a .toml file",
            hint="cfpy only reads TOML, from a file whose name ends with .toml.",
        )
    if not path.is_file():
        raise ProjectError(f"--config names {path}, which does not exist", hint="Check the path.")
    return path.parent.resolve() / path.name


def _nothing_to_read(directory: Path, found: Candidates) -> ProjectError:
    said = f"{directory.resolve()} has no {READ}"
    hint = "Go to a project, name one with --cwd, or create one: cfpy new rag myapp"
    if found.used is not None:
        here = found.used.parent == directory.resolve()
        said += f", only {found.used.name}" if here else f"; wrangler would use {found.used}"
        hint = f"Convert {found.used.name} to {READ} and delete it. Or: {hint}"
    return ProjectError(said, hint=f"cfpy reads {READ}. {hint}")


def _refuse_contradiction(directory: Path, read: Path, found: Candidates) -> None:
    # Relative to the directory of the command.
    name_it = f"or choose one: --config {os.path.relpath(read, directory.resolve())}"
    used = found.used
    if used is not None and used != read:
        hint = f"Delete the one that you do not need, {used} or {read}; {name_it}"
        _refuse_other(read, used, f"wrangler uses {used}", hint)
    if found.redirect is not None:
        hint = f"Delete {found.redirect} if it is from an old build, {name_it}"
        other = _redirected(found.redirect, read, hint)
        what = f"{found.redirect} sends `wrangler deploy` to {other}"
        _refuse_other(read, other, what, hint)


def _refuse_other(read: Path, other: Path, what: str, hint: str) -> None:
    """Refuse ``other``, which wrangler would use, if it differs from ``read``."""
    what += f", and cfpy reads {read}"
    try:
        values = _values(other)
    except ProjectError as error:
        raise ProjectError(f"{error.message} ({what})", hint=f"Fix it. {hint}") from None
    key = first_difference(values, parse_toml(read, ProjectError)[1])
    if key is None and other.parent == read.parent:
        return
    # The values are not shown: they may be secrets.
    why = "its paths are relative to another folder" if key is None else f"they differ in `{key}`"
    raise ProjectError(f"{what}: {why}", hint=hint)


def _redirected(redirect: Path, read: Path, hint: str) -> Path:
    """The target of a redirect.

    Raises:
        ProjectError: wrangler could not follow it.
    """
    try:
        data = parse_jsonc(redirect, ProjectError)
    except ProjectError as error:
        raise ProjectError(error.message, hint=hint) from None
    name = data.get("configPath") if isinstance(data, Mapping) else None
    if not isinstance(name, str) or not name:
        raise ProjectError("`configPath` is missing", path=redirect, hint=hint)
    target = (redirect.parent / name).resolve()
    if not target.is_file():
        raise ProjectError(f"it points to {target}, which does not exist", path=redirect, hint=hint)
    if redirect != read.parent / REDIRECT:
        message = f"it is in another project folder than {read}, and wrangler refuses to choose"
        raise ProjectError(message, path=redirect, hint=hint)
    return target


def _values(path: Path) -> Mapping[str, Any]:
    if path.suffix == ".toml":
        return parse_toml(path, ProjectError)[1]
    if path.suffix not in (".json", ".jsonc"):
        raise ProjectError("is not a .toml, .json or .jsonc file", path=path)
    data = parse_jsonc(path, ProjectError)
    if not isinstance(data, Mapping):
        raise ProjectError("is not a JSON object, so not a configuration", path=path)
    return data


def _nearest(start: Path, name: Path) -> Path | None:
    for folder in (start, *start.parents):
        # wrangler skips a folder that it may not read.
        with contextlib.suppress(OSError):
            if (folder / name).is_file():
                return folder / name
    return None
