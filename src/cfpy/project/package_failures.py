"""Says why a Worker's packages can't be installed: what was asked, what answered, and what to do.

A package is only reported as missing if each index answered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from cfpy.errors import ToolNotFoundError
from cfpy.project.newer_python import Ask, newer_python, nothing
from cfpy.project.package_indexes import VARIABLE, PyodideIndex
from cfpy.project.pip_errors import errors_of, git_failure, program_output
from cfpy.project.pip_log import PipLog
from cfpy.project.pylock import NAME, Pin, without_login
from cfpy.project.python_target import PythonTarget

_SHOWN_VERSIONS = 5
_SHOWN_CAUSES = 5
_MISSING = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)(.*)")
_REQUESTED = re.compile(r"The user requested (([A-Za-z0-9._-]+)((?:[<>=!~][^;\s]*)?))$")
_AGAIN = "then run the command again"


class Versions(Protocol):
    """Asks indexes for the versions of a package: PyPI, or whatever pip is set to, and ``index``.
    ``here`` asks for this machine instead of a Worker."""

    def __call__(self, name: str, *, here: bool, index: PyodideIndex | None) -> list[str]: ...


@dataclass(frozen=True)
class Search:
    """What was asked for the packages, and how to ask more: ``versions``, and ``newer`` for another
    Python. ``named`` are the packages in ``pyproject.toml``; ``None`` if that is not known."""

    target: PythonTarget
    index: PyodideIndex
    log: PipLog
    versions: Versions
    newer: Ask = nothing
    named: frozenset[str] | None = None

    def is_named(self, name: str, wanted: str) -> bool:
        """Whether the project itself asks for a package in these versions, and not another one
        (``(from other)`` of pip)."""
        mine = self.named is None or canonicalize_name(name) in self.named
        return mine and "(from " not in wanted

    def unasked(self, name: str = "") -> str:
        """A clause that says why Pyodide's index has not answered, for the package ``name`` if
        there is one; empty if it has."""
        if not self.index.usable:
            return self.index.unasked
        failed = self.log.failures_of(self.index.address)
        if name and canonicalize_name(name) in failed:
            why = failed[canonicalize_name(name)]
        elif failed and not name:
            package, why = next(iter(failed.items()))
            why = f"{package}: {why}"
        else:
            return ""
        return f"Pyodide's package index {self.index.shown} could not be asked ({why})"

    def unread(self, name: str) -> str:
        """A clause about the page of a package in another index that did not answer; empty if all
        did."""
        ours = self.log.failures_of(self.index.address) if self.index.address else {}
        for page, why in self.log.failed.items():
            package = page.rstrip("/").rpartition("/")[2]
            if package == canonicalize_name(name) and why != ours.get(package):
                return f"{page} could not be read ({why})"
        return ""


def resolve_failure(stderr: str, search: Search) -> ToolNotFoundError:
    """The error for a failed resolution, from what pip wrote."""
    missing = _MISSING.search(stderr)
    if missing:
        return _missing(missing[1], missing[2], search)
    if "DO NOT MATCH THE HASHES" in stderr:
        return ToolNotFoundError(
            f"a package does not match the hash that its index has for it:\n{errors_of(stderr)}",
            hint="The file was changed or is incomplete. Do not use it; try again later, or tell "
            "who runs the index.",
        )
    if git := git_failure(stderr, search.log.output):
        return git
    if excluded := _contradiction(search):
        return ToolNotFoundError(
            f"no version fits {' and '.join(excluded)}",
            hint="Correct the dependencies in pyproject.toml.",
        )
    causes = "".join(f"\n{cause}" for cause in _few(search.log.causes) or search.log.output)
    if search.log.absent:
        name = search.log.absent[0]
        error = _missing(name, "", search, asked=_asked(name, search.log.causes))
        return ToolNotFoundError(f"{error.message}{causes}", hint=error.hint)
    unasked = search.unasked()
    if unasked and "conflicting dependencies" in stderr:
        return ToolNotFoundError(
            f"pip found no set of packages that fits, and {unasked}:\n{errors_of(stderr)}{causes}",
            hint=_ask_it(search),
        )
    return ToolNotFoundError(
        f"pip could not install the Worker's packages:\n{errors_of(stderr)}{causes}",
        hint="Check the network and the dependencies in pyproject.toml.",
    )


def install_failure(stderr: str, pins: Sequence[Pin], root: Path) -> ToolNotFoundError:
    """The error for a failed installation of locked packages, from what pip wrote. ``root`` is the
    project."""
    gone = [f"{pin.name} ({place})" for pin in pins if (place := _gone(pin, root))]
    if gone:
        return ToolNotFoundError(
            f"{NAME} names files that do not exist: {', '.join(gone)}",
            hint=f"Restore them, or update {NAME} with the tool that wrote it.",
        )
    if "DO NOT MATCH THE HASHES" in stderr:
        return ToolNotFoundError(
            f"a package does not match its hash in {NAME}:\n{errors_of(stderr)}",
            hint=f"The package or {NAME} was changed. Restore the file from git; "
            "delete it only if you trust the index.",
        )
    output = program_output(stderr)
    if git := git_failure(stderr, output):
        return git
    elsewhere = [pin.name for pin in pins if pin.index]
    note = (
        f" {', '.join(elsewhere)}: from Pyodide's package index; for a mirror of it, set "
        f"{VARIABLE}."
        if elsewhere
        else ""
    )
    return ToolNotFoundError(
        "\n".join([f"pip could not install the packages in {NAME}:", errors_of(stderr), *output]),
        hint=f"Check the network and the dependencies in pyproject.toml.{note}",
    )


def _gone(pin: Pin, root: Path) -> str:
    """The path of a pin's file or folder on this machine if it does not exist; empty otherwise."""
    url = pin.directory or pin.url
    if url.startswith("file:"):
        url = url2pathname(unquote(urlsplit(url).path))
    if not url or "://" in url or pin.commit:
        return ""
    place = (root / url).resolve()
    inside = place.relative_to(root) if place.is_relative_to(root) else place
    return "" if place.exists() else str(inside)


