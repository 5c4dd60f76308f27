"""The user's pip settings that also apply to a Worker's packages: those about indexes.

pip takes every option from its files and from ``PIP_...`` variables as well
(pip.pypa.io/en/stable/topics/configuration). ``user``, ``prefix``, ``target``, ``no-deps`` and the
like are meant for the user's interpreter; the address of an index and the connection to it also
apply here. So pip is started without its files, and with the kept settings as variables.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from cfpy.errors import UsageError

#: Settings that are kept, by pip's names. All others are dropped.
KEPT = {
    "index-url": "where packages come from",
    "pypi-url": "an older name of index-url",
    "extra-index-url": "where packages come from",
    "no-index": "where packages come from: no index",
    "find-links": "where packages come from",
    "trusted-host": "the connection to an index",
    "proxy": "the connection to an index",
    "cert": "the connection to an index",
    "client-cert": "the connection to an index",
    "timeout": "the connection to an index",
    "default-timeout": "an older name of timeout",
    "retries": "the connection to an index",
    "resume-retries": "the connection to an index",
    "keyring-provider": "the login for an index",
    "use-feature": "for instance truststore: the connection to an index",
    "use-deprecated": "the same, to turn a feature off",
    "cache-dir": "where downloads are kept",
    "no-cache-dir": "whether downloads are kept",
    "uploaded-prior-to": "a rule on which releases are trusted",
    "constraint": "a rule on which versions are used; the lock file already respects it",
}
#: Not needed if the versions are locked, and it could block older ones.
CHOOSING = frozenset({"constraint"})
_GLOBAL, _VARIABLE = "global", "PIP_"
_ETC = Path("/etc/pip.conf")


def pip_settings(
    environ: Mapping[str, str], command: str, *, choosing: bool = True
) -> dict[str, str]:
    """The kept settings, as variables for pip.

    Args:
        environ: The user's environment.
        command: pip's command, which has its own section in the files.
        choosing: Whether versions are resolved, not already locked.

    Raises:
        UsageError: A file can't be read.
    """
    found: dict[str, dict[str, str]] = {_GLOBAL: {}, command: {}}
    for path in _files(environ):
        for section, values in _read(path).items():
            if section in found:
                found[section] |= values
    settings = found[_GLOBAL] | {key: item for key, item in found[command].items() if item}
    for name, value in environ.items():
        # pip treats an empty variable as not set.
        if name.startswith(_VARIABLE) and value:
            settings[_normal(name.removeprefix(_VARIABLE))] = value
    kept = KEPT.keys() - (frozenset() if choosing else CHOOSING)
    return {
        f"{_VARIABLE}{key.upper().replace('-', '_')}": " ".join(value.split())
        for key, value in settings.items()
        if key in kept and value
    }


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    """pip's files; later ones override earlier ones."""
    own = environ.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return
    home = _home(environ)
    if sys.platform == "darwin":
        yield Path("/Library/Application Support/pip/pip.conf")
        support = home / "Library" / "Application Support" / "pip"
        user = support if support.is_dir() else home / ".config" / "pip"
    else:
        places = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        yield from (Path(place) / "pip" / "pip.conf" for place in places.split(os.pathsep))
        yield _ETC
        user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip"
    if not (own and Path(own).exists()):
        yield home / ".pip" / "pip.conf"
        yield user / "pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    if own:
        yield Path(own)


def _home(environ: Mapping[str, str]) -> Path:
    try:
        return Path(environ.get("HOME") or Path.home())
    except RuntimeError:
        # The user has no home directory on this machine, so there are no files.
        return Path(os.devnull)


def _read(path: Path) -> dict[str, dict[str, str]]:
    """The sections of one of pip's files; none if the file does not exist."""
    parser = configparser.RawConfigParser()
    try:
        # In this machine's encoding, like pip.
        with path.open() as file:
            parser.read_file(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        # pip skips files that it may not read.
        if isinstance(error, PermissionError):
            return {}
        raise _broken(path, error.strerror or str(error)) from error
    except (configparser.Error, UnicodeDecodeError) as error:
        # configparser quotes the line, which may hold a password.
        where = getattr(error, "lineno", None) or next(
            (number for number, _ in getattr(error, "errors", ())), None
        )
        raise _broken(
            path, f"line {where} is not a setting" if where else "it does not parse"
        ) from None
    return {
        section: {_normal(key): value for key, value in parser.items(section)}
        for section in parser.sections()
    }


def _broken(path: Path, why: str) -> UsageError:
    return UsageError(
        f"pip's configuration {path} can't be read: {why}",
        hint="Fix it; `pip config debug` shows all such files.",
    )


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")
