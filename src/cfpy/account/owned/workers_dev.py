"""The account's workers.dev subdomain, where a Worker without a route is reached.

Each deployment switches the Worker's own addresses there on or off (wrangler 4.164.0,
``subdomainDeploy``): that of the live version, and those of each version (preview URLs).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import DEPLOY, Drift
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.outside import NO_SUCH_WORKER, Answers, Reading, if_allowed, there
from cfpy.account.owned.routing import route_entries
from cfpy.account.plan import Action, Do
from cfpy.errors import CloudflareError


@dataclass(frozen=True)
class OnWorkersDev:
    """The Worker is wanted there."""


@dataclass(frozen=True)
class Addresses:
    """What the configuration sets; ``None`` where it sets nothing."""

    workers_dev: bool | None
    preview_urls: bool | None


@dataclass(frozen=True)
class LiveAddresses(Found):
    """What is on for the Worker, its ``id`` here."""

    kind = "addresses"
    workers_dev: bool
    preview_urls: bool


@dataclass(frozen=True)
class Subdomain(Found):
    """The account's subdomain: its ``id`` is ``test`` for ``test.workers.dev``."""

    kind = "workers_dev"


class Subdomains(OwnedKind):
    """Only the dashboard can register one."""

    name = "workers_dev"
    parts = ("preview_urls",)

    def wanted(self, scope: Scope) -> Iterator[OnWorkersDev | Addresses]:
        """As in wrangler: if there is no route, unless the configuration sets it."""
        said, previews = scope.inherited("workers_dev"), scope.inherited("preview_urls")
        if not route_entries(scope) if said is None else said:
            yield OnWorkersDev()
        if said is not None or previews is not None:
            yield Addresses(said, previews)

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        subdomain = reading.start(_subdomain) if desired.all(OnWorkersDev) else None
        # Also where the configuration sets nothing: then a deployment follows the routes.
        addresses = reading.start(_addresses, desired.worker)
        return lambda: (
            *(there([subdomain]) if subdomain else ()),
            *there([addresses]),
        )

    def plan(self, now: Comparison) -> Iterator[Action]:
        live = now.observed.get(LiveAddresses, now.desired.worker)
        if not now.desired.all(OnWorkersDev):
            if live and live.workers_dev:
                yield _switched(self.name, now.desired.worker, on=False)
        elif names := tuple(now.observed.all(Subdomain)):
            if live and not live.workers_dev:
                yield _switched(self.name, f"{names[0]}.workers.dev", on=True)
            else:
                yield Action(Do.KEEP, self.name, f"{names[0]}.workers.dev", "")
        else:
            reason = "the account has no workers.dev subdomain: open Workers in the dashboard once"
            reason += ", which registers one"
            yield Action(Do.CONFLICT, self.name, now.desired.worker, reason)
        for item in now.desired.all(Addresses):
            if live and item.preview_urls not in (None, live.preview_urls):
                yield _switched(self.parts[0], now.desired.worker, on=bool(item.preview_urls))

    def drift(self, now: Comparison) -> Iterator[Drift]:
        """Without the key, preview URLs follow workers.dev in a deployment (4.164.0,
        ``getSubdomainValuesAPIMock``)."""
        live = now.observed.get(LiveAddresses, now.desired.worker)
        explicit = any(i.preview_urls is not None for i in now.desired.all(Addresses))
        if live and not explicit and live.preview_urls != live.workers_dev:
            state = "on" if live.preview_urls else "off"
            value = str(live.preview_urls).lower()
            yield Drift(
                self.parts[0],
                now.desired.worker,
                f"preview URLs are {state}, and the configuration does not set them",
                f"Set `preview_urls` to {value} in the configuration.",
                DEPLOY,
            )


def _subdomain(reading: Reading) -> Subdomain | None:
    try:
        found = reading.api.get(reading.path("workers/subdomain"))["result"]["subdomain"]
    except CloudflareError as error:
        if error.api_code in NO_SUCH_WORKER:
            return None
        raise
    return Subdomain(str(found)) if found else None


def _switched(kind: str, name: str, *, on: bool) -> Action:
    now, then = ("off", "on") if on else ("on", "off")
    return Action(Do.DEPLOY, kind, name, f"{now} in the account: it is switched {then}")


def _addresses(reading: Reading, worker: str) -> LiveAddresses | None:
    path = reading.path(f"workers/scripts/{worker}/subdomain")
    page = if_allowed(lambda: reading.api.get(path), None)
    if page is None:
        return None
    found = page["result"]
    return LiveAddresses(worker, bool(found.get("enabled")), bool(found.get("previews_enabled")))
