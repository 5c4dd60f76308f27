"""Computes what has to be deleted to remove a project from an account. Pure, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cfpy.account.comparison import Permission, Removal
from cfpy.account.desired import DesiredState
from cfpy.account.notices import leftovers
from cfpy.account.observed import ObservedState
from cfpy.account.owned.registry import KINDS
from cfpy.account.plan import Plan
from cfpy.errors import UsageError


def teardown(
    desired: DesiredState,
    observed: ObservedState,
    permission: Permission,
    others: Sequence[DesiredState] = (),
    users: Mapping[str, Sequence[str]] | None = None,
) -> Plan:
    """The plan that deletes an environment. It only contains what the project names.

    Args:
        desired: What the environment needs.
        observed: What the account has.
        permission: What may be deleted.
        others: What the other environments of the same configuration need; it is kept.
        users: Other Workers of the account, by the resource that they are bound to; it is kept,
            too.

    Raises:
        UsageError: ``included`` has something that the project does not name.
    """
    now = Removal(
        desired, observed, permission.created, others, permission=permission, users=users or {}
    )
    actions = tuple(action for kind in KINDS for action in kind.teardown(now))
    known = {action.key for action in actions}
    if unknown := sorted(permission.included - known):
        raise UsageError(
            f"the account has no {unknown[0]} of this project",
            hint=f"It has: {', '.join(sorted(known)) or 'nothing'}. Nothing was changed.",
        )
    left = tuple(leftovers(now))
    return Plan(observed.account_id, desired.worker, desired.environment, actions, left)
