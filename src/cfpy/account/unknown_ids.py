"""Removes ids that the account does not have from a configuration: those of an example, or of
another account."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from cfpy.account.resources import desired_state
from cfpy.account.session import Session
from cfpy.bindings.registry import OWNED
from cfpy.project.edits import Remove, change


def without_unknown_ids(session: Session) -> tuple[Session, dict[str, str], tuple[Remove, ...]]:
    """The session as it is without these ids, the ids by binding, and the edits that remove them.

    Nothing is written.
    """
    unknown = {
        (action.kind, id_) for action in session.plan().conflicts for id_ in action.unknown_ids
    }
    name = session.environment
    scope: tuple[str, ...] = ("env", name) if name else ()
    wrangler: dict[str, Any] = copy.deepcopy(dict(session.project.wrangler))
    tables = wrangler["env"][name] if name else wrangler
    removed: dict[str, str] = {}
    edits: list[Remove] = []
    for called, kind in OWNED.items():
        for number, item in enumerate(kind.entries(tables) if kind.id_key else ()):
            if (called, kind.told_by(item)) in unknown:
                removed[str(item.get("binding"))] = str(item[kind.id_key])
                edits.append(Remove((*scope, *kind.table.split("."), number, kind.id_key)))
    for edit in edits:
        change(wrangler, edit)
    project = dataclasses.replace(session.project, wrangler=wrangler)
    desired = desired_state(project, name)
    return dataclasses.replace(session, project=project, desired=desired), removed, tuple(edits)
