"""Which configuration file wrangler would use, and whether cfpy reads the same.

The rules are those of wrangler 4.164.0: ``findWranglerConfig`` and ``findRedirectedWranglerConfig``
in its ``workers-utils/src/config/config-helpers.ts``. docs/adr/0016 tells them.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfpy.adapters.jsonc import parse_jsonc
from cfpy.adapters.toml_position import parse_toml
from cfpy.domain.config_difference import first_difference
from cfpy.errors import ProjectError

#: The format that cfpy reads, by the name that wrangler looks for.
READ = "wrangler.toml"
#: The names that wrangler looks for. The first wins, in whichever folder above it lies.
NAMES = ("wrangler.json", "wrangler.jsonc", READ)
#: Names the file as ``--config`` does.
CONFIG_VARIABLE = "CFPY_CONFIG"
#: Written by a build tool: sends ``wrangler deploy``, ``dev``, ``versions upload``, ``versions
#: deploy``, ``triggers deploy`` and ``preview`` to a configuration that it generated.
REDIRECT = Path(".wrangler", "deploy", "config.json")
#: Written by a build for Cloudflare's other command line, `cf`.
_BUILD_OUTPUT = Path(".cloudflare", "output")
_BUILD_VERSION = re.compile(r"v(0|[1-9]\d*)")


@dataclass(frozen=True)
class Candidates:
    """The configuration files that count for one folder: the nearest of each name, in it or above.

    ``files`` are in wrangler's order: it uses the first. ``redirect`` is the nearest file that a
    build tool left to send some commands elsewhere.
    """

    files: tuple[Path, ...]
    redirect: Path | None

    @property
    def used(self) -> Path | None:
        """What wrangler uses, but for the commands that follow the redirect."""
        return self.files[0] if self.files else None

    @property
    def read(self) -> Path | None:
        """What cfpy reads."""
        return next((path for path in self.files if path.name == READ), None)


def find(directory: Path) -> Candidates:
    """The configuration files for ``directory``. wrangler looks up to the file system's root, and
    neither the home directory nor a repository stops it."""
    # wrangler begins with the real path of its working directory.
    start = directory.resolve()
    files = [_nearest(start, Path(name)) for name in NAMES]
    return Candidates(tuple(path for path in files if path), _nearest(start, REDIRECT))


def choose(directory: Path, named: Path | None = None) -> Path:
    """The configuration of the project in ``directory``, absolute; its folder is the project's.

    Args:
        directory: Where the command runs.
        named: The file that ``--config`` names, if any, relative to ``directory``. Then nothing
            else is looked for, as wrangler has it.

    Raises:
        ProjectError: There is none that cfpy reads, or wrangler would use another one that
            contradicts it or is broken.
    """
    if named is not None:
        return _checked(directory / named)
    found = find(directory) if directory.is_dir() else Candidates((), None)
    if found.read is None:
        raise _nothing_to_read(directory, found)
    _refuse_contradiction(directory, found.read, found)
    return found.read


def refuse_build_output(root: Path) -> None:
    """Refuse a project that holds a build for `cf`: `wrangler deploy` does, when all before it is
    done (``assertNoCloudflareBuildOutput`` in wrangler 4.164).

    Raises:
        ProjectError: It holds one.
    """
    folder = root / _BUILD_OUTPUT
    with contextlib.suppress(OSError):
        if any(_BUILD_VERSION.fullmatch(path.name) and path.is_dir() for path in folder.iterdir()):
            raise ProjectError(
                "a build for the command line `cf`, which has a configuration of its own: wrangler "
                "does not deploy beside it",
                path=folder,
                hint="Delete it if it is left over, or deploy with `cf deploy`.",
            )


def _checked(path: Path) -> Path:
    if path.suffix != ".toml":
        raise ProjectError(
            f"--config names {path}, which is not TOML by its name",
            hint="cfpy reads TOML alone, from a file whose name ends with .toml.",
        )
    if not path.is_file():
        raise ProjectError(f"--config names {path}, which is not there", hint="Check the path.")
    return path.parent.resolve() / path.name


def _nothing_to_read(directory: Path, found: Candidates) -> ProjectError:
    said = f"{directory.resolve()} holds no {READ}"
    hint = "Go to a project, name one with --cwd, or create one: cfpy new rag myapp"
    if found.used is not None:
        here = found.used.parent == directory.resolve()
        said += f", only {found.used.name}" if here else f"; wrangler would use {found.used}"
        hint = f"Write {found.used.name} as {READ} and delete it. Or: {hint}"
    return ProjectError(said, hint=f"cfpy reads {READ}. {hint}")


def _refuse_contradiction(directory: Path, read: Path, found: Candidates) -> None:
    # As it is typed where the command was.
    name_it = f"or name what counts: --config {os.path.relpath(read, directory.resolve())}"
    used = found.used
    if used is not None and used != read:
        hint = f"Delete the one that does not count, {used} or {read}; {name_it}"
        _refuse_other(read, used, f"wrangler uses {used}", hint)
    if found.redirect is not None:
        hint = f"Delete {found.redirect} if a build left it there, {name_it}"
        other = _redirected(found.redirect, read, hint)
        what = f"{found.redirect} sends `wrangler deploy` to {other}"
        _refuse_other(read, other, what, hint)


def _refuse_other(read: Path, other: Path, what: str, hint: str) -> None:
    """Refuse ``other``, which wrangler would use, where it is not as ``read`` is."""
    what += f", and cfpy reads {read}"
    try:
        values = _values(other)
    except ProjectError as error:
        raise ProjectError(f"{error.message} ({what})", hint=f"Fix it. {hint}") from None
    key = first_difference(values, parse_toml(read, ProjectError)[1])
    if key is None and other.parent == read.parent:
        return
    # What the values are is not said: they may be secrets.
    why = "paths in it mean files of another folder" if key is None else f"they differ in `{key}`"
    raise ProjectError(f"{what}: {why}", hint=hint)


def _redirected(redirect: Path, read: Path, hint: str) -> Path:
    """Where a redirect points to.

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
        raise ProjectError(f"it points to {target}, which is not there", path=redirect, hint=hint)
    if redirect != read.parent / REDIRECT:
        message = f"it does not lie beside {read}, and wrangler refuses to choose"
        raise ProjectError(message, path=redirect, hint=hint)
    return target


def _values(path: Path) -> Mapping[str, Any]:
    if path.suffix == ".toml":
        return parse_toml(path, ProjectError)[1]
    if path.suffix not in (".json", ".jsonc"):
        raise ProjectError("neither TOML nor JSON by its name", path=path)
    data = parse_jsonc(path, ProjectError)
    if not isinstance(data, Mapping):
        raise ProjectError("no object, so no configuration", path=path)
    return data


def _nearest(start: Path, name: Path) -> Path | None:
    for folder in (start, *start.parents):
        # wrangler passes over a folder that it may not look into.
        with contextlib.suppress(OSError):
            if (folder / name).is_file():
                return folder / name
    return None
