"""Where this cfpy was installed from, and how to install it again. Pure.

Installers write it next to the package as ``direct_url.json``
(packaging.python.org/en/latest/specifications/direct-url). A package from an index has none.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

DISTRIBUTION = "cfpy-cli"
# A record has one of these.
_INFOS = frozenset({"dir_info", "vcs_info", "archive_info"})
_ARCHIVE_SCHEMES = ("https", "http", "file")
# What pip installs from: pip.pypa.io/en/stable/topics/vcs-support.
_VCS_SCHEMES = {
    "git": ("https", "http", "ssh", "git", "file"),
    "hg": ("https", "http", "ssh", "file"),
    "svn": ("https", "http", "ssh"),
}
_COMMIT = re.compile(r"[0-9A-Za-z]{1,64}")
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
# Names of tokens are longer, or have capitals.
_USER = re.compile(r"[a-z_][a-z0-9._-]{0,31}")
_PATH = re.compile(r"/([A-Za-z0-9._~/+-]|%[0-9A-Fa-f]{2})+")
_INNER = re.compile(r"[A-Za-z0-9._~+-][A-Za-z0-9._~/+-]*")
# uv has git alone (docs.astral.sh/uv/concepts/projects/dependencies).
_PORTABLE = re.compile(r"git\+(?!file:)|https?:.*#(.*&)?sha256=")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SCP = re.compile(r"(?P<host>[^/:@]+@[^/:@]+):(?P<path>(?!//).+)", re.DOTALL)


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
            ``git+https://example.com/cfpy@1f2e``; empty for an index, for a directory, and if it
            may contain a secret.
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
    def commit(self) -> str:
        """The commit of a repository that it was installed from; empty for another source."""
        last = self.address.partition("#")[0].rpartition("@")[2]
        return last if "+" in self.address and _COMMIT.fullmatch(last) else ""

    @property
    def pinned_requirement(self) -> str:
        """A requirement that installs the same cfpy on another machine, by pip and by uv, and
        nothing else if its source changes: from a git repository at a commit, or from a file with
        its hash. Empty if there is none."""
        return f"{DISTRIBUTION} @ {self.address}" if _PORTABLE.match(self.address) else ""

    @property
    def portable_requirement(self) -> str:
        """The same; otherwise, by the version in an index."""
        return self.pinned_requirement or neutral_requirement(self.version)

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
    """The fields of :class:`Installation` from a ``direct_url.json``.

    The result is empty, as for a package from an index, unless the record is valid and its address
    can be repeated without a risk: in a file of a repository, by a shell, and by pip. User and
    password are left out; an address with a query is not used at all, because a query may be a
    token, and without it the address may be another one.
    """
    try:
        data = json.loads(text)
        return _fields(data) if isinstance(data, dict) else {}
    except (ValueError, RecursionError):
        return {}


def _fields(data: Mapping[str, Any]) -> dict[str, str | bool]:
    """See :func:`parse_direct_url`.

    Raises:
        ValueError: The address can't be used.
    """
    [kind] = _INFOS & data.keys()
    url, info = data.get("url"), data[kind]
    if not isinstance(url, str) or not isinstance(info, dict):
        raise ValueError("not a direct_url.json")
    if kind == "dir_info":
        return {"directory": _directory(url), "editable": info.get("editable") is True}
    inner = _subdirectory(data, url)
    if kind == "archive_info":
        parts = "&".join(filter(None, (inner, _hash(info))))
        return {"address": f"{_address(url, _ARCHIVE_SCHEMES)}{parts and '#'}{parts}"}
    vcs, commit = info.get("vcs"), info.get("commit_id")
    if not isinstance(vcs, str) or not isinstance(commit, str):
        raise ValueError("not a direct_url.json")
    if vcs not in _VCS_SCHEMES or not _COMMIT.fullmatch(commit):
        raise ValueError("no commit of a known version control system")
    address = _address(_with_scheme(url.removeprefix(f"{vcs}+")), _VCS_SCHEMES[vcs])
    return {"address": f"{vcs}+{address}@{commit}{inner and '#'}{inner}"}


def _with_scheme(url: str) -> str:
    """git's ``user@host:path`` and ``/path`` as addresses; pip has neither."""
    if url.startswith("/"):
        return f"file://{quote(url)}"
    if found := _SCP.fullmatch(url):
        return f"ssh://{found['host']}/{found['path'].lstrip('/')}"
    return url


def _address(url: str, schemes: Collection[str]) -> str:
    """The address without credentials and fragment.

    Raises:
        ValueError: It may contain a secret, or characters with a meaning in YAML, a shell or a
            GitHub expression.
    """
    if not url.isascii() or not url.isprintable():
        raise ValueError("not a URL")  # `urlsplit` removes line breaks.
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    if parts.query or "@" in parts.path + parts.fragment or parts.scheme not in schemes:
        raise ValueError("an address with a query, or with a password that is not quoted")
    if not _PATH.fullmatch(parts.path):
        raise ValueError("an address with odd characters")
    if parts.scheme == "file":
        if host not in ("", "localhost"):
            raise ValueError("a file of another machine")
        return f"file://{parts.path}"
    if not _HOST.fullmatch(host):
        raise ValueError("not the name of a host")
    name = user.partition(":")[0]
    if parts.scheme != "ssh" or not user:
        return f"{parts.scheme}://{host}{parts.path}"
    # ssh needs the user, and has no password in the address.
    if not _USER.fullmatch(name):
        raise ValueError("not the name of a user")
    return f"ssh://{name}@{host}{parts.path}"


def _directory(url: str) -> str:
    parts = urlsplit(url)
    path = unquote(parts.path, errors="strict")
    local = parts.scheme == "file" and parts.netloc in ("", "localhost")
    if not local or not path.startswith("/") or not path.isprintable():
        raise ValueError("not a directory of this machine")
    return path


def _subdirectory(data: Mapping[str, Any], url: str) -> str:
    """The part of a fragment with the project's directory; empty if it is the top level."""
    fragment = dict(parse_qsl(urlsplit(url).fragment))
    path = data.get("subdirectory", fragment.get("subdirectory", ""))
    if path == "":
        return ""
    if not isinstance(path, str) or not _INNER.fullmatch(path) or ".." in path.split("/"):
        raise ValueError("not a subdirectory")
    return f"subdirectory={path}"


def _hash(info: Mapping[str, Any]) -> str:
    """The part of a fragment with the hash of an archive; empty if its SHA-256 is not known.

    ``hash`` is how older installers wrote it.
    """
    hashes = info.get("hashes")
    found = hashes.get("sha256") if isinstance(hashes, dict) else None
    if found is None:
        found = str(info.get("hash")).removeprefix("sha256=")
    return f"sha256={found}" if isinstance(found, str) and _SHA256.fullmatch(found) else ""
