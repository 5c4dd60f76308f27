"""Names: checks which ones Cloudflare accepts, and suggests similar ones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from cfpy.errors import UsageError

#: A Worker's name is a DNS label of workers.dev, so at most 63 characters
#: (developers.cloudflare.com/workers/wrangler/configuration). Patterns name their resources after
#: it (`myapp-docs`), and the shortest limit, that of a Vectorize index, is 64 bytes: this leaves
#: room for the suffix.
MAX_PROJECT_NAME = 54

_VALID = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def check_project_name(name: str) -> str:
    """Return ``name`` if it can be the name of a Worker.

    Raises:
        UsageError: It can't; the hint suggests the nearest valid name.
    """
    if _VALID.fullmatch(name) and len(name) <= MAX_PROJECT_NAME:
        return name
    suggestion = plain_name(name)[:MAX_PROJECT_NAME].strip("-")
    raise UsageError(
        f"{name!r} can't be the name of a Worker: use lower-case letters, digits and inner dashes, "
        f"at most {MAX_PROJECT_NAME} characters",
        hint=f"Try: {suggestion}" if suggestion else "Try: myapp",
    )


def plain_name(name: str) -> str:
    """The nearest name of lower-case ASCII letters, digits and inner dashes; empty if none is near:
    ``jorgs-app`` for ``Jörgs App``."""
    letters = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")


_PLACEHOLDER = re.compile(
    r"[<>{}]|\.\.\.|xxx|your|todo|replace|insert|place.?holder|change.?me|fill", re.IGNORECASE
)


def is_placeholder(id_: str) -> bool:
    """Whether it only shows where an id belongs, as in examples: ``<YOUR_KV_NAMESPACE_ID>``, or
    zeros. A mistyped id is not a placeholder."""
    return bool(_PLACEHOLDER.search(id_)) or set(id_) - {"-"} == {"0"}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that suggests the known word nearest to ``word``, or an empty string."""
    import difflib  # only needed for messages

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else ""
