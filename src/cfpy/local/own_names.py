"""The names of the Workers that cfpy runs next to those of a project.

Any name that wrangler accepts may be that of a user's Worker, so these avoid every string in the
configurations of a run: names of Workers, and what their bindings refer to.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: The stand-in for Workers AI and Vectorize; its data is kept under its name.
LOCAL_SERVICES = "cfpy-local"
#: The end of the name of the Worker in front: other runs on this machine have one, too.
FRONT = "cfpy-page"


@dataclass(frozen=True)
class OwnNames:
    """``services`` is the stand-in for Workers AI and Vectorize, ``front`` the Worker that shows
    the page."""

    services: str = LOCAL_SERVICES
    front: str = FRONT


def own_names(configurations: Iterable[Mapping[str, Any]]) -> OwnNames:
    """Names that none of ``configurations`` contains; the first is that of the main Worker."""
    found = list(configurations)
    taken = {text for each in found for text in _strings(each)}
    name = str(found[0].get("name"))
    return OwnNames(_free(LOCAL_SERVICES, taken), _free(f"{name}-{FRONT}", taken))


def _free(wanted: str, taken: set[str]) -> str:
    numbered = (f"{wanted}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain((wanted,), numbered) if name not in taken)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
