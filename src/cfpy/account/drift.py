"""A difference between an account and the files of a project."""

from __future__ import annotations

from dataclasses import dataclass

from cfpy.tools.invocation import command

#: What reverts a change that each deployment sets again.
DEPLOY = command("deploy")


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
