"""Finds the files that give a local run its secrets; wrangler itself reads them.

The rules are those of ``wrangler dev`` (``getVarsForDev`` in wrangler 4.164.0, and
developers.cloudflare.com/workers/configuration/environment-variables): ``.dev.vars.ENVIRONMENT`` or
else ``.dev.vars`` replaces all ``.env`` files; without them, ``.env``, ``.env.local``,
``.env.ENVIRONMENT`` and ``.env.ENVIRONMENT.local`` are all used, later ones overriding earlier
ones. cfpy adds one rule: until there is a ``.dev.vars``, the project's ``.dev.vars.example`` is
used with the lowest priority. Files that ``--env-file`` names replace all of these, also for
wrangler's own settings, and are read like ``.env`` files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cfpy.errors import ProjectError
from cfpy.project.dotenv_text import parse_dotenv

#: Name of wrangler's file of secrets next to the configuration.
DEV_VARS = ".dev.vars"
_EXAMPLE = ".dev.vars.example"
#: The ``.env`` files that ``wrangler dev --env ""`` reads next to a configuration, each overriding
#: those before it (``getDefaultEnvFiles``).
ENV_SLOTS = (".env", ".env.local", ".env.", ".env..local")
#: wrangler's switch for all files but ``.dev.vars``.
LOAD_ENV_FILES = "CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV"


@dataclass(frozen=True)
class EnvFiles:
    """The files with the secrets of a local run, as absolute paths.

    ``dev_vars`` is the file that is used as ``.dev.vars``, or ``None``. ``env_files`` are used
    without it, each overriding those before it. ``settings`` are the ``.env`` files, which can also
    contain settings for wrangler, such as ``CLOUDFLARE_INCLUDE_PROCESS_ENV``; ``names`` are the
    variables that they define. ``given`` is whether the command line names them, and ``root`` is
    the project.
    """

    dev_vars: Path | None
    env_files: tuple[Path, ...]
    settings: tuple[Path, ...]
    names: frozenset[str] = frozenset()
    given: bool = False
    root: Path = Path()

    @property
    def used(self) -> tuple[Path, ...]:
        """The files that the secrets come from."""
        return (self.dev_vars,) if self.dev_vars else self.env_files

    @property
    def shown(self) -> str:
        """The files that are used, for display: by name, or by path if not in the project."""
        return ", ".join(
            file.name if file.parent == self.root.absolute() else str(file) for file in self.used
        )

    @property
    def watched(self) -> tuple[Path, ...]:
        """Files that have to be watched whatever their name and place."""
        return self.env_files if self.given else ()


def find_env_files(
    root: Path, environment: str, variables: Mapping[str, str], given: Sequence[Path] = ()
) -> EnvFiles:
    """The files of the project in ``root`` for an environment; empty for its top level.

    Args:
        root: The project.
        environment: A name of ``[env.NAME]``, or empty.
        variables: The environment variables of this process: one of them is a switch for wrangler.
        given: Files to read instead of all of them, relative to the working directory; each
            overrides those before it.

    Raises:
        ProjectError: A file can't be read, or one of ``given`` is not a file.
    """
    if given:
        return _given(root, given)
    suffixes = ["", ".local"]
    if environment:
        suffixes += [f".{environment}", f".{environment}.local"]
    settings = _present(root, [f".env{suffix}" for suffix in suffixes])
    written: dict[str, str] = {}
    for path in settings:
        written |= parse_dotenv(_read(path))
    names = frozenset(written)
    found = partial(EnvFiles, settings=settings, names=names, root=root)
    of_environment = [f"{DEV_VARS}.{environment}"] if environment else []
    own = _present(root, [*of_environment, DEV_VARS])
    if own:
        return found(own[0], ())
    example = _present(root, [_EXAMPLE])
    load = variables.get(LOAD_ENV_FILES) or written.get(LOAD_ENV_FILES, "")
    if settings and load.lower() != "false":
        return found(None, (*example, *settings))
    return found(example[0] if example else None, ())


def _given(root: Path, given: Sequence[Path]) -> EnvFiles:
    written: dict[str, str] = {}
    for path in given:
        if not path.is_file():
            what = "is a directory" if path.is_dir() else "is not a file"
            message = f"{what}, so no secrets can be read from it"
            if not path.exists():
                message = "there is no such file"
            raise ProjectError(message, path=path, hint="Check --env-file.")
        written |= parse_dotenv(_read(path))
    files = tuple(path.absolute() for path in given)
    return EnvFiles(None, files, files, frozenset(written), given=True, root=root)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise ProjectError(f"can't read it: {error.strerror}", path=path) from None


def _present(root: Path, names: list[str]) -> tuple[Path, ...]:
    return tuple((root / name).absolute() for name in names if (root / name).is_file())
