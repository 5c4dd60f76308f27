"""The Access application in front of a Worker that checks its tokens.

cfpy does not create it: who may come in is for people to decide, in the dashboard. Where things are
there: developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/
self-hosted-public-app, and for workers.dev developers.cloudflare.com/changelog/
2025-10-03-one-click-access-for-workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cfpy.account.comparison import Comparison
from cfpy.account.desired import Scope
from cfpy.account.owned.custom_domain import CustomDomain
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.workers_dev import OnWorkersDev, Subdomain

_VARIABLES = ("ACCESS_TEAM_DOMAIN", "ACCESS_AUD")


@dataclass(frozen=True)
class AccessApplication:
    """The Worker checks the tokens of one; ``missing`` are the variables without a value."""

    missing: tuple[str, ...]


class AccessApplications(OwnedKind):
    """Neither read nor changed: only a notice for as long as the Worker does not know its own."""

    name = "access_application"

    def wanted(self, scope: Scope) -> Iterator[AccessApplication]:
        found = scope.tables.get("vars")
        variables = found if isinstance(found, Mapping) else {}
        if variables.keys() >= set(_VARIABLES):
            yield AccessApplication(tuple(name for name in _VARIABLES if not variables[name]))

    def notices(self, now: Comparison) -> Iterator[str]:
        for item in now.desired.all(AccessApplication):
            if item.missing:
                yield (
                    f"the Worker refuses everybody while {' and '.join(item.missing)} "
                    f"{'is' if len(item.missing) == 1 else 'are'} empty. In the dashboard, "
                    f"{'; and '.join(_ways(now))}. Give it a policy with the action Allow for "
                    "people, and one with Service Auth for service tokens. Copy its Application "
                    "Audience (AUD) Tag into ACCESS_AUD, and the domain of your team, "
                    "TEAM.cloudflareaccess.com, into ACCESS_TEAM_DOMAIN. Then deploy"
                )


def _ways(now: Comparison) -> Iterator[str]:
    """How to put Access in front of each address of the Worker, as far as the configuration and the
    account tell."""
    on_workers_dev = now.desired.all(OnWorkersDev)
    if on_workers_dev:
        names = tuple(now.observed.all(Subdomain)) or ("SUBDOMAIN",)
        address = f"{now.desired.worker}.{names[0]}.workers.dev"
        yield (
            f"under Workers & Pages, {now.desired.worker}, Settings, Domains & Routes, enable "
            f"Cloudflare Access for {address}"
        )
    hosts = " and ".join(item.host for item in now.desired.all(CustomDomain))
    if hosts or not on_workers_dev:
        yield (
            "under Zero Trust, Access controls, Applications, create a self-hosted application "
            f"with the public hostname {hosts or 'of the routes'} and no path"
        )
