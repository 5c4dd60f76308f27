"""Where this cfpy was installed from, and how to install it again. Pure.

Installers write it next to the package as ``direct_url.json``
(packaging.python.org/en/latest/specifications/direct-url). A package from an index has none.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit, urlunsplit

DISTRIBUTION = "cfpy-cli"


class Installer(StrEnum):
    """The installer that created this cfpy's environment."""

    PIP = "pip"
    PIPX = "pipx"
    UV_TOOL = "uv tool"


@dataclass(frozen=True)
class Installation:
    """One installed cfpy.

    Attributes:
        version: Its version.
        python: Its interpreter.
        installer: The installer of its environment.
        address: The address from which pip installs it, such as
            ``git+https://example.com/cfpy@1f2e``; empty for an index and for a directory.
        directory: The directory that it was installed from, if it was one.
        editable: Whether it runs from that directory.
    """

    version: str
    python: str
    installer: Installer = Installer.PIP
    address: str = ""
    directory: str = ""
    editable: bool = False

    @property
    def portable_requirement(self) -> str:
        """A requirement that installs the same cfpy on another machine: from the address of a
        repository, with its commit, if known; otherwise by the version in an index."""
        if self.address and not re.match(r"(git\+)?file:", self.address):
            return f"{DISTRIBUTION} @ {self.address}"
        return neutral_requirement(self.version)

    def command(self, *extras: str, again: bool = False) -> str:
        """A command line that installs it with ``extras``; ``again`` also if it is already
        installed."""
        marked = f"[{','.join(extras)}]" if extras else ""
        if self.directory:
            wanted = [*(["--editable"] if self.editable else []), f"{self.directory}{marked}"]
        elif self.address:
            wanted = [f"{DISTRIBUTION}{marked} @ {self.address}"]
        else:
            wanted = [f"{DISTRIBUTION}{marked}=={self.version}"]
        if self.installer is Installer.PIPX:
            return shlex.join(["pipx", "install", "--force", *wanted])
        if self.installer is Installer.UV_TOOL:
            return shlex.join(["uv", "tool", "install", "--force", *wanted])
        force = ["--force-reinstall"] if again else []
        return shlex.join([self.python, "-m", "pip", "install", *force, *wanted])


def neutral_requirement(version: str) -> str:
    """The requirement of a cfpy from an index: the same on every machine."""
    return f"{DISTRIBUTION}=={version}"


def parse_direct_url(text: str) -> dict[str, str | bool]:
    """The fields of :class:`Installation` from a ``direct_url.json``; empty if it is not valid.

    Credentials in an address are left out.
    """
    try:
        data = json.loads(text)
        url = _without_credentials(str(data["url"]))
        if "dir_info" in data:
            path = unquote(urlsplit(url).path)
            return {"directory": path, "editable": bool(data["dir_info"].get("editable"))}
        part = f"#subdirectory={data['subdirectory']}" if data.get("subdirectory") else ""
        if "vcs_info" in data:
            vcs, commit = data["vcs_info"]["vcs"], data["vcs_info"]["commit_id"]
            return {"address": f"{vcs}+{url}@{commit}{part}"}
        return {"address": f"{url}{part}"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    # ssh needs the user, and has no password there.
    kept = f"{user.partition(':')[0]}{at}" if parts.scheme == "ssh" else ""
    return urlunsplit(parts._replace(netloc=f"{kept}{host}"))
