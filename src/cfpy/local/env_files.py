"""Finds the files that give a local run its secrets; wrangler itself reads them.

The rules are those of ``wrangler dev`` (``getVarsForDev`` in wrangler 4.164.0, and
developers.cloudflare.com/workers/configuration/environment-variables): ``.dev.vars.ENVIRONMENT`` or
else ``.dev.vars`` replaces all ``.env`` files; without them, ``.env``, ``.env.local``,
``.env.ENVIRONMENT`` and ``.env.ENVIRONMENT.local`` are all used, later ones overriding earlier
ones. cfpy adds one rule: until there is a ``.dev.vars``, the project's ``.dev.vars.example`` is
used with the lowest priority.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cfpy.errors import ProjectError
from cfpy.project.dotenv_text import parse_dotenv

#: Name of wrangler's file of secrets next to the configuration.
DEV_VARS = ".dev.vars"
_EXAMPLE = ".dev.vars.example"
_SWITCH = "CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV"


@dataclass(frozen=True)
class EnvFiles:
    """The files with the secrets of a local run, as absolute paths.

    ``dev_vars`` is the file that is used as ``.dev.vars``, or ``None``. ``env_files`` are used
    without it, each overriding those before it. ``settings`` are the ``.env`` files, which can also
    contain settings for wrangler, such as ``CLOUDFLARE_INCLUDE_PROCESS_ENV``; ``names`` are the
    variables that they define.
    """

    dev_vars: Path | None
    env_files: tuple[Path, ...]
    settings: tuple[Path, ...]
    names: frozenset[str] = frozenset()

    @property
    def shown(self) -> str:
        """The names of the files that are used, for display."""
        files = [self.dev_vars] if self.dev_vars else self.env_files
        return ", ".join(file.name for file in files)


def find_env_files(
    root: Path, environment: str, variables: Mapping[str, str], given: Path | None = None
) -> EnvFiles:
    """The files of the project in ``root`` for an environment; empty for its top level.

    Args:
        root: The project.
        environment: A name of ``[env.NAME]``, or empty.
        variables: The environment variables of this process: one of them is a switch for wrangler.
        given: A file to read instead of all of them.

    Raises:
        ProjectError: A file can't be read, or ``given`` is not there.
    """
    suffixes = ["", ".local"]
    if environment:
        suffixes += [f".{environment}", f".{environment}.local"]
    settings = _present(root, [f".env{suffix}" for suffix in suffixes])
    written: dict[str, str] = {}
    for path in settings:
        written |= parse_dotenv(_read(path))
    names = frozenset(written)
    if given is not None:
        if not given.is_file():
            raise ProjectError("there is no such file", path=given, hint="Check --env-file.")
        return EnvFiles(given.absolute(), (), settings, names)
    of_environment = [f"{DEV_VARS}.{environment}"] if environment else []
    own = _present(root, [*of_environment, DEV_VARS])
    if own:
        return EnvFiles(own[0], (), settings, names)
    example = _present(root, [_EXAMPLE])
    load = variables.get(_SWITCH) or written.get(_SWITCH, "")
    if settings and load.lower() != "false":
        return EnvFiles(None, (*example, *settings), settings, names)
    return EnvFiles(example[0] if example else None, (), settings, names)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise ProjectError(f"can't read it: {error.strerror}", path=path) from None


def _present(root: Path, names: list[str]) -> tuple[Path, ...]:
    return tuple((root / name).absolute() for name in names if (root / name).is_file())
