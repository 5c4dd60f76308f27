"""A difference between an account and the files of a project."""

from __future__ import annotations

from dataclasses import dataclass

from cfpy.tools.invocation import command

#: What reverts a change that each deployment sets again.
DEPLOY = command("deploy")


@dataclass(frozen=True)
class Difference:
    """Something that is not as the files of the project want it.

    ``kind`` and ``name`` are what differs, ``message`` is a sentence about it. ``adopt`` is what
    makes the files agree with the account, ``revert`` what makes the account agree with the files;
    each a command or an edit, empty if there is none.
    """

    kind: str
    name: str
    message: str
    adopt: str
    revert: str
