"""Reads the resources of a Cloudflare account. It never writes: wrangler does.

wrangler takes a second of processor time to start, prints some lists as text and only the first
page of others. This module asks the API directly, for all kinds at once, with the token that
wrangler uses. Paths and shapes: developers.cloudflare.com/api.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cfpy.account.account_data import AccountData
from cfpy.account.cloudflare_client import CloudflareClient, documented
from cfpy.account.desired import DesiredState
from cfpy.account.error_rates import ErrorRates
from cfpy.account.live import live_target
from cfpy.account.observed import ObservedState
from cfpy.account.owned.outside import NO_SUCH_WORKER, Reading, if_allowed
from cfpy.account.owned.registry import KINDS
from cfpy.account.releases import Releases
from cfpy.account.token_check import TokenView
from cfpy.errors import CloudflareError, NotAuthenticatedError
from cfpy.project.sql_statements import quoted

_CONNECTIONS = 12


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

    @property
    def data(self) -> AccountData:
        """What its resources hold."""
        return AccountData(self._api, self.id)

    @documented()
    def observe(self, desired: DesiredState, *, thorough: bool = False) -> ObservedState:
        """What the account has of the kinds that ``desired`` uses; with ``thorough`` also what
        leads to the Worker, or changes it, and is not in the configuration.

        Raises:
            NotAuthenticatedError: The token is not valid, or has no permission.
            CloudflareError: The API can't be reached, or fails.
        """
        # All at once: the time for each answer is mostly the round trip.
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            reading = Reading(self._api, self.id, pool, thorough)
            answers = [kind.read(reading, desired) for kind in KINDS]
            return ObservedState.of(self.id, (item for wait in answers for item in wait()))

    def releases(self, worker: str) -> Releases:
        """The versions and deployments of a Worker."""
        return Releases(self._api, self.id, worker)

    def error_rates(self, worker: str) -> ErrorRates:
        """How often the versions of a Worker fail."""
        return ErrorRates(self._api, self.id, worker)

    def live_version(self, worker: str) -> str:
        """The version of a Worker with the most traffic; empty if :meth:`live_shares` is.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        return next(iter(self.live_shares(worker)), "")

    @documented()
    def live_shares(self, worker: str) -> dict[str, float]:
        """The percentage of the traffic that each live version of a Worker has, the most first;
        empty if there is none, or only the stub that the first secret of a Worker creates.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        newest = next(iter(self.releases(worker).all()), None)
        shares = newest.shares if newest else {}
        return dict(sorted(shares.items(), key=lambda share: -share[1]))

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
        names = sorted(set(self.workers()) - {worker})
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            bound = list(pool.map(self._bindings_if_there, names))
        found: dict[str, tuple[str, ...]] = {}
        for name, targets in zip(names, bound, strict=True):
            for target in set(targets.values()):
                found[target] = (*found.get(target, ()), name)
        return found

    @documented()
    def workers(self) -> tuple[str, ...]:
        """The names of the account's Workers.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        listed = self._api.get(self._path("workers/scripts"))["result"]
        return tuple(str(item["id"]) for item in listed)

    @documented()
    def subdomain(self) -> str:
        """The account's subdomain of workers.dev; empty if it has none.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        try:
            page = self._api.get(self._path("workers/subdomain"))
        except CloudflareError as error:
            if error.api_code in NO_SUCH_WORKER:
                return ""
            raise
        return str(page["result"]["subdomain"] or "")

    @documented()
    def variables(self, worker: str) -> dict[str, str]:
        """The variables of the live version that are text; empty if there is no such Worker.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        try:
            page = self._api.get(self._path(f"workers/scripts/{worker}/settings"))
        except CloudflareError as error:
            if error.api_code in NO_SUCH_WORKER or error.status == 404:
                return {}
            raise
        found = page["result"].get("bindings") or []
        return {item["name"]: item["text"] for item in found if item["type"] == "plain_text"}

    @documented()
    def migrations_since(self, database: str, table: str, moment: str) -> dict[str, str]:
        """The migrations that a database has had after ``moment``, with the time of each, as in
        SQLite's CURRENT_TIMESTAMP: ``2026-11-26 12:00:00``, in UTC.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        sql = f"SELECT name, applied_at FROM {quoted(table)} WHERE applied_at > ? ORDER BY id"  # noqa: S608 (an identifier, quoted)
        rows = self.data.query(database, sql, [moment])
        return {row["name"]: row["applied_at"] for row in rows}

    def _bindings_if_there(self, worker: str) -> dict[str, str]:
        try:
            return self.bindings(worker)
        except CloudflareError as error:
            if error.api_code in NO_SUCH_WORKER or error.status == 404:
                return {}
            raise

    @documented()
    def token(self) -> TokenView:
        """What the API shows about the token itself.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        for owner in ("user", f"accounts/{self.id}"):
            known = self._if_allowed(f"{owner}/tokens/verify")
            if known is not None:
                shown = self._if_allowed(f"{owner}/tokens/{known['result']['id']}")
                found = tuple(shown["result"]["policies"]) if shown else None
                return TokenView(is_token=True, policies=found)
        return TokenView(is_token=False)

    def may_read(self, path: str) -> bool:
        """Whether the token may read a list in the account.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        return self._if_allowed(self._path(path)) is not None

    def _if_allowed(self, path: str) -> Any:
        return if_allowed(lambda: self._api.get(path), None)

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
            hint="Set account_id in the configuration, or CLOUDFLARE_ACCOUNT_ID.",
        )

    def _path(self, rest: str) -> str:
        return f"accounts/{self.id}/{rest}"
