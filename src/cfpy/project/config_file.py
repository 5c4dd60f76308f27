"""Finds the configuration file that wrangler uses, and checks that no other one contradicts it.

The rules are those of wrangler 4.164.0: ``findWranglerConfig`` and ``findRedirectedWranglerConfig``
in its ``workers-utils/src/config/config-helpers.ts``. See docs/adr/0016.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cfpy.errors import ProjectError
from cfpy.project.cf_project import NAME as CF_NAME
from cfpy.project.cf_project import cf_configuration, only_cf, refuse_nearer_cf
from cfpy.project.config_difference import first_difference
from cfpy.project.config_text import SUFFIXES, read
from cfpy.project.jsonc import parse_jsonc

#: The names that wrangler looks for. The first name wins, in whichever parent folder it is.
NAMES = ("wrangler.json", "wrangler.jsonc", "wrangler.toml")
#: Names the file, like ``--config``.
CONFIG_VARIABLE = "CFPY_CONFIG"
#: Written by a build tool: sends ``wrangler deploy``, ``dev``, ``versions upload``, ``versions
#: deploy``, ``triggers deploy`` and ``preview`` to a configuration that it generated.
REDIRECT = Path(".wrangler", "deploy", "config.json")
#: Written by a build for Cloudflare's other command line, `cf`.
_BUILD_OUTPUT = Path(".cloudflare", "output")
# Of the projects in a folder, in a hint.
_MOST_SHOWN = 5
_NAMES = "wrangler.toml, wrangler.jsonc or wrangler.json"
_SUFFIXES = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
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
    def passed_over(self) -> tuple[Path, ...]:
        """Files that somebody may take for the configuration, and wrangler does not use: next to
        that, or in a folder below."""
        return tuple(path for path in self.files[1:] if self.files[0].parent in path.parents)


def find(directory: Path) -> Candidates:
    """The configuration files for ``directory``. wrangler searches up to the file system's root,
    and does not stop at the home directory or a repository."""
    # wrangler starts from the real path of its working directory.
    start = directory.resolve()
    files = [_nearest(start, Path(name)) for name in NAMES]
    return Candidates(tuple(path for path in files if path), _nearest(start, REDIRECT))


def configuration_in(directory: Path) -> Path | None:
    """The configuration in ``directory`` itself that wrangler would use; ``None`` if there is none.

    For rendered projects, which have nothing to do with the folders above them.
    """
    return next((directory / name for name in NAMES if (directory / name).is_file()), None)


def choose(directory: Path, named: Path | None = None) -> Path:
    """The absolute path of the configuration for ``directory``; its folder is the project's.

    Args:
        directory: Where the command runs.
        named: The file that ``--config`` or CFPY_CONFIG names, if any, relative to ``directory``.
            Then, as in wrangler, no other file is searched for.

    Raises:
        ProjectError: There is none, or another one that differs or is not valid.
    """
    if named is not None:
        return _checked(directory / named, _by(named))
    found = find(directory) if directory.is_dir() else Candidates((), None)
    cf = cf_configuration(directory)
    if found.used is None and cf is not None:
        raise only_cf(cf)
    if found.used is None:
        raise ProjectError(
            f"{directory.resolve()} has no {_NAMES}",
            hint=projects_below(directory)
            or "Go to a project, name one with --cwd, or create one: cfpy new rag myapp",
        )
    refuse_nearer_cf(found.used, cf, _option(directory, found.used))
    _refuse_contradiction(directory, found.used, found)
    return found.used


def projects_below(directory: Path) -> str:
    """A hint about the projects in the folders of ``directory``; empty if there are none."""
    with contextlib.suppress(OSError):
        folders = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
        found = [path.name for path in folders if path.is_dir() and configuration_in(path)]
        if found:
            shown = ", ".join(found[:_MOST_SHOWN])
            return f"Name one of the projects in it with --cwd: {shown}"
    return ""


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


def _by(named: Path) -> str:
    """What names a file: the option, or the variable if that has the same name."""
    return CONFIG_VARIABLE if os.environ.get(CONFIG_VARIABLE) == str(named) else "--config"


def _checked(path: Path, by: str) -> Path:
    if path.name == CF_NAME and path.is_file():
        raise only_cf(path)
    if path.suffix not in SUFFIXES:
        raise ProjectError(
            f"{by} names {path}, which is not a {_SUFFIXES} file",
            hint="The name of a configuration ends with one of these, for wrangler, too.",
        )
    if not path.is_file():
        raise ProjectError(f"{by} names {path}, which does not exist", hint="Check the path.")
    return path.parent.resolve() / path.name


def _refuse_contradiction(directory: Path, used: Path, found: Candidates) -> None:
    option = partial(_option, directory)
    for other in found.passed_over:
        hint = (
            f"Delete the one that you do not need, {used} or {other}; or choose one: "
            f"{option(used)}, or {option(other)}"
        )
        what = f"wrangler uses {used}, and there is also {other}"
        _refuse_other(used, other, what, hint)
    if found.redirect is not None:
        hint = f"Delete {found.redirect} if it is from an old build, or choose one: {option(used)}"
        target = _redirected(found.redirect, used, hint)
        what = f"{found.redirect} sends `wrangler deploy` to {target}, and cfpy reads {used}"
        _refuse_other(used, target, what, hint)


def _option(directory: Path, path: Path) -> str:
    # Relative to the directory of the command.
    return f"--config {os.path.relpath(path, directory.resolve())}"


def _refuse_other(used: Path, other: Path, what: str, hint: str) -> None:
    """Refuse ``other`` if it differs from ``used``."""
    try:
        values = [_values(path) for path in (used, other)]
    except ProjectError as error:
        raise ProjectError(f"{error.message} ({what})", hint=f"Fix it. {hint}") from None
    key = first_difference(*values)
    if key is None and other.parent == used.parent:
        return
    # The values are not shown: they may be secrets.
    why = "its paths are relative to another folder" if key is None else f"they differ in `{key}`"
    raise ProjectError(f"{what}: {why}", hint=hint)


def _redirected(redirect: Path, used: Path, hint: str) -> Path:
    """The target of a redirect.

    Raises:
        ProjectError: wrangler could not follow it.
    """
    try:
        _, data = parse_jsonc(redirect, ProjectError)
    except ProjectError as error:
        raise ProjectError(error.message, hint=hint) from None
    name = data.get("configPath") if isinstance(data, Mapping) else None
    if not isinstance(name, str) or not name:
        raise ProjectError("`configPath` is missing", path=redirect, hint=hint)
    target = (redirect.parent / name).resolve()
    if not target.is_file():
        raise ProjectError(f"it points to {target}, which does not exist", path=redirect, hint=hint)
    if redirect != used.parent / REDIRECT:
        message = f"it is in another project folder than {used}, and wrangler refuses to choose"
        raise ProjectError(message, path=redirect, hint=hint)
    return target


def _values(path: Path) -> Mapping[str, Any]:
    if path.suffix not in SUFFIXES:
        raise ProjectError(f"is not a {_SUFFIXES} file", path=path)
    return read(path)[1]


def _nearest(start: Path, name: Path) -> Path | None:
    for folder in (start, *start.parents):
        # wrangler skips a folder that it may not read.
        with contextlib.suppress(OSError):
            if (folder / name).is_file():
                return folder / name
    return None
