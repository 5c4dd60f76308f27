"""What a gradual rollout can't do, found before anything is changed.

`wrangler versions upload` (4.164.0) has no Durable Object migrations, and sets no triggers.
"""

from __future__ import annotations

from collections.abc import Iterator

from cfpy.account.owned.custom_domain import CustomDomain, TakenDomain
from cfpy.account.owned.queue import ObservedQueue, Queue
from cfpy.account.session import Session
from cfpy.bindings.environments import effective
from cfpy.errors import UsageError
from cfpy.tools.invocation import command


def refuse_class_migrations(session: Session) -> None:
    """Refuse a pending Durable Object migration.

    Raises:
        UsageError: There is one.
    """
    tables = effective(session.project.wrangler, session.environment)
    tags = [str(item.get("tag")) for item in tables.get("migrations") or ()]
    if not tags:
        return
    had = session.account.releases(session.desired.worker).migration_tag()
    if had != tags[-1]:
        raise UsageError(
            f"the Durable Object migration {tags[-1]} is pending: Cloudflare applies it for all "
            "requests at once, not for a part of them",
            hint=f"Deploy it without --percent: {command('deploy')}. Nothing was changed.",
        )


def triggers_left(session: Session) -> tuple[str, ...]:
    """The triggers of the configuration that the account does not have, one sentence each. Routes
    are not compared: they are in zones."""
    return tuple(_triggers_left(session))


def _triggers_left(session: Session) -> Iterator[str]:
    worker, desired = session.desired.worker, session.desired
    tables = effective(session.project.wrangler, session.environment)
    wanted = (tables.get("triggers") or {}).get("crons")
    if wanted is not None:
        have = session.account.releases(worker).schedules()
        if have != frozenset(wanted):
            said = ", ".join(wanted) or "none"
            yield f"the cron triggers stay as they are; the configuration has {said}"
    observed = session.observe()
    for queue in desired.all(Queue):
        found = observed.get(ObservedQueue, queue.name)
        if queue.consumed and found and worker not in found.consumers:
            yield f"the Worker does not become a consumer of the queue {queue.name}"
    for domain in desired.all(CustomDomain):
        taken = observed.get(TakenDomain, domain.host)
        if taken is None or taken.worker != worker:
            yield f"{domain.host} does not become a custom domain of the Worker"
