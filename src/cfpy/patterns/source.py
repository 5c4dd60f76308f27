"""Where a pattern comes from: parses what people write on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cfpy.errors import PatternError

_SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
_GIT = re.compile(r"(git\+)?(https|http|ssh|git|file)://([^/@]+@)?|git@[\w.-]+:")


@dataclass(frozen=True)
class NamedSource:
    """A pattern of cfpy itself, or of an installed package."""

    name: str


@dataclass(frozen=True)
class PathSource:
    """A directory on this machine."""

    path: Path


@dataclass(frozen=True)
class GitSource:
    """A git repository. ``ref`` is a tag, branch or commit, empty for the newest version;
    ``directory`` is the pattern's directory in it, empty for its root."""

    url: str
    ref: str
    directory: str


Source = NamedSource | PathSource | GitSource


def parse_source(text: str) -> Source:
    """Read ``rag``, ``./mine``, ``gh:org/repo@v1`` or ``https://host/repo.git@v1#patterns/mine``.

    Raises:
        PatternError: It is not one of these.
    """
    if text.startswith(tuple(_SHORT)):
        prefix = text[:3]
        rest, ref, directory = _split(text[3:])
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)+", rest) or ".." in rest.split("/"):
            raise PatternError(
                f"{text!r} does not name a repository", hint=f"{prefix}owner/repository@v1.0.0"
            )
        return GitSource(f"{_SHORT[prefix]}{rest.removesuffix('.git')}.git", ref, directory)
    if found := _GIT.match(text):
        start = text[: found.end()]
        rest, ref, directory = _split(text[found.end() :])
        return GitSource(start.removeprefix("git+") + rest, ref, directory)
    if text.startswith((".", "/", "~")) or "/" in text or "\\" in text:
        return PathSource(Path(text).expanduser())
    return NamedSource(text)


def _split(text: str) -> tuple[str, str, str]:
    """``repository@ref#directory``, the last two of them optional."""
    rest, _, directory = text.partition("#")
    rest, _, ref = rest.partition("@")
    if ref.startswith("-") or ".." in Path(directory).parts or directory.startswith(("/", "-")):
        raise PatternError(
            f"{text!r} does not name a version of a pattern",
            hint="repository@v1.0.0#directory/in/it",
        )
    return rest, ref, directory
