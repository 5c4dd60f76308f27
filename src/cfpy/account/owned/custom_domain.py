"""Custom domains of the Worker.

wrangler sets them in a deployment (4.164.0, ``publishCustomDomains``). Without a terminal, it takes
a host from another Worker, and replaces its DNS record, without a question. If the configuration
has any custom domain, a deployment detaches the Worker's others, and deletes their DNS records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cfpy.account.comparison import Comparison, Removal
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import Drift
from cfpy.account.observed import Found
from cfpy.account.owned.going import Following
from cfpy.account.owned.outside import Answers, Reading, if_allowed, nothing
from cfpy.account.owned.routing import route_entries
from cfpy.account.plan import Action, Do

_DASHBOARD = "in the dashboard, under Domains & Routes of the Worker's settings"


@dataclass(frozen=True)
class CustomDomain:
    """A host at which the Worker is wanted. ``zone_id`` and ``zone_name`` are empty where the
    configuration does not name the zone."""

    host: str
    zone_id: str = ""
    zone_name: str = ""


@dataclass(frozen=True)
class TakenDomain(Found):
    """A host, its ``id``, and the Worker that has it as a custom domain now."""

    kind = "custom_domain"
    worker: str


@dataclass(frozen=True)
class FreeHost(Found):
    """A host, its ``id``, that is no custom domain; ``record`` is whether it has a DNS record."""

    kind = "free_host"
    record: bool


class CustomDomains(Following):
    name = "custom_domain"

    def wanted(self, scope: Scope) -> Iterator[CustomDomain]:
        hosts = {i.pattern: i for i in route_entries(scope) if i.custom_domain}
        for host, item in sorted(hosts.items()):
            yield CustomDomain(host, item.zone_id, item.zone_name)

    def names(self, desired: DesiredState) -> list[str]:
        return [item.host for item in desired.all(CustomDomain)]

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        wanted = desired.all(CustomDomain)
        if not wanted and not reading.thorough:
            return nothing
        return reading.start(_domains, wanted, desired.worker).result

    def plan(self, now: Comparison) -> Iterator[Action]:
        worker, wanted = now.desired.worker, self.names(now.desired)
        for host in wanted:
            taken, free = now.observed.get(TakenDomain, host), now.observed.get(FreeHost, host)
            if taken and taken.worker == worker:
                yield Action(Do.KEEP, self.name, host, "", id=host)
            elif taken:
                reason = f"taken from the Worker {taken.worker}"
                yield Action(Do.DEPLOY, self.name, host, reason)
            elif free and free.record:
                reason = "the zone has a DNS record for it, which a deployment would replace: "
                reason += "delete the record in the dashboard first, or use another host"
                yield Action(Do.CONFLICT, self.name, host, reason)
            else:
                yield Action(Do.DEPLOY, self.name, host, "new")
        for host in self._others(now) if wanted else ():
            reason = "not in the configuration: it is detached, and its DNS record deleted"
            yield Action(Do.DEPLOY, self.name, host, reason, id=host)

    def notices(self, now: Comparison) -> Iterator[str]:
        for host in self.names(now.desired):
            taken = now.observed.get(TakenDomain, host)
            if taken is None and now.observed.get(FreeHost, host) is None:
                yield (
                    f"{host} becomes a custom domain of {now.desired.worker}: a deployment "
                    "replaces the DNS record that it has, if any"
                )
            elif taken and taken.worker != now.desired.worker:
                yield (
                    f"{host} is a custom domain of the Worker {taken.worker}: a deployment takes "
                    "it over"
                )

    def drift(self, now: Comparison) -> Iterator[Drift]:
        """A deployment without any custom domain leaves those of the Worker as they are."""
        for host in () if self.names(now.desired) else self._others(now):
            yield Drift(
                self.name,
                host,
                f"{host} is a custom domain of the Worker, and the configuration has none",
                f'Add {{ pattern = "{host}", custom_domain = true }} to `routes` in the '
                "configuration.",
                f"Remove it {_DASHBOARD}.",
            )

    def goes(self, now: Removal) -> list[str]:
        found = now.observed.all(TakenDomain).values()
        return sorted(item.id for item in found if item.worker == now.desired.worker)

    def where(self) -> str:
        return _DASHBOARD

    def adopts(self, now: Comparison, action: Action) -> str:
        del now
        entry = f'{{ pattern = "{action.name}", custom_domain = true }}'
        do = f"Add {entry} to" if action.id else f"Remove {entry} from"
        return f"{do} `routes` in the configuration."

    def _others(self, now: Comparison) -> list[str]:
        wanted, worker = self.names(now.desired), now.desired.worker
        found = now.observed.all(TakenDomain).values()
        return sorted(i.id for i in found if i.worker == worker and i.id not in wanted)


def _domains(reading: Reading, wanted: Sequence[CustomDomain], worker: str) -> list[Found]:
    path = reading.path("workers/domains")
    pages = [reading.api.get(path, hostname=item.host) for item in wanted]
    pages.append(reading.api.get(path, service=worker))
    found = {str(i["hostname"]): str(i["service"]) for page in pages for i in page["result"]}
    taken = [TakenDomain(host, owner) for host, owner in found.items()]
    if all(item.host in found for item in wanted):
        return list(taken)
    return [*taken, *(i for i in _free(reading, wanted, worker) if i.id not in found)]


def _free(reading: Reading, hosts: Sequence[CustomDomain], worker: str) -> list[FreeHost]:
    """What wrangler itself asks before it sets custom domains on a terminal: it changes nothing.
    Nothing is known if there is no Worker yet, or the token may not ask."""
    origins = [
        {"hostname": item.host}
        | ({"zone_id": item.zone_id} if item.zone_id else {})
        | ({"zone_name": item.zone_name} if item.zone_name else {})
        for item in hosts
    ]
    path = reading.path(f"workers/scripts/{worker}/domains/changeset?replace_state=true")
    page = if_allowed(lambda: reading.api.request("POST", path, json=origins), None)
    if page is None:
        return []
    changes = page["result"]
    conflicts = {str(item["hostname"]) for item in changes.get("conflicting") or ()}
    known = {str(item["hostname"]) for item in changes.get("added") or ()} | conflicts
    return [FreeHost(host, host in conflicts) for host in sorted(known)]
