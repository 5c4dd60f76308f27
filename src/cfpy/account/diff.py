"""Computes the steps after which an account has what a project needs. Pure, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState
from cfpy.account.notices import notices
from cfpy.account.observed import ObservedState
from cfpy.account.owned.registry import KINDS
from cfpy.account.plan import Plan


def diff(
    desired: DesiredState,
    observed: ObservedState,
    created: Mapping[str, str],
    others: Sequence[DesiredState] = (),
    theirs: frozenset[str] = frozenset(),
) -> Plan:
    """The plan that leads from the observed state to the desired one.

    Args:
        desired: What an environment needs.
        observed: What the account has.
        created: What cfpy created for the environment, as in
            :class:`cfpy.account.comparison.Comparison`.
        others: What other environments of the same configuration need.
        theirs: The keys of what cfpy created for them.
    """
    now = Comparison(desired, observed, created, others, theirs)
    actions = tuple(action for kind in KINDS for action in kind.plan(now))
    return Plan(
        observed.account_id, desired.worker, desired.environment, actions, tuple(notices(now))
    )
