"""What stops a command that needs the project and the account to agree."""

from __future__ import annotations

from collections.abc import Sequence

from cfpy.account.plan import Action
from cfpy.errors import PlanConflictError
from cfpy.tools.invocation import command


def conflict_error(conflicts: Sequence[Action], hint: str) -> PlanConflictError:
    """The error for conflicts; ``hint`` is what to do about all but ids from elsewhere."""
    return PlanConflictError(
        "; ".join(f"{item.key}: {item.reason}" for item in conflicts),
        hint=" ".join(text for text in (unknown_ids_hint(conflicts), hint) if text),
    )


def unknown_ids_hint(conflicts: Sequence[Action]) -> str:
    """What to do about ids that the account does not have; empty if there are none."""
    if not any(item.unknown_ids for item in conflicts):
        return ""
    return (
        "To remove the ids that this account does not have from the configuration: "
        f"{command('adopt', '--remove-ids')}. Then {command('provision')} creates new, empty ones."
    )