def limited(error: ToolNotFoundError, limits: Sequence[Pin]) -> ToolNotFoundError:
    """An error that may be due to the versions of another tool's lock."""
    if not limits:
        return error
    hint = f"{NAME} sets the versions of what it has: if they no longer fit, run `pywrangler sync`."
    return ToolNotFoundError(error.message, hint=f"{error.hint} {hint}")


def wrong_index(pin: Pin, address: str) -> ToolNotFoundError:
    """The error for a package that another index has than the one named for it."""
    return ToolNotFoundError(
        f"{pin.name} {pin.version} was found at {pin.url}, but [tool.uv.sources] names the index "
        f"{without_login(address)}",
        hint="Limit its version in pyproject.toml to one that the named index has.",
    )


def _contradiction(search: Search) -> list[str]:
    """Requirements of the project for one package that no version of it fulfils together; empty if
    there are none."""
    requested: dict[str, dict[str, str]] = {}
    for cause in search.log.causes:
        if asked := _REQUESTED.match(cause):
            requested.setdefault(canonicalize_name(asked[2]), {})[asked[1]] = asked[3]
    for package, found in requested.items():
        versions = search.versions(package, here=True, index=None) if len(found) > 1 else []
        together = SpecifierSet(",".join(found.values()))
        if versions and not any(together.contains(version) for version in versions):
            return list(found)
    return []


def _asked(name: str, causes: Sequence[str]) -> str:
    """The versions of a package that the first of the causes asks for; empty for any."""
    for cause in causes:
        asked = re.search(r" depends on ([A-Za-z0-9._-]+)(\S*)", cause)
        if asked and canonicalize_name(asked[1]) == canonicalize_name(name):
            return asked[2]
    return ""


