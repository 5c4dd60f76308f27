"""Custom domains of the Worker. A deployment creates them, or takes them from another Worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.outside import Answers, Reading, nothing


@dataclass(frozen=True)
class CustomDomain:
    """A host at which the Worker is wanted."""

    host: str


@dataclass(frozen=True)
class TakenDomain(Found):
    """A host, its ``id``, and the Worker that has it as a custom domain now."""

    kind = "custom_domain"
    worker: str


class CustomDomains(OwnedKind):
    name = "custom_domain"

    def wanted(self, scope: Scope) -> Iterator[CustomDomain]:
        several = scope.inherited("routes")
        routes = [scope.inherited("route"), *(several if isinstance(several, list) else ())]
        hosts = {
            str(item.get("pattern"))
            for item in routes
            if isinstance(item, Mapping) and item.get("custom_domain")
        }
        yield from map(CustomDomain, sorted(hosts))

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        hosts = [item.host for item in desired.all(CustomDomain)]
        return reading.start(_taken, hosts).result if hosts else nothing

    def notices(self, now: Comparison) -> Iterator[str]:
        for host in (item.host for item in now.desired.all(CustomDomain)):
            taken = now.observed.get(TakenDomain, host)
            if taken is None:
                yield (
                    f"{host} becomes a custom domain of {now.desired.worker}: a deployment "
                    "replaces the DNS record that it has, if any"
                )
            elif taken.worker != now.desired.worker:
                yield (
                    f"{host} is a custom domain of the Worker {taken.worker}: a deployment takes "
                    "it over"
                )


def _taken(reading: Reading, hosts: list[str]) -> list[TakenDomain]:
    path = reading.path("workers/domains")
    found = [item for host in hosts for item in reading.api.get(path, hostname=host)["result"]]
    return [TakenDomain(str(item["hostname"]), str(item["service"])) for item in found]
