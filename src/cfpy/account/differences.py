"""Everything in which an account differs from a project's files. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cfpy.account.comparison import Comparison
from cfpy.account.drift import DEPLOY, Drift
from cfpy.account.owned.registry import KINDS
from cfpy.account.plan import Action, Do, Plan
from cfpy.tools.invocation import command


def differences(
    now: Comparison, plan: Plan, live_version: str, bindings: Mapping[str, str]
) -> Iterator[Drift]:
    """What differs, what is missing first.

    cfpy can't tell a change in the account from an edit of the files that is not deployed yet.

    Args:
        now: A thorough look at the account.
        plan: The plan for it.
        live_version: Empty if nothing is deployed; then only the plan differs.
        bindings: The bindings that differ in the live version: a sentence by name.
    """
    yield from map(_of_plan, plan.changes)
    if not live_version:
        message = "nothing is deployed"
        yield Drift("worker", now.desired.worker, message, "", command("up"))
        return
    for action in plan.deploys:
        edits = (kind.adopts(now, action) for kind in KINDS if kind.name == action.kind)
        adopt = next(filter(None, edits), "Change the configuration as in the account.")
        message = f"{action.kind.replace('_', ' ')} {action.name}: {action.reason}"
        yield Drift(action.kind, action.name, message, adopt, DEPLOY)
    for name, message in bindings.items():
        yield Drift("binding", name, message, "Change the configuration.", DEPLOY)
    for kind in KINDS:
        yield from kind.drift(now)


def unseen(now: Comparison) -> tuple[str, ...]:
    """What could not be compared, as sentences without an end."""
    return tuple(sentence for kind in KINDS for sentence in kind.unseen(now))


def _of_plan(action: Action) -> Drift:
    said = {
        Do.CREATE: "missing in the account",
        Do.ADOPT: "in the account, but its id is not in the configuration",
        Do.UPDATE: "the account is not as the files want it",
    }
    message = said.get(action.do, action.reason)
    if action.do in said and action.reason and action.do is not Do.ADOPT:
        message = f"{message}: {action.reason}"
    name = f"{action.kind.replace('_', ' ')} {action.name}"
    if action.do is Do.CONFLICT:
        return Drift(action.kind, action.name, f"{name}: {message}", "", "")
    return Drift(
        action.kind,
        action.name,
        f"{name}: {message}",
        "" if action.do is not Do.CREATE else "Remove it from the files.",
        command("provision"),
    )
