"""What a gradual rollout can't do, found before anything is changed.

`wrangler versions upload` (4.164.0) has no Durable Object migrations, and sets no triggers.
"""

from __future__ import annotations

from cfpy.account.owned.cron import Crons
from cfpy.account.owned.custom_domain import CustomDomains
from cfpy.account.owned.queue import ObservedQueue, Queue
from cfpy.account.owned.queue_consumer import QueueConsumers
from cfpy.account.owned.route import Routes
from cfpy.account.owned.workers_dev import Subdomains
from cfpy.account.plan import Plan
from cfpy.account.session import Session
from cfpy.account.traffic import first_end_it
from cfpy.bindings.environments import effective
from cfpy.errors import UsageError
from cfpy.tools.invocation import command

# What `wrangler versions deploy` does not set, but `wrangler triggers deploy` does.
_TRIGGERS = (Crons.name, CustomDomains.name, Routes.name, Subdomains.name, *Subdomains.parts)


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


def triggers_left(session: Session, plan: Plan) -> tuple[str, ...]:
    """The triggers that the account does not have as the configuration does, in one sentence."""
    left = [
        f"{item.kind} {item.name} ({item.reason})"
        for item in plan.deploys
        if item.kind in _TRIGGERS
    ]
    left += [f"{QueueConsumers.name} {name} (new)" for name in _unconsumed(session)]
    if not left:
        return ()
    after = command("wrangler", "triggers", "deploy")
    return (f"triggers stay as they are. After the rollout, {after} sets: {', '.join(left)}",)


def _unconsumed(session: Session) -> list[str]:
    wanted = [queue.name for queue in session.desired.all(Queue) if queue.consumed]
    found = session.observe().all(ObservedQueue) if wanted else {}
    worker = session.desired.worker
    return [name for name in wanted if name in found and worker not in found[name].consumers]


def refuse_breaking(session: Session, plan: Plan) -> None:
    """Refuse migrations that one of the versions of a rollout can't live with.

    Raises:
        UsageError: There are some, and a rollout is under way. Nothing was changed.
        CloudflareError: The account can't be read.
    """
    breaking = session.breaking(plan)
    newest = session.account.releases(plan.worker).newest() if breaking else None
    if newest and len(newest.shares) > 1:
        raise UsageError(
            f"a rollout is under way: {newest}. Its versions can't live with the pending "
            "migrations:\n" + "\n".join(breaking),
            hint=first_end_it(),
        )
