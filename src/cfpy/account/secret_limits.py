"""When a secret can't be set, found before anything is changed.

A change of secrets makes a version of the latest code, and gives it all traffic. Cloudflare refuses
it while that code is not fully deployed (errors 10214 and 10215):
developers.cloudflare.com/workers/configuration/secrets.
"""

from __future__ import annotations

from cfpy.account.cloudflare import Account
from cfpy.account.owned.secret import WorkerSecrets
from cfpy.account.plan import Plan
from cfpy.account.traffic import first_end_it
from cfpy.errors import UsageError
from cfpy.tools.invocation import command

_UNCHANGED = "Nothing was changed."


def refused_secrets(account: Account, plan: Plan) -> UsageError | None:
    """Why the missing secrets of a plan can't be set; ``None`` if they can, or none is missing.

    Raises:
        CloudflareError: The account can't be read.
    """
    names = [item.name for item in plan.changes if item.kind == WorkerSecrets.name]
    if not names:
        return None
    releases = account.releases(plan.worker)
    newest = releases.newest()
    if newest is None:
        return None
    listed = ", ".join(names)
    if len(newest.shares) > 1:
        return UsageError(
            f"{listed}: a new secret would end the rollout that is under way: {newest}",
            hint=first_end_it(),
        )
    latest = next(iter(releases.versions()), None)
    if latest is None or latest.id in newest.shares:
        return None
    put = ("wrangler", "versions", "secret", "put", names[0], "--name", plan.worker)
    return UsageError(
        f"{listed}: Cloudflare takes no new secret while the last upload, version {latest.id}, is "
        f"not deployed: {newest}",
        hint=f"Keep it for the next deployment: {command(*put)}. Then deploy: "
        f"{command('deploy')}. {_UNCHANGED}",
    )
