"""A difference between an account and the files of a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from cfpy.tools.invocation import command

#: What reverts a change that each deployment sets again.
DEPLOY = command("deploy")

_Key = TypeVar("_Key")
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Drift:
    """Something that is not as the files of the project want it.

    ``kind`` and ``name`` are what differs, ``message`` is a sentence about it. ``adopt`` changes
    the files to agree with the account, ``revert`` the account to agree with the files; each is a
    command or an edit, empty if there is none.
    """

    kind: str
    name: str
    message: str
    adopt: str
    revert: str


def in_all(found: Iterable[Mapping[_Key, _Found]]) -> dict[_Key, _Found]:
    """What differs in each live version, of which there is one at least, as in the newest: the
    first. In a rollout, the files of a branch are as the newer version, those of the default branch
    as the older one."""
    newest, *others = found
    return {key: item for key, item in newest.items() if all(key in other for other in others)}
