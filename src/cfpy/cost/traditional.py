"""The same workload on rented servers, by assumptions that users can change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from cfpy.cost.pricing import DAYS, Usage

#: Assumptions that something is divided by.
DIVISORS = frozenset(
    {
        *("app_requests_per_second", "database_gb", "worker_jobs_per_second"),
        *("vectors_per_server", "gpu_tokens_per_second"),
    }
)
_SECONDS = Decimal(DAYS * 86_400)
_HOURS = DAYS * 24


@dataclass(frozen=True)
class Assumption:
    """``value`` is in the unit that ``what`` names; prices are in US dollars a month."""

    name: str
    value: Decimal
    what: str


@dataclass(frozen=True)
class Rented:
    """``count`` items, at ``each`` US dollars a month."""

    what: str
    count: Decimal
    each: Decimal

    @property
    def cost(self) -> Decimal:
        return self.count * self.each


def rented(
    given: Mapping[str, Assumption],
    *,
    requests: Decimal,
    usage: Usage,
    vectors: Decimal,
    tokens: Decimal,
) -> tuple[Rented, ...]:
    """The servers and services for the work of a month.

    Args:
        given: The assumptions by name, from ``traditional.toml``.
        requests: The requests of clients in a month.
        usage: The usage by Cloudflare's meters, for everything besides requests.
        vectors: The number of vectors that are searched.
        tokens: The tokens that models read and write in a month.
    """
    return tuple(_rented(given, requests, usage, vectors, tokens))


def _rented(
    given: Mapping[str, Assumption],
    requests: Decimal,
    usage: Usage,
    vectors: Decimal,
    tokens: Decimal,
) -> Iterator[Rented]:
    def value(name: str) -> Decimal:
        return given[name].value

    def busiest(amount: Decimal) -> Decimal:
        return amount / _SECONDS * value("peak_to_average")

    servers = _up(busiest(requests) / value("app_requests_per_second"))
    servers = max(servers, value("app_servers_at_least"))
    yield Rented("application servers", servers, value("app_server"))
    yield Rented("load balancer", Decimal(1), value("load_balancer"))
    if any(meter.startswith("d1.") for meter in usage):
        databases = _up(usage.get("d1.storage", Decimal(0)) / value("database_gb"))
        yield Rented("PostgreSQL", max(databases, Decimal(1)), value("database"))
    jobs = usage.get("queues.operations", Decimal(0)) / 3
    if jobs or any(meter.startswith("kv.") for meter in usage):
        yield Rented("Redis or Valkey", Decimal(1), value("cache"))
    if jobs:
        workers = _up(busiest(jobs) / value("worker_jobs_per_second"))
        yield Rented("servers for background work", workers, value("worker_server"))
    if "r2.storage" in usage:
        more = max(usage["r2.storage"] - 250, Decimal(0)) * value("object_storage_gb")
        yield Rented("object storage", Decimal(1), value("object_storage") + more)
    if vectors:
        stores = _up(vectors / value("vectors_per_server"))
        yield Rented("vector database", stores, value("vector_server"))
    if tokens:
        gpus = _up(busiest(tokens) / value("gpu_tokens_per_second"))
        yield Rented("GPU servers", gpus, value("gpu_hour") * _HOURS)


def _up(value: Decimal) -> Decimal:
    return value.to_integral_value(ROUND_CEILING)
