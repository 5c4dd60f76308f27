"""The stand-in's zones, routes, custom domains, schedules, tail consumers and tokens.

Import it through :mod:`cloudflare_api`. Paths and shapes: developers.cloudflare.com/api; the PUT of
routes and domains, and the changeset, as wrangler 4.164.0 sends them (its publish-routes.ts).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cloudflare_api as main

if TYPE_CHECKING:
    from cloudflare_api import CloudflareApi

TOKEN_ID = "ed17574386854bf78a67040be0a770b0"
Answer = dict[str, Any]


@dataclass
class Zones:
    """What is outside of the Workers themselves, and leads to them."""

    # Ids of zones by name. A token sees only those of its own.
    names: dict[str, str] = field(default_factory=dict)
    # By id of a zone, then by pattern: the Worker that a route leads to, empty for none.
    routes: dict[str, dict[str, str]] = field(default_factory=dict)
    # Hosts that have a DNS record, which is none of a custom domain.
    records: set[str] = field(default_factory=set)
    # By Worker.
    schedules: dict[str, list[str]] = field(default_factory=dict)
    tails: dict[str, list[str]] = field(default_factory=dict)
    on_workers_dev: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    # By queue, and by consumer's queue.
    queue_settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    consumer_settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    dead_letters: dict[str, str] = field(default_factory=dict)
    # The source of a Worker's live deployment, and the runtime's settings of its upload.
    sources: dict[str, str] = field(default_factory=dict)
    runtimes: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Zones whose routes the token may not read; all of them: it may not use the account's list.
    hidden: set[str] = field(default_factory=set)
    all_zones: bool = True
    # The token's policies; None if it may not read itself. "user" or "account": who owns it.
    policies: list[Any] | None = None
    owner: str = "user"

    def handlers(self, api: CloudflareApi) -> dict[str, Callable[..., Answer]]:
        """The routes of this part, as in :meth:`CloudflareApi._routes`."""
        account = f"accounts/{main.ACCOUNT}"
        script = f"{account}/workers/scripts/([^/]+)"

        def bound(handle: Callable[..., Answer]) -> Callable[..., Answer]:
            return lambda query, body, *names: handle(api, query, body, *names)

        return {
            "GET user/tokens/verify": bound(self._verify_user),
            f"GET {account}/tokens/verify": bound(self._verify_account),
            "GET user/tokens/([^/]+)": bound(self._token),
            f"GET {account}/tokens/([^/]+)": bound(self._token),
            "GET zones": bound(self._zones),
            "GET zones/([^/]+)/workers/routes": bound(self._zone_routes),
            "POST zones/([^/]+)/workers/routes": bound(self._add_route),
            f"GET {account}/workers/services/([^/]+)/environments/production/routes": bound(
                self._routes_of
            ),
            f"PUT {script}/routes": bound(self._put_routes),
            f"GET {account}/workers/domains": bound(self._domains),
            f"POST {script}/domains/changeset": bound(self._changeset),
            f"PUT {script}/domains/records": bound(self._put_domains),
            f"GET {script}/schedules": bound(self._schedules),
            f"PUT {script}/schedules": bound(self._put_schedules),
            f"GET {script}/subdomain": bound(self._subdomain),
            f"POST {script}/subdomain": bound(self._put_subdomain),
            f"GET {script}/script-settings": bound(self._script_settings),
        }

    def forget(self, api: CloudflareApi, worker: str) -> None:
        """What goes with a Worker."""
        for routes in self.routes.values():
            for pattern in [pattern for pattern, to in routes.items() if to == worker]:
                del routes[pattern]
        for host in [host for host, to in api.domains.items() if to == worker]:
            del api.domains[host]
        for kind in (self.schedules, self.tails, self.on_workers_dev, self.sources, self.runtimes):
            kind.pop(worker, None)

    def uploaded(self, worker: str, metadata: dict[str, Any]) -> None:
        """Keep what an upload says beside its bindings."""
        keys = ("compatibility_date", "compatibility_flags")
        self.runtimes[worker] = {key: metadata[key] for key in keys if key in metadata}
        self.sources[worker] = "wrangler"
        if "tail_consumers" in metadata:
            self.tails[worker] = [item["service"] for item in metadata["tail_consumers"]]

    # Tokens.

    def _verified(self, owner: str) -> Answer:
        if self.owner != owner:
            raise main.RefusedError(401, 1000, "Invalid API Token")
        return {"result": {"id": TOKEN_ID, "status": "active"}}

    def _verify_user(self, _api: CloudflareApi, query: dict[str, str], _body: Any) -> Answer:
        main.check(query, set())
        return self._verified("user")

    def _verify_account(self, _api: CloudflareApi, query: dict[str, str], _body: Any) -> Answer:
        main.check(query, set())
        return self._verified("account")

    def _token(self, _api: CloudflareApi, query: dict[str, str], _body: Any, token: str) -> Answer:
        main.check(query, set())
        if self.policies is None or token != TOKEN_ID:
            raise main.RefusedError(403, 9109, "Unauthorized to access requested resource")
        return {"result": {"id": token, "status": "active", "policies": self.policies}}

    # Zones and routes.

    def _zones(self, _api: CloudflareApi, query: dict[str, str], _body: Any) -> Answer:
        main.check(query, {"name", "account.id", "page", "per_page"})
        wanted = query.get("name")
        found = [(name, id_) for name, id_ in self.names.items() if wanted in (None, name)]
        return {"result": [{"id": id_, "name": name} for name, id_ in found]}

    def _zone(self, id_: str) -> dict[str, str]:
        if id_ in self.hidden or id_ not in self.names.values():
            raise main.RefusedError(403, 10000, "Authentication error")
        return self.routes.setdefault(id_, {})

    def _zone_routes(
        self, _api: CloudflareApi, query: dict[str, str], _body: Any, zone: str
    ) -> Answer:
        main.check(query, {"page", "per_page"})
        return {"result": [_route(zone, *item) for item in self._zone(zone).items()]}

    def _add_route(
        self, api: CloudflareApi, _query: dict[str, str], body: Any, zone: str
    ) -> Answer:
        given = main.only(body, {"pattern": str, "script": str})
        api._script(given["script"])
        routes = self._zone(zone)
        if given["pattern"] in routes:
            raise main.RefusedError(409, 10020, "A route with the same pattern already exists.")
        routes[given["pattern"]] = given["script"]
        return {"result": _route(zone, given["pattern"], given["script"])}

    def _routes_of(
        self, api: CloudflareApi, query: dict[str, str], _body: Any, worker: str
    ) -> Answer:
        main.check(query, {"show_zonename"})
        api._script(worker)
        found = [
            {**_route(id_, pattern, worker), "zone_name": name}
            for name, id_ in self.names.items()
            for pattern, to in self.routes.get(id_, {}).items()
            if to == worker
        ]
        return {"result": found}

    def _put_routes(
        self, api: CloudflareApi, _query: dict[str, str], body: Any, worker: str
    ) -> Answer:
        """Replaces all routes of a Worker, in all zones."""
        api._script(worker)
        if not self.all_zones:
            raise main.RefusedError(403, 10000, "Authentication error")
        wanted = {item["pattern"]: self._home(item) for item in body}
        for pattern, zone in wanted.items():
            if self.routes.get(zone, {}).get(pattern, worker) != worker:
                raise main.RefusedError(409, 10020, "A route with the same pattern already exists.")
        for routes in self.routes.values():
            for pattern in [pattern for pattern, to in routes.items() if to == worker]:
                del routes[pattern]
        for pattern, zone in wanted.items():
            self.routes.setdefault(zone, {})[pattern] = worker
        return {"result": [{"pattern": pattern} for pattern in wanted]}

    def _home(self, item: dict[str, Any]) -> str:
        """The zone of a route or a domain."""
        if zone_id := item.get("zone_id"):
            return str(zone_id)
        host = str(item.get("zone_name") or item.get("hostname") or item["pattern"])
        host = host.partition("/")[0].replace("*.", "").replace("*", "")
        for name, id_ in self.names.items():
            if host == name or host.endswith(f".{name}"):
                return id_
        raise main.RefusedError(400, 10022, f"Could not find zone for {host}")

    # Custom domains.

    def _domains(self, api: CloudflareApi, query: dict[str, str], _body: Any) -> Answer:
        main.check(query, {"hostname", "service"})
        found = [
            {"id": f"d-{host}", "hostname": host, "service": worker, "environment": "production"}
            for host, worker in api.domains.items()
            if query.get("hostname") in (None, host) and query.get("service") in (None, worker)
        ]
        return {"result": found}

    def _changeset(
        self, api: CloudflareApi, query: dict[str, str], body: Any, worker: str
    ) -> Answer:
        """What a PUT of the same body would change; changes nothing."""
        main.check(query, {"replace_state"})
        api._script(worker)
        hosts = [str(item["hostname"]) for item in body]
        for item in body:
            self._home(item)
        there = [host for host in hosts if host in api.domains]
        updated = [
            {"id": f"d-{host}", "hostname": host, "modified": api.domains[host] != worker}
            for host in there
        ]
        new = [{"hostname": host} for host in hosts if host not in api.domains]
        own = [host for host, to in api.domains.items() if to == worker]
        return {
            "result": {
                "added": [item for item in new if item["hostname"] not in self.records],
                "conflicting": [item for item in new if item["hostname"] in self.records],
                "updated": updated,
                "removed": [{"hostname": host} for host in own if host not in hosts],
            }
        }

    def _put_domains(
        self, api: CloudflareApi, query: dict[str, str], body: Any, worker: str
    ) -> Answer:
        changes = self._changeset(api, query, body["origins"], worker)["result"]
        if changes["conflicting"] and not body["override_existing_dns_record"]:
            raise main.RefusedError(409, 100117, "Hostname already has a DNS record")
        for item in changes["removed"]:
            del api.domains[item["hostname"]]
        for item in body["origins"]:
            self.records.discard(item["hostname"])
            api.domains[item["hostname"]] = worker
        return {"result": None}

    # What else a deployment sets.

    def _schedules(
        self, api: CloudflareApi, _query: dict[str, str], _body: Any, worker: str
    ) -> Answer:
        api._script(worker)
        return {"result": {"schedules": [{"cron": i} for i in self.schedules.get(worker, [])]}}

    def _put_schedules(
        self, api: CloudflareApi, query: dict[str, str], body: Any, worker: str
    ) -> Answer:
        self.schedules[worker] = [main.only(item, {"cron": str})["cron"] for item in body]
        return self._schedules(api, query, None, worker)

    def _subdomain(
        self, api: CloudflareApi, _query: dict[str, str], _body: Any, worker: str
    ) -> Answer:
        api._script(worker)
        enabled, previews = self.on_workers_dev.get(worker, (True, True))
        return {"result": {"enabled": enabled, "previews_enabled": previews}}

    def _put_subdomain(
        self, api: CloudflareApi, query: dict[str, str], body: Any, worker: str
    ) -> Answer:
        given = main.only(body, {"enabled": bool}, "previews_enabled")
        enabled = given["enabled"]
        self.on_workers_dev[worker] = (enabled, given.get("previews_enabled", enabled))
        return self._subdomain(api, query, None, worker)

    def _script_settings(
        self, api: CloudflareApi, _query: dict[str, str], _body: Any, worker: str
    ) -> Answer:
        api._script(worker)
        tails = [{"service": name} for name in self.tails.get(worker, [])]
        return {"result": {"logpush": False, "tail_consumers": tails}}


def _route(zone: str, pattern: str, worker: str) -> dict[str, Any]:
    """A route as the API shows it: without ``script`` it leads to no Worker."""
    known = {"id": f"r-{zone}-{pattern}", "pattern": pattern}
    return {**known, "script": worker} if worker else known
