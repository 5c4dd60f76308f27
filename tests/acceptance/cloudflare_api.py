"""A stand-in for Cloudflare's API on loopback: it keeps state, pages its lists, and is strict.

A path, parameter or body that the real API does not take is refused, and so is a token that it does
not know. Paths and shapes: developers.cloudflare.com/api.
"""

from __future__ import annotations

import contextlib
import copy
import email
import json
import re
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import cloudflare_zones
from cloudflare_data import Data, body_of, routes

import cloudflare_versions

ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "a-token-of-the-stand-in"
MAX_PAGE = 100
# The version that a Worker has before its first deployment.
STUB = "00000000-0000-0000-0000-00000000d4af"
# Every bucket is made with it.
DEFAULT_LIFECYCLE = {
    "id": "Default Multipart Abort Rule",
    "enabled": True,
    "conditions": {"prefix": ""},
    "abortMultipartUploadsTransition": {"condition": {"type": "Age", "maxAge": 604800}},
}
CORS_KEYS = {"id", "allowed", "exposeHeaders", "maxAgeSeconds"}
LIFECYCLE_KEYS = {*DEFAULT_LIFECYCLE, "deleteObjectsTransition", "storageClassTransitions"}


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Failure:
    """How to answer in place of the truth. Status 0 drops the connection, 200 tells the truth.

    With ``applied`` the request takes effect, and only its answer is lost. ``then`` is called
    before the answer.
    """

    status: int
    applied: bool = False
    then: Callable[[], None] = lambda: None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class CloudflareApi:
    """The state of one login."""

    accounts: dict[str, str] = field(default_factory=lambda: {ACCOUNT: "Test"})
    databases: dict[str, sqlite3.Connection] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
    buckets: list[str] = field(default_factory=list)
    # By kind and name, of what is not in the default one: "d1", "kv", "r2" or "queues".
    jurisdictions: dict[tuple[str, str], str] = field(default_factory=dict)
    # Location hints of databases.
    hints: dict[str, str] = field(default_factory=dict)
    # Buckets that hold an object; and the keys of objects, by bucket.
    full: set[str] = field(default_factory=set)
    objects: dict[str, list[str]] = field(default_factory=dict)
    # By "cors" or "lifecycle", then by bucket.
    rules: dict[str, dict[str, list[Any]]] = field(
        default_factory=lambda: {"cors": {}, "lifecycle": {}}
    )
    queues: dict[str, str] = field(default_factory=dict)
    # The Worker that a queue delivers to.
    consumers: dict[str, str] = field(default_factory=dict)
    subdomain: str = "test"
    # Kinds that the token may read and not change.
    read_only: set[str] = field(default_factory=set)
    # Workers that another one needs.
    needed: set[str] = field(default_factory=set)
    # What a live version is bound to, by Worker.
    bindings: dict[str, list[Any]] = field(default_factory=dict)
    # The Worker that a custom domain leads to; the last migration of a Worker's Durable Objects.
    domains: dict[str, str] = field(default_factory=dict)
    migration_tags: dict[str, str] = field(default_factory=dict)
    # Zones, routes, schedules and the like.
    zones: cloudflare_zones.Zones = field(default_factory=lambda: cloudflare_zones.Zones())
    # Where a tail's WebSocket listens.
    tail_url: str = ""
    indexes: dict[str, dict[str, Any]] = field(default_factory=dict)
    scripts: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    versions: int = 0
    # The version that answers requests, by Worker: if there are two, the one with more of them.
    live: dict[str, str] = field(default_factory=dict)
    #: Why the live version of a Worker was deployed, if that was said.
    messages: dict[str, str] = field(default_factory=dict)
    rollouts: cloudflare_versions.Versions = field(default_factory=cloudflare_versions.Versions)
    forbidden: set[str] = field(default_factory=set)
    # What the resources hold, and where the API is, for signed addresses.
    data: Data = field(default_factory=Data)
    address: str = ""
    # Seconds that each answer takes.
    delay: float = 0.0
    # What to do with the next requests, in order; and with one mutation, by its number.
    failures: list[Failure] = field(default_factory=list)
    broken_mutation: tuple[int, Failure] | None = None
    # What to do with the n-th time that this mutation is asked for, from 1.
    broken_time: tuple[str, int, Failure] | None = None
    # What to do with every mutation whose path ends so.
    broken_kind: tuple[str, Failure] | None = None
    mutations: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def place(self, kind: str, name: str, given: dict[str, Any]) -> None:
        """Remember the jurisdiction of what is created, and refuse one that there is not."""
        wanted = given.get("jurisdiction")
        if wanted not in (None, "eu", "fedramp", "us"):
            raise RefusedError(400, 7400, f"Invalid jurisdiction: {wanted}")
        self.jurisdictions.pop((kind, name), None)
        if wanted:
            self.jurisdictions[kind, name] = wanted

    def add_database(self, name: str, *applied: str) -> str:
        """A database that has had these migrations; returns its id."""
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        if applied:
            connection.execute("CREATE TABLE d1_migrations (id INTEGER, name TEXT)")
            rows = [(name,) for name in applied]
            connection.executemany("INSERT INTO d1_migrations VALUES (1, ?)", rows)
        self.databases[name] = connection
        return self.database_id(name)

    def state(self) -> dict[str, Any]:
        """What the account has, to be pickled or copied."""
        kinds = ("namespaces", "queues", "consumers", "indexes", "scripts", "values", "live")
        kinds += (
            "buckets",
            "jurisdictions",
            "bindings",
            "versions",
            "rollouts",
            "zones",
            "domains",
        )
        databases = {name: database.serialize() for name, database in self.databases.items()}
        return copy.deepcopy({kind: getattr(self, kind) for kind in kinds}) | {
            "databases": databases
        }

    def take(self, state: dict[str, Any]) -> None:
        """Have what another account has."""
        for kind, value in copy.deepcopy(state).items():
            if kind != "databases":
                setattr(self, kind, value)
        for name, content in state["databases"].items():
            self.add_database(name)
            self.databases[name].deserialize(content)

    @staticmethod
    def database_id(name: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))

    def add_index(self, name: str, dimensions: int, metric: str, **metadata: str) -> None:
        config = {"dimensions": dimensions, "metric": metric}
        self.indexes[name] = {"config": config, "metadata": metadata}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        """The answer to a request by a known token."""
        for pattern, handle in self._routes().items():
            wanted, _, shape = pattern.partition(" ")
            found = re.fullmatch(shape, path)
            if wanted == method and found:
                kind = path.split("/")[2] if path.count("/") > 1 else ""
                reads = method == "GET" or is_read(path, body)
                if kind in self.forbidden or (kind in self.read_only and not reads):
                    raise RefusedError(403, 10000, "Authentication error")
                return handle(query, body, *found.groups())
        raise RefusedError(404, 7003, f"Could not route to {method} /{path}")

    def _routes(self) -> dict[str, Callable[..., dict[str, Any]]]:
        account = f"accounts/{ACCOUNT}"
        return {
            "GET accounts": lambda query, _: paged(
                [{"id": id_, "name": name} for id_, name in self.accounts.items()], query
            ),
            "GET memberships": lambda query, _: paged(
                [
                    {"id": id_, "status": "accepted", "account": {"id": id_, "name": name}}
                    for id_, name in self.accounts.items()
                ],
                query,
            ),
            **self.zones.handlers(self),
            f"GET {account}/d1/database": lambda query, _: paged(
                [self._database(name) for name in self.databases], query
            ),
            f"POST {account}/d1/database": self._create_database,
            f"POST {account}/storage/kv/namespaces": self._create_namespace,
            f"POST {account}/r2/buckets": self._create_bucket,
            f"POST {account}/queues": self._create_queue,
            f"POST {account}/vectorize/v2/indexes": self._create_index,
            f"POST {account}/vectorize/v2/indexes/([^/]+)/metadata_index/create": self._index_key,
            f"GET {account}/workers/services/([^/]+)": self._get_service,
            f"GET {account}/workers/workers/([^/]+)": self._get_worker,
            f"GET {account}/workers/subdomain": self._account_subdomain,
            f"GET {account}/workers/scripts": lambda *_: {
                "result": [{"id": name} for name in self.scripts]
            },
            f"GET {account}/workers/scripts/([^/]+)/settings": self._settings,
            f"GET {account}/workers/scripts/([^/]+)/references": self._references,
            f"GET {account}/workers/tails/by-consumer/([^/]+)": lambda *_: {"result": []},
            f"POST {account}/workers/scripts/([^/]+)/tails": self._tail,
            f"DELETE {account}/workers/scripts/([^/]+)/tails/t": self._accept,
            f"DELETE {account}/workers/services/([^/]+)": self._delete_worker,
            f"DELETE {account}/queues/([^/]+)/consumers/([^/]+)": self._delete_consumer,
            f"DELETE {account}/queues/([^/]+)": self._delete_queue,
            f"GET {account}/vectorize/v2/indexes/([^/]+)": self._get_index,
            f"DELETE {account}/vectorize/v2/indexes/([^/]+)": self._delete_index,
            f"DELETE {account}/d1/database/([^/]+)": self._delete_database,
            f"GET {account}/d1/database/([^/]+)": self._get_database,
            f"DELETE {account}/storage/kv/namespaces/([^/]+)": self._delete_namespace,
            f"DELETE {account}/r2/buckets/([^/]+)": self._delete_bucket,
            f"DELETE {account}/r2/buckets/([^/]+)/objects/(.+)": self._delete_object,
            f"GET {account}/r2/buckets/([^/]+)/(cors|lifecycle)": self._get_rules,
            f"PUT {account}/r2/buckets/([^/]+)/(cors|lifecycle)": self._put_rules,
            f"POST {account}/workers/scripts/([^/]+)/assets-upload-session": self._put_assets,
            f"PATCH {account}/workers/scripts/([^/]+)/script-settings": self._accept,
            f"GET {account}/queues/([^/]+)/consumers": self._list_consumers,
            f"POST {account}/queues/([^/]+)/consumers": self._add_consumer,
            f"PUT {account}/queues/([^/]+)/consumers/([^/]+)": self._put_consumer,
            f"POST {account}/d1/database/([^/]+)/query": self._query,
            f"GET {account}/storage/kv/namespaces": lambda query, _: paged(
                [self._namespace(title) for title in self.namespaces], query
            ),
            f"GET {account}/r2/buckets": self._list_buckets,
            f"GET {account}/r2/buckets/([^/]+)": self._get_bucket,
            f"GET {account}/queues": self._list_queues,
            f"GET {account}/vectorize/v2/indexes": self._list_indexes,
            f"GET {account}/vectorize/v2/indexes/([^/]+)/metadata_index/list": self._list_metadata,
            f"GET {account}/workers/scripts/([^/]+)/secrets": self._list_secrets,
            **cloudflare_versions.routes(self, account),
            **routes(self, RefusedError),
        }

    def _create_database(self, _query: dict[str, str], body: Any) -> dict[str, Any]:
        given = only(body, {"name": str}, "jurisdiction", "primary_location_hint")
        name = given["name"]
        if name in self.databases:
            raise RefusedError(400, 7502, "A database with that name already exists")
        self.place("d1", name, given)
        if hint := given.get("primary_location_hint"):
            self.hints[name] = hint
        self.add_database(name)
        return {"result": self._database(name)}

    def _database(self, name: str) -> dict[str, Any]:
        known = {"uuid": self.database_id(name), "name": name, "version": "production"}
        return {**known, "jurisdiction": self.jurisdictions.get(("d1", name))}

    def _namespace(self, title: str) -> dict[str, Any]:
        where = self.jurisdictions.get(("kv", title))
        return {"id": self.namespaces[title], "title": title, "jurisdiction": where}

    def _create_namespace(self, _query: dict[str, str], body: Any) -> dict[str, Any]:
        given = only(body, {"title": str}, "jurisdiction")
        title = given["title"]
        if title in self.namespaces:
            message = "create namespace: a namespace with this account ID and title already exists"
            raise RefusedError(400, 10014, message)
        self.place("kv", title, given)
        self.namespaces[title] = uuid.uuid5(uuid.NAMESPACE_URL, title).hex
        return {"result": self._namespace(title)}

    def _create_bucket(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        name = only(body, {"name": str}, "locationHint")["name"]
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name):
            raise RefusedError(400, 10005, "The specified bucket name is not valid.")
        if name in self.buckets:
            raise RefusedError(409, 10004, "The bucket you tried to create already exists")
        self.place("r2", name, query)
        self.buckets.append(name)
        return {"result": {"name": name}}

    def _create_queue(self, _query: dict[str, str], body: Any) -> dict[str, Any]:
        given = only(body, {"queue_name": str}, "jurisdiction")
        name = given["queue_name"]
        if name in self.queues:
            raise RefusedError(409, 11009, f"Queue name '{name}' is already taken.")
        self.place("queues", name, given)
        self.queues[name] = f"q{len(self.queues)}"
        return {"result": {"queue_id": self.queues[name], "queue_name": name}}

    def _create_index(self, _query: dict[str, str], body: Any) -> dict[str, Any]:
        given = only(body, {"name": str, "config": dict})
        config = only(given["config"], {"dimensions": int, "metric": str})
        if given["name"] in self.indexes:
            raise RefusedError(409, 3002, "vectorize.index.duplicate_name")
        self.add_index(given["name"], config["dimensions"], config["metric"])
        return {"result": {"name": given["name"], "config": config}}

    def _index_key(self, _query: dict[str, str], body: Any, name: str) -> dict[str, Any]:
        given = only(body, {"propertyName": str, "indexType": str})
        if name not in self.indexes:
            raise RefusedError(404, 3000, "vectorize.index_not_found")
        if given["indexType"] not in ("string", "number", "boolean"):
            raise RefusedError(400, 3001, "vectorize.invalid_index_type")
        self.indexes[name]["metadata"][given["propertyName"]] = given["indexType"]
        return {"result": {"mutationId": "m"}}

    def _get_index(self, _query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        if name not in self.indexes:
            raise RefusedError(404, 3000, "vectorize.index_not_found")
        return {"result": {"name": name, "config": self.indexes[name]["config"]}}

    def _delete_index(self, _query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        if self.indexes.pop(name, None) is None:
            raise RefusedError(404, 3000, "vectorize.index_not_found")
        return {"result": None}

    def _get_database(self, _query: dict[str, str], _body: Any, wanted: str) -> dict[str, Any]:
        for name in self.databases:
            if wanted in (self.database_id(name), name):
                return {"result": self._database(name)}
        raise RefusedError(404, 7404, f"The database {wanted} could not be found")

    def _delete_database(self, query: dict[str, str], body: Any, wanted: str) -> dict[str, Any]:
        name = self._get_database(query, body, wanted)["result"]["name"]
        del self.databases[name]
        self.jurisdictions.pop(("d1", name), None)
        return {"result": None}

    def _delete_namespace(self, _query: dict[str, str], _body: Any, wanted: str) -> dict[str, Any]:
        for title, id_ in self.namespaces.items():
            if id_ == wanted:
                del self.namespaces[title]
                self.jurisdictions.pop(("kv", title), None)
                return {"result": None}
        raise RefusedError(404, 10013, "namespace not found")

    def _bucket(self, name: str, query: dict[str, str]) -> None:
        """R2 knows a bucket only in its own jurisdiction."""
        home = self.jurisdictions.get(("r2", name), "")
        if name not in self.buckets or query.get("jurisdiction", "") != home:
            raise RefusedError(404, 10006, "The specified bucket does not exist.")

    def _get_bucket(self, query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        self._bucket(name, query)
        return {"result": {"name": name, "creation_date": "2026-11-23"}}

    def _delete_bucket(self, query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        self._bucket(name, query)
        if name in self.full or self.objects.get(name) or self.data.objects.get(name):
            raise RefusedError(409, 10008, "The bucket you tried to delete is not empty.")
        self.buckets.remove(name)
        self.jurisdictions.pop(("r2", name), None)
        for rules in self.rules.values():
            rules.pop(name, None)
        return {"result": {}}

    def _delete_object(
        self, query: dict[str, str], _body: Any, name: str, key: str
    ) -> dict[str, Any]:
        """What is not there counts as deleted."""
        self._bucket(name, query)
        kept = [item for item in self.objects.get(name, []) if item != unquote(key)]
        self.objects[name] = kept
        self.data.objects.get(name, {}).pop(unquote(key), None)
        return {"result": {}}

    def _get_rules(self, query: dict[str, str], _body: Any, name: str, kind: str) -> dict[str, Any]:
        self._bucket(name, query)
        if name in self.rules[kind]:
            return {"result": {"rules": self.rules[kind][name]}}
        if kind == "cors":
            raise RefusedError(404, 10059, "The CORS configuration does not exist.")
        return {"result": {"rules": [DEFAULT_LIFECYCLE]}}

    def _put_rules(self, query: dict[str, str], body: Any, name: str, kind: str) -> dict[str, Any]:
        self._bucket(name, query)
        rules = only(body, {"rules": list})["rules"]
        for rule in rules:
            known = CORS_KEYS if kind == "cors" else LIFECYCLE_KEYS
            if not set(rule) <= known or (kind == "cors" and not rule["allowed"]["origins"]):
                raise RefusedError(400, 10040, "The JSON you provided was not well formed.")
        self.rules[kind][name] = rules
        return {"result": {}}

    def _queue_name(self, wanted: str) -> str:
        for name, id_ in self.queues.items():
            if id_ == wanted:
                return name
        raise RefusedError(404, 11000, "Queue not found")

    def _consumers(self, name: str) -> list[dict[str, Any]]:
        if name not in self.consumers:
            return []
        consumer = {"consumer_id": f"c-{self.queues[name]}", "type": "worker"}
        consumer |= {"settings": self.zones.consumer_settings.get(name, {})}
        if dead_letters := self.zones.dead_letters.get(name):
            consumer |= {"dead_letter_queue": dead_letters}
        return [{**consumer, "script": self.consumers[name], "queue_name": name}]

    def _producers(self, queue: str) -> list[dict[str, Any]]:
        return [
            {"type": "worker", "script": script}
            for script, bindings in self.bindings.items()
            if any(item.get("queue_name") == queue for item in bindings)
        ]

    def _list_consumers(self, _query: dict[str, str], _body: Any, queue: str) -> dict[str, Any]:
        return {"result": self._consumers(self._queue_name(queue))}

    def _add_consumer(self, _query: dict[str, str], body: Any, queue: str) -> dict[str, Any]:
        name = self._queue_name(queue)
        if name in self.consumers:
            raise RefusedError(409, 11004, "Queue already has a consumer")
        return self._set_consumer(name, body)

    def _put_consumer(
        self, _query: dict[str, str], body: Any, queue: str, _consumer: str
    ) -> dict[str, Any]:
        return self._set_consumer(self._queue_name(queue), body)

    def _set_consumer(self, name: str, body: Any) -> dict[str, Any]:
        given = only(body, {"type": str, "script_name": str, "settings": dict}, "dead_letter_queue")
        self._script(given["script_name"])
        dead_letters = given.get("dead_letter_queue")
        if dead_letters is not None and dead_letters not in self.queues:
            raise RefusedError(404, 11000, f"Queue {dead_letters} does not exist")
        self.consumers[name] = given["script_name"]
        self.zones.consumer_settings[name] = given["settings"]
        self.zones.dead_letters[name] = dead_letters or ""
        return {"result": self._consumers(name)[0]}

    def _delete_consumer(
        self, _query: dict[str, str], _body: Any, queue: str, consumer: str
    ) -> dict[str, Any]:
        name = self._queue_name(queue)
        if consumer not in [item["consumer_id"] for item in self._consumers(name)]:
            raise RefusedError(404, 11003, "Consumer not found")
        del self.consumers[name]
        return {"result": None}

    def _delete_queue(self, _query: dict[str, str], _body: Any, queue: str) -> dict[str, Any]:
        name = self._queue_name(queue)
        if name in self.consumers:
            raise RefusedError(409, 11005, f"Queue {name} still has a consumer")
        del self.queues[name]
        self.jurisdictions.pop(("queues", name), None)
        return {"result": None}

    def _delete_worker(self, query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        self._script(name)
        if name in self.consumers.values():
            message = "This Worker is a consumer of a Queue and can't be deleted"
            raise RefusedError(400, 10064, message)
        if name in self.needed and query.get("force") != "true":
            raise RefusedError(400, 10064, "Other Workers need this one")
        del self.scripts[name]
        self.rollouts.forget(name)
        self.live.pop(name, None)
        self.bindings.pop(name, None)
        self.zones.forget(self, name)
        return {"result": None}

    def _references(self, _query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        self._script(name)
        incoming = [{"name": "other", "environment": "production"}] if name in self.needed else []
        services = {"incoming": incoming, "outgoing": [], "pages_function": False}
        return {"result": {"services": services, "durable_objects": [], "dispatch_outbounds": []}}

    def _settings(self, _query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        self._script(name)
        return {"result": {"bindings": self.bindings.get(name, [])}}

    def _tail(self, _query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        self._script(name)
        expires = "2027-01-01T00:00:00Z"
        return {"result": {"id": "t", "url": self.tail_url, "expires_at": expires}}

    def _account_subdomain(self, _query: dict[str, str], _body: Any) -> dict[str, Any]:
        if not self.subdomain:
            raise RefusedError(404, 10007, "You need to register a workers.dev subdomain")
        return {"result": {"subdomain": self.subdomain}}

    def _put_secrets(self, _query: dict[str, str], body: Any, script: str) -> dict[str, Any]:
        if script not in self.scripts:
            raise RefusedError(404, 10007, "This Worker does not exist on your account.")
        for name, secret in only(body, {"secrets": dict})["secrets"].items():
            given = only(secret, {"name": str, "text": str, "type": str})
            assert (given["name"], given["type"]) == (name, "secret_text")
            self.values[name] = given["text"]
            if name not in self.scripts[script]:
                self.scripts[script].append(name)
        return {"result": [{"name": name, "type": "secret_text"} for name in self.scripts[script]]}

    def _put_script(self, _query: dict[str, str], body: Any, script: str) -> dict[str, Any]:
        """Makes a Worker, live at once; or the draft that its first secret needs."""
        is_draft = "compatibility_date" not in (body or {})
        self._bind(script, body)
        self.scripts.setdefault(script, [])
        if is_draft:
            return {"result": {"id": script}}
        self.zones.uploaded(script, body)
        self.versions += 1
        version = f"{self.versions:032x}"
        parts = (version[:8], version[8:12], version[12:16], version[16:20], version[20:])
        self.live[script] = "-".join(parts)
        made = {"id": script, "etag": "e", "tag": "t", "deployment_id": version}
        return {"result": {**made, "startup_time_ms": 5, "entry_point": "entry.py"}}

    def _bind(self, script: str, upload: Any) -> None:
        """Keep an upload's bindings; refuse one to something that is not there."""
        bindings = (upload or {}).get("bindings") or []
        for item in bindings:
            there: Any = {
                "d1": lambda item=item: item["id"] in map(self.database_id, self.databases),
                "kv_namespace": lambda item=item: item["namespace_id"] in self.namespaces.values(),
                "r2_bucket": lambda item=item: (
                    item["bucket_name"] in self.buckets
                    and self.jurisdictions.get(("r2", item["bucket_name"]))
                    == item.get("jurisdiction")
                ),
                "queue": lambda item=item: item["queue_name"] in self.queues,
                "vectorize": lambda item=item: item["index_name"] in self.indexes,
            }.get(item["type"])
            if there and not there():
                raise RefusedError(400, 10021, f"binding {item['name']} has no such resource")
        self.bindings[script] = bindings

    def _script(self, name: str) -> dict[str, Any]:
        if name not in self.scripts:
            raise RefusedError(404, 10090, "This service does not exist on your account.")
        return {"id": name, "tag": "t", "tags": [], "last_deployed_from": "wrangler"}

    def _get_service(self, _query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        tag = {"migration_tag": self.migration_tags[name]} if name in self.migration_tags else {}
        environment = {"environment": "production", "script": {**self._script(name), **tag}}
        return {"result": {"id": name, "default_environment": environment}}

    def _get_worker(self, _query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        enabled, previews = self.zones.on_workers_dev.get(name, (True, True))
        subdomain = {"enabled": enabled, "previews_enabled": previews}
        worker = {"name": name, "subdomain": subdomain, "observability": {}, "logpush": False}
        return {"result": {**self._script(name), **worker, "tail_consumers": []}}

    def _list_deployments(self, _query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        self._script(name)
        versions = [{"version_id": self.live.get(name, STUB), "percentage": 100}]
        source = self.zones.sources.get(name, "wrangler")
        deployment = {"id": "d", "source": source, "strategy": "percentage"}
        deployment |= {"author_email": "a@b.test", "created_on": "2026-11-23T00:00:00Z"}
        if message := self.messages.get(name):
            deployment["annotations"] = {"workers/message": message}
        return {"result": {"deployments": [{**deployment, "versions": versions}]}}

    def _put_version(self, _query: dict[str, str], body: Any, name: str) -> dict[str, Any]:
        self._script(name)
        self._bind(name, body)
        self.zones.uploaded(name, body)
        self.versions += 1
        script = {"etag": "e", "handlers": ["fetch"], "last_deployed_from": "wrangler"}
        resources = {"script": script, "script_runtime": {}, "bindings": []}
        version = {"id": f"00000000-0000-0000-0000-{self.versions:012d}", "number": self.versions}
        version |= {"startup_time_ms": 5, "metadata": {"has_preview": False}}
        return {"result": {**version, "resources": resources}}

    def _get_version(
        self, _query: dict[str, str], _body: Any, name: str, version: str
    ) -> dict[str, Any]:
        self._script(name)
        metadata = {"created_on": "2026-11-23T00:00:00Z", "author_email": "a@b.test"}
        metadata |= {"source": "wrangler", "author_id": "a", "modified_on": "2026-11-23T00:00:00Z"}
        script = {"etag": "e", "handlers": ["fetch"], "last_deployed_from": "wrangler"}
        # The upload that a Worker's first secret makes has no date.
        is_stub = version == STUB
        default = {"compatibility_date": "2026-11-17"}
        runtime = {} if is_stub else self.zones.runtimes.get(name) or default
        resources = {"script": script, "script_runtime": runtime, "bindings": []}
        number = 0 if is_stub else int(version[-4:])
        found = {"id": version, "number": number, "metadata": metadata}
        return {"result": {**found, "annotations": {}, "resources": resources}}

    def _put_assets(self, _query: dict[str, str], body: Any, _name: str) -> dict[str, Any]:
        only(body, {"manifest": dict})
        return {"result": {"jwt": "a.b.c", "buckets": []}}

    def _accept(self, _query: dict[str, str], _body: Any, *_names: str) -> dict[str, Any]:
        return {"result": {}}

    def _query(self, _query: dict[str, str], body: Any, database: str) -> dict[str, Any]:
        known = {self.database_id(name): item for name, item in self.databases.items()}
        if database not in known:
            raise RefusedError(404, 7404, f"The database {database} could not be found")
        if not isinstance(body, dict) or set(body) - {"sql", "params"} or "sql" not in body:
            raise RefusedError(400, 7400, "The request is malformed")
        with self.lock:
            connection = known[database]
            try:
                rows = self._rows(connection, body["sql"], body.get("params", []))
            except sqlite3.Error as error:
                connection.rollback()
                raise RefusedError(400, 7500, f"{error}: SQLITE_ERROR") from None
        return {"result": [{"results": rows, "success": True, "meta": {"duration": 1}}]}

    @staticmethod
    def _rows(connection: sqlite3.Connection, sql: str, values: list[Any]) -> list[dict[str, Any]]:
        """D1 takes many statements in one text, unless they have parameters."""
        try:
            cursor = connection.execute(sql, values)
        except (sqlite3.Warning, sqlite3.ProgrammingError):
            # All of it or nothing, as D1 has it: what fails is rolled back.
            connection.executescript(f"BEGIN;\n{sql}\n;COMMIT;")
            return []
        names = [column[0] for column in cursor.description or []]
        # A BLOB is a list of bytes.
        found = [[list(v) if isinstance(v, bytes) else v for v in row] for row in cursor]
        rows = [dict(zip(names, row, strict=True)) for row in found]
        connection.commit()
        return rows

    def _list_buckets(self, query: dict[str, str], _body: Any) -> dict[str, Any]:
        check(query, {"per_page", "cursor", "jurisdiction"})
        home = query.get("jurisdiction", "")
        here = [name for name in self.buckets if self.jurisdictions.get(("r2", name), "") == home]
        names = sorted(name for name in here if name > query.get("cursor", ""))
        size = int(query.get("per_page", "20"))
        more = {"cursor": names[size - 1]} if len(names) > size else {}
        buckets = [{"name": name, "creation_date": "2026-11-23"} for name in names[:size]]
        return {"result": {"buckets": buckets}, "result_info": more}

    def _list_queues(self, query: dict[str, str], _body: Any) -> dict[str, Any]:
        wanted = query.pop("name", "").split(",")
        queues = [
            {
                "queue_id": id_,
                "queue_name": name,
                "jurisdiction": self.jurisdictions.get(("queues", name)),
                "producers": self._producers(name),
                "consumers": self._consumers(name),
                "settings": self.zones.queue_settings.get(name, {}),
            }
            for name, id_ in self.queues.items()
            if wanted == [""] or name in wanted
        ]
        return paged(queues, query)

    def _list_indexes(self, query: dict[str, str], _body: Any) -> dict[str, Any]:
        check(query, set())
        items = self.indexes.items()
        return {"result": [{"name": name, "config": item["config"]} for name, item in items]}

    def _list_metadata(self, _query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
        if name not in self.indexes:
            raise RefusedError(404, 3000, "vectorize.index_not_found")
        listed = [
            {"propertyName": key, "indexType": kind.capitalize()}
            for key, kind in self.indexes[name]["metadata"].items()
        ]
        return {"result": {"metadataIndexes": listed}}

    def _list_secrets(self, _query: dict[str, str], _body: Any, script: str) -> dict[str, Any]:
        if script not in self.scripts:
            raise RefusedError(404, 10007, "This Worker does not exist on your account.")
        return {"result": [{"name": name, "type": "secret_text"} for name in self.scripts[script]]}


def only(body: Any, shape: dict[str, type], *optional: str) -> dict[str, Any]:
    """A body of exactly this shape."""
    right = isinstance(body, dict) and set(body) - set(optional) == set(shape)
    if not right or not all(isinstance(body[key], kind) for key, kind in shape.items()):
        raise RefusedError(400, 10400, f"The body must have {sorted(shape)}: {body}")
    return dict(body)


def check(query: dict[str, str], allowed: set[str]) -> None:
    if unknown := set(query) - allowed:
        raise RefusedError(400, 7001, f"Unknown parameters: {sorted(unknown)}")


def paged(items: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
    """One page of a list."""
    check(query, {"page", "per_page"})
    number, size = int(query.get("page", "1")), int(query.get("per_page", "20"))
    if not 1 <= size <= MAX_PAGE or number < 1:
        raise RefusedError(400, 7001, "per_page must be from 1 to 100")
    found = items[(number - 1) * size : number * size]
    info = {"page": number, "per_page": size, "count": len(found), "total_count": len(items)}
    return {"result": found, "result_info": info}


def upload_metadata(kind: str, body: bytes) -> Any:
    """The part of a Worker's upload that says what it is."""
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    for part in message.get_payload():
        if part.get_param("name", header="content-disposition") == "metadata":
            return json.loads(part.get_payload(decode=True))
    raise RefusedError(400, 10021, "The upload has no metadata")


def is_read(path: str, body: Any) -> bool:
    """Whether a request that is no GET only looks."""
    if path.endswith("/query"):
        return str(body["sql"]).lstrip().upper().startswith(("SELECT", "PRAGMA"))
    return path == "graphql" or path.endswith(("/domains/changeset", "/get_by_ids"))


def serve(api: CloudflareApi) -> ThreadingHTTPServer:
    """Serve ``api`` on a free loopback port, in the background."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            kind = self.headers.get("Content-Type", "")
            path = urlsplit(self.path).path.removeprefix("/client/v4/")
            if (data := body_of(path, self.headers, body)) is not None:
                self._answer(data)
                return
            is_form = kind.startswith("multipart/")
            self._answer(upload_metadata(kind, body) if is_form else json.loads(body or b"null"))

        do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815

        def _answer(self, body: Any) -> None:
            url = urlsplit(self.path)
            path = url.path.removeprefix("/client/v4/")
            query = {key: ",".join(values) for key, values in parse_qs(url.query).items()}
            if where := self.headers.get("cf-r2-jurisdiction"):
                query["jurisdiction"] = where
            time.sleep(api.delay)
            with api.lock:
                api.requests.append(f"{self.command} {path}")
                failure = api.failures.pop(0) if api.failures else None
                if self.command != "GET" and not is_read(path, body):
                    api.mutations.append(f"{self.command} {path}")
                    if api.broken_mutation and api.broken_mutation[0] == len(api.mutations):
                        failure = api.broken_mutation[1]
                    if api.broken_time is not None:
                        mutation, nth, broken = api.broken_time
                        if api.mutations[-1] == mutation and api.mutations.count(mutation) == nth:
                            failure = broken
                    if api.broken_kind and path.endswith(api.broken_kind[0]):
                        failure = api.broken_kind[1]
            if failure is not None and failure.applied:
                with contextlib.suppress(RefusedError):
                    api.answer(self.command, path, query, body)
            if failure is not None:
                failure.then()
            if failure is not None and failure.status == 0:
                self.close_connection = True
                return
            if failure is not None and failure.status == 200:
                failure = None
            headers = failure.headers if failure else {}
            try:
                if failure is not None:
                    raise RefusedError(failure.status, 10001, "It was told to fail")
                signed = path.startswith("signed/")
                if not signed and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    raise RefusedError(401, 10000, "Authentication error")
                document = api.answer(self.command, path, query, body)
                if isinstance(document, bytes):
                    self._send_bytes(200, document, {"Content-Type": "application/octet-stream"})
                    return
                headers = {"ETag": document.pop("etag")} if "etag" in document else {}
                envelope = {"success": True, "errors": [], "messages": []}
                self._send(200, document if path == "graphql" else envelope | document, headers)
            except RefusedError as refused:
                errors = [{"code": refused.code, "message": str(refused)}]
                document = {"success": False, "errors": errors, "messages": [], "result": None}
                self._send(refused.status, document, headers)

        def _send(self, status: int, document: Any, headers: dict[str, str]) -> None:
            data = json.dumps(document).encode()
            self._send_bytes(status, data, {"Content-Type": "application/json", **headers})

        def _send_bytes(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.address = f"http://127.0.0.1:{server.server_port}/client/v4"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