def _missing(name: str, wanted: str, search: Search, *, asked: str = "") -> ToolNotFoundError:
    usable = search.versions(name, here=False, index=search.index)
    anywhere = search.versions(name, here=True, index=None)
    unasked = search.unasked(name)
    # Every index has pip itself; if it is not found, no index can be reached.
    if not anywhere and not usable and not search.versions("pip", here=True, index=None):
        return ToolNotFoundError(
            "pip could not reach a package index" + (f", and {unasked}" if unasked else ""),
            hint="Check the network; `pip config list` shows which index pip asks.",
        )
    if unread := search.unread(name):
        return ToolNotFoundError(
            f"no wheel of {name}{wanted} was found, because {unread}"
            + (f"; {unasked}" if unasked else ""),
            hint=f"Check the network and the index, {_AGAIN}.",
        )
    python = f"a Worker (Pyodide, Python {search.target.python})"
    newer = newer_python(name, asked or wanted, search.target, search.newer) if anywhere else ""
    if usable:
        # The versions of what another package needs are not the project's to choose.
        named = search.is_named(name, wanted)
        chosen = f"Use one of these versions: {', '.join(usable[:_SHOWN_VERSIONS])}."
        steps = [chosen if named else "", newer, _ask_it(search) if unasked else ""]
        other = "Use other versions of the packages that need it, or other packages."
        return ToolNotFoundError(
            f"no wheel of {name}{wanted} that runs in {python} was found"
            + (f"; {unasked}" if unasked else ""),
            hint=" ".join(filter(None, steps)) or other,
        )
    others = _others(name, anywhere, search)
    if unasked and anywhere:
        return ToolNotFoundError(
            f"no wheel of {name} that runs in {python} was found: PyPI has none, and {unasked}",
            hint=" ".join(filter(None, [newer, _ask_it(search), others])),
        )
    if unasked:
        return ToolNotFoundError(
            f"there is no package {name!r} on PyPI, and {unasked}",
            hint=f"Check its name in pyproject.toml. {_ask_it(search)}",
        )
    if not anywhere:
        return ToolNotFoundError(
            f"there is no package {name!r}: neither PyPI nor Pyodide's package index "
            f"{search.index.shown} has it",
            hint="Check its name in pyproject.toml.",
        )
    return ToolNotFoundError(
        f"{name} has no wheel that runs in {python}: neither PyPI nor Pyodide's package index "
        f"{search.index.shown} has one",
        hint=f"{newer} {others}"
        if newer
        else others
        if "allow-build" in others
        else f"{others} Use another package, or remove the dependency.",
    )


def _others(name: str, versions: Sequence[str], search: Search) -> str:
    """What PyPI has instead of a wheel for a Worker, and whether that helps."""
    kinds = search.log.unusable.get(canonicalize_name(name), ())
    what = f"only {' and '.join(kinds)}" if kinds else "no wheel for a Worker"
    text = f"PyPI has {', '.join(versions[:_SHOWN_VERSIONS])}, but {what}."
    if kinds != ("as sources",):
        return text
    return (
        f"{text} If it is pure Python, set allow-build = true in [tool.pywrangler] of "
        "pyproject.toml, and cfpy builds it; otherwise use another package."
    )


def _ask_it(search: Search) -> str:
    """What to do about an index that has not answered."""
    if not search.index.address:
        return f"To use Pyodide's index, change the setting that turns it off, {_AGAIN}."
    return (
        f"Check the network to {search.index.shown}, or set {VARIABLE} to a mirror, {_AGAIN}; the "
        "package may be there."
    )


def _few(causes: Sequence[str]) -> list[str]:
    """The causes without those that only repeat one for another version of a package, of which pip
    tries dozens: the first is that of the newest."""
    groups: dict[str, list[str]] = {}
    for cause in causes:
        groups.setdefault(cause.partition(" ")[0], []).append(cause)
    lines = [
        first + (f"; so do {len(rest)} other versions" if rest else "")
        for first, *rest in groups.values()
    ]
    more = len(lines) - _SHOWN_CAUSES
    return lines if more <= 0 else [*lines[:_SHOWN_CAUSES], f"and {more} more like these"]
