"""The record's claims: what cfpy created, and may delete.

A claim is recorded before its resource exists, so that no kill can lose it. It must not outlive the
resource: most kinds have only names, so it would be one on what somebody else creates under the
name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from functools import reduce

from cfpy.account.comparison import Comparison
from cfpy.account.owned.registry import BY_NAME
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.plan import Plan
from cfpy.account.session import Session
from cfpy.errors import CfpyError, ToolTimeoutError, WranglerTimeoutError


def void_claims(now: Comparison, plan: Plan) -> tuple[str, ...]:
    """The keys of what cfpy created and the account no longer has. The steps of ``plan`` care for
    their own."""
    changed = {action.key for action in plan.changes}
    return tuple(
        key
        for key, id_ in sorted(now.created.items())
        if key not in changed and _is_gone(now, key, id_)
    )


def _is_gone(now: Comparison, key: str, id_: str) -> bool:
    of, _, name = key.partition(":")
    return of in BY_NAME and BY_NAME[of].is_gone(now, name, id_)


def forget(session: Session, keys: Collection[str]) -> None:
    """Remove claims from the record.

    Raises:
        CfpyError: As :meth:`cfpy.account.record_store.RecordStore.change`.
    """
    environment = session.environment
    session.records.change(
        lambda record: reduce(lambda left, key: left.without(environment, key), keys, record)
    )


@contextlib.contextmanager
def claimed_worker(session: Session, *, live: bool = False) -> Iterator[None]:
    """While something is run that creates the Worker if there is none. ``live`` is whether it is
    known that there is one."""
    if live or _has_worker(session):
        yield
        return
    key = f"worker:{session.desired.worker}"
    environment, account_id = session.environment, session.account.id
    session.records.change(lambda record: record.with_created(environment, account_id, key))
    try:
        yield
    except (ToolTimeoutError, WranglerTimeoutError):
        raise  # It may still be created.
    except CfpyError:
        with contextlib.suppress(CfpyError):
            if not _has_worker(session):
                forget(session, [key])
        raise


def _has_worker(session: Session) -> bool:
    return session.observe().get(ObservedWorker, session.desired.worker) is not None
