"""Reads the resources of a Cloudflare account. It never writes: wrangler does.

wrangler takes a second of processor time to start, prints some lists as text and only the first
page of others. This module asks the API directly, for all kinds at once, with the token that
wrangler uses. Paths and shapes: developers.cloudflare.com/api.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from cfpy.account.cloudflare_client import CloudflareClient, documented
from cfpy.account.cloudflare_r2 import Buckets
from cfpy.account.live import is_stub, live_target
from cfpy.account.observed import Found, ObservedIndex, ObservedQueue, ObservedState
from cfpy.account.resources import D1Database, DesiredState
from cfpy.errors import CloudflareError, NotAuthenticatedError
from cfpy.project.project import MetadataIndex

_CONNECTIONS = 12
_SQL_FAILED = 7500
_NO_SUCH_WORKER = (10007, 10090)

_T = TypeVar("_T")


class Account:
    """An account, read with ``token``.

    Args:
        token: An API token, or an OAuth access token.
        account_id: The account; empty to use the only one to which the token has access.

    Raises:
        NotAuthenticatedError: The token has access to no account, or to several and none is chosen.
        UsageError: A variable for the API's address, a proxy or certificates can't be used.
        CloudflareError: The API can't be reached, or fails.
    """

    def __init__(self, token: str, account_id: str = "") -> None:
        self._api = CloudflareClient(token)
        #: The address of the API, for code that must ask the same one.
        self.address = self._api.address
        self.id = account_id or self._only_account()

    @documented()
    def observe(self, desired: DesiredState) -> ObservedState:
        """The existing resources of the kinds that ``desired`` uses.

        Raises:
            NotAuthenticatedError: The token is not valid, or has no permission.
            CloudflareError: The API can't be reached, or fails.
        """
        # All at once: the time for each answer is mostly the round trip.
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            r2 = Buckets(self._api, self.id)
            databases = pool.submit(_if(desired.databases, self._databases))
            applied = {
                item.binding: pool.submit(self._applied, item, databases)
                for item in desired.databases
                if item.migrations
            }
            namespaces = pool.submit(_if(desired.namespaces, self._namespaces))
            buckets = {item.name: pool.submit(r2.jurisdiction, item) for item in desired.buckets}
            where = {item.name: item.jurisdiction for item in desired.buckets}
            rules = {
                (kind, name): pool.submit(r2.rules, name, kind, where[name])
                for item in desired.bucket_settings
                for kind, wanted in (("cors", item.cors), ("lifecycle", item.lifecycle))
                if wanted and (name := item.bucket_name)
            }
            queues = pool.submit(_if(desired.queues, self._queues))
            indexes = {
                item.index_name: pool.submit(self._index, item.index_name)
                for item in desired.indexes
            }
            secrets = pool.submit(self._secrets, desired.worker)
            subdomain = pool.submit(self._subdomain if desired.workers_dev else str)
            domains = pool.submit(self._domains, desired.custom_domains)
            tag = pool.submit(
                self._migration_tag if desired.deleted_classes else str, desired.worker
            )
            return ObservedState(
                account_id=self.id,
                databases=databases.result(),
                applied=_there(applied),
                namespaces=namespaces.result(),
                buckets=_there(buckets),
                cors={
                    name: task.result() for (kind, name), task in rules.items() if kind == "cors"
                },
                lifecycle={
                    name: task.result() for (kind, name), task in rules.items() if kind != "cors"
                },
                queues=queues.result(),
                indexes=_there(indexes),
                secrets=secrets.result(),
                subdomain=subdomain.result(),
                domains=domains.result(),
                migration_tag=tag.result(),
            )

    @documented()
    def live_version(self, worker: str) -> str:
        """The version of a Worker with the most traffic; empty if there is none, or only the stub
        that the first secret of a Worker creates.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        try:
            page = self._api.get(self._path(f"workers/scripts/{worker}/deployments"))
        except CloudflareError as error:
            if error.api_code in _NO_SUCH_WORKER:
                return ""
            raise
        deployments = page["result"]["deployments"]
        if not deployments:
            return ""
        versions = sorted(deployments[0]["versions"], key=lambda item: -item["percentage"])
        version_id = str(versions[0]["version_id"])
        return "" if self._is_stub(worker, version_id) else version_id

    def _is_stub(self, worker: str, version_id: str) -> bool:
        page = self._api.get(self._path(f"workers/scripts/{worker}/versions/{version_id}"))
        return is_stub(page["result"])

    @documented()
    def dependents(self, worker: str) -> tuple[str, ...]:
        """The Workers that would break without ``worker``: without a terminal to ask on, wrangler
        deletes it anyway.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        path = self._path(f"workers/scripts/{worker}/references")
        found = self._api.get(path)["result"]
        names = [item.get("name") for item in (found.get("services") or {}).get("incoming") or []]
        for kind in ("durable_objects", "dispatch_outbounds"):
            names += [item.get("service") for item in found.get(kind) or []]
        tails = self._api.get(self._path(f"workers/tails/by-consumer/{worker}"))["result"]
        names += [item["producer"].get("script") or item["producer"].get("name") for item in tails]
        if (found.get("services") or {}).get("pages_function"):
            names.append("a Pages project")
        return tuple(sorted({str(name) for name in names if name and name != worker}))

    @documented()
    def bindings(self, worker: str) -> dict[str, str]:
        """The bindings of the live version: kind and target by binding name.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        page = self._api.get(self._path(f"workers/scripts/{worker}/settings"))
        return {item["name"]: live_target(item) for item in page["result"].get("bindings") or []}

    @documented()
    def users(self, worker: str) -> dict[str, tuple[str, ...]]:
        """The Workers other than ``worker`` that are bound to a resource, by its name in
        :func:`cfpy.account.live.live_target`. Sends one request for each Worker of the account.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        listed = self._api.get(self._path("workers/scripts"))["result"]
        names = sorted({str(item["id"]) for item in listed} - {worker})
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            bound = list(pool.map(self._bindings_if_there, names))
        found: dict[str, tuple[str, ...]] = {}
        for name, targets in zip(names, bound, strict=True):
            for target in set(targets.values()):
                found[target] = (*found.get(target, ()), name)
        return found

    def _bindings_if_there(self, worker: str) -> dict[str, str]:
        try:
            return self.bindings(worker)
        except CloudflareError as error:
            if error.api_code in _NO_SUCH_WORKER or error.status == 404:
                return {}
            raise

    @documented()
    def _only_account(self) -> str:
        accounts: dict[str, str] = {i["id"]: i["name"] for i in self._api.pages("accounts")}
        if len(accounts) == 1:
            return next(iter(accounts))
        if not accounts:
            raise NotAuthenticatedError(
                "this token has access to no account",
                hint="Give it the permission Account Settings: Read, or set CLOUDFLARE_ACCOUNT_ID.",
            )
        listed = ", ".join(f"{name} ({id_})" for id_, name in accounts.items())
        raise NotAuthenticatedError(
            f"this login has access to several accounts: {listed}",
            hint="Set account_id in wrangler.toml, or CLOUDFLARE_ACCOUNT_ID.",
        )

    def _databases(self) -> dict[str, Found]:
        return {
            item["uuid"]: Found(item["name"], _jurisdiction(item))
            for item in self._api.pages(self._path("d1/database"))
        }

    def _namespaces(self) -> dict[str, Found]:
        return {
            item["id"]: Found(item["title"], _jurisdiction(item))
            for item in self._api.pages(self._path("storage/kv/namespaces"))
        }

    def _queues(self) -> dict[str, ObservedQueue]:
        return {
            item["queue_name"]: ObservedQueue(
                _workers(item.get("consumers") or ()),
                _workers(item.get("producers") or ()),
                _jurisdiction(item),
            )
            for item in self._api.pages(self._path("queues"))
        }

    def _subdomain(self) -> str:
        """The account's workers.dev subdomain; empty if it has none yet."""
        try:
            return str(self._api.get(self._path("workers/subdomain"))["result"]["subdomain"])
        except CloudflareError as error:
            if error.api_code in _NO_SUCH_WORKER:
                return ""
            raise

    def _domains(self, hosts: Iterable[str]) -> dict[str, str]:
        """The Workers that have ``hosts`` as custom domains."""
        path = self._path("workers/domains")
        found = [item for host in hosts for item in self._api.get(path, hostname=host)["result"]]
        return {str(item["hostname"]): str(item["service"]) for item in found}

    def _migration_tag(self, worker: str) -> str:
        """The last migration of a Worker's Durable Objects; empty if it had none."""
        try:
            found = self._api.get(self._path(f"workers/services/{worker}"))["result"]
        except CloudflareError as error:
            if error.api_code in _NO_SUCH_WORKER:
                return ""
            raise
        return str(found["default_environment"]["script"].get("migration_tag") or "")

    def _index(self, name: str) -> ObservedIndex | None:
        """An index and its metadata indexes, requested in parallel."""
        path = self._path(f"vectorize/v2/indexes/{name}")
        with ThreadPoolExecutor(1) as pool:
            listed = pool.submit(self._api.get, f"{path}/metadata_index/list")
            try:
                config = self._api.get(path)["result"]["config"]
                found = listed.result()["result"]["metadataIndexes"]
            except CloudflareError as error:
                if error.status in (404, 410):
                    return None
                raise
        metadata = frozenset(
            MetadataIndex(item["propertyName"], item["indexType"].lower()) for item in found
        )
        return ObservedIndex(config["dimensions"], config["metric"], metadata)

    def _secrets(self, worker: str) -> frozenset[str] | None:
        try:
            page = self._api.get(self._path(f"workers/scripts/{worker}/secrets"))
        except CloudflareError as error:
            if error.api_code in _NO_SUCH_WORKER:
                return None
            raise
        return frozenset(item["name"] for item in page["result"])

    def _applied(
        self, database: D1Database, databases: Future[dict[str, Found]]
    ) -> frozenset[str] | None:
        """The applied migrations of a database; ``None`` if there is no such database.

        Its id may be in wrangler.toml; otherwise it waits for the list of databases.
        """
        database_id = database.id or next(
            (id_ for id_, item in databases.result().items() if item.name == database.name), ""
        )
        if not database_id:
            return None
        table = database.migrations_table.replace('"', '""')
        listed = f'SELECT name FROM "{table}"'  # noqa: S608 (an identifier, quoted)
        path = self._path(f"d1/database/{database_id}/query")
        try:
            answer = self._api.request("POST", path, json={"sql": listed})
        except (CloudflareError, NotAuthenticatedError) as error:
            # The id of another account, or no valid id: the plan reports it.
            if database_id not in databases.result():
                return None
            if isinstance(error, NotAuthenticatedError):
                raise
            if error.status == 404:
                return None
            # Before the first migration, the table of migrations does not exist.
            if error.api_code == _SQL_FAILED and "no such table" in error.message:
                return frozenset()
            raise
        return frozenset(row["name"] for row in answer["result"][0]["results"])

    def _path(self, rest: str) -> str:
        return f"accounts/{self.id}/{rest}"


def _workers(ends: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The Workers at one end of a queue; the API has three names for the same thing."""
    names = (i.get("script") or i.get("script_name") or i.get("service") for i in ends)
    return frozenset(str(name) for name in names if name)


def _jurisdiction(item: Mapping[str, Any]) -> str | None:
    """The jurisdiction of a database, a namespace or a queue; ``None`` if the API does not return
    it."""
    return str(item["jurisdiction"] or "") if "jurisdiction" in item else None


def _there(tasks: Mapping[str, Future[_T | None]]) -> dict[str, _T]:
    """The results, by name."""
    done = {name: task.result() for name, task in tasks.items()}
    return {name: found for name, found in done.items() if found is not None}


def _if(wanted: object, read: Callable[[], Any]) -> Callable[[], Any]:
    """``read``, or a function that returns nothing if the project does not use its kind."""
    return read if wanted else dict
