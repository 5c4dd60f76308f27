"""The account's workers.dev subdomain, where a Worker without a route is reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.outside import NO_SUCH_WORKER, Answers, Reading, nothing, there
from cfpy.account.plan import Action, Do
from cfpy.errors import CloudflareError


@dataclass(frozen=True)
class OnWorkersDev:
    """The Worker is wanted there."""


@dataclass(frozen=True)
class Subdomain(Found):
    """The account's subdomain: its ``id`` is ``test`` for ``test.workers.dev``."""

    kind = "workers_dev"


class Subdomains(OwnedKind):
    """Only the dashboard can register one."""

    name = "workers_dev"

    def wanted(self, scope: Scope) -> Iterator[OnWorkersDev]:
        """As in wrangler: if there is no route, unless the configuration says otherwise."""
        routes = [scope.inherited(key) for key in ("route", "routes")]
        said = scope.inherited("workers_dev")
        if not any(routes) if said is None else said:
            yield OnWorkersDev()

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        if not desired.all(OnWorkersDev):
            return nothing
        task = reading.start(_subdomain)
        return lambda: there([task])

    def plan(self, now: Comparison) -> Iterator[Action]:
        if not now.desired.all(OnWorkersDev):
            return
        if names := tuple(now.observed.all(Subdomain)):
            yield Action(Do.KEEP, self.name, f"{names[0]}.workers.dev", "")
        else:
            reason = "the account has no workers.dev subdomain: open Workers in the dashboard once"
            reason += ", which registers one"
            yield Action(Do.CONFLICT, self.name, now.desired.worker, reason)


def _subdomain(reading: Reading) -> Subdomain | None:
    try:
        found = reading.api.get(reading.path("workers/subdomain"))["result"]["subdomain"]
    except CloudflareError as error:
        if error.api_code in NO_SUCH_WORKER:
            return None
        raise
    return Subdomain(str(found)) if found else None
