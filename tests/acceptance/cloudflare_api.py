"""A stand-in for Cloudflare's API on loopback: it keeps state, pages its lists, and is strict.

A path, parameter or body that the real API does not take is refused, and so is a token that it does
not know. Paths and shapes: developers.cloudflare.com/api.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "a-token-of-the-stand-in"
MAX_PAGE = 100


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Failure:
    """How to answer in place of the truth. Status 0 drops the connection."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class CloudflareApi:
    """The state of one login."""

    accounts: dict[str, str] = field(default_factory=lambda: {ACCOUNT: "Test"})
    databases: dict[str, sqlite3.Connection] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
    buckets: list[str] = field(default_factory=list)
    queues: dict[str, str] = field(default_factory=dict)
    indexes: dict[str, dict[str, Any]] = field(default_factory=dict)
    scripts: dict[str, list[str]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_database(self, name: str, *applied: str) -> str:
        """A database that has had these migrations; returns its id."""
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        if applied:
            connection.execute("CREATE TABLE d1_migrations (id INTEGER, name TEXT)")
            rows = [(name,) for name in applied]
            connection.executemany("INSERT INTO d1_migrations VALUES (1, ?)", rows)
        self.databases[name] = connection
        return self.database_id(name)

    @staticmethod
    def database_id(name: str) -> str:
        return f"d1-{name}"

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
                if kind in self.forbidden:
                    raise RefusedError(403, 10000, "Authentication error")
                return handle(query, body, *found.groups())
        raise RefusedError(404, 7003, f"Could not route to {method} /{path}")

    def _routes(self) -> dict[str, Callable[..., dict[str, Any]]]:
        account = f"accounts/{ACCOUNT}"
        return {
            "GET accounts": lambda query, _: paged(
                [{"id": id_, "name": name} for id_, name in self.accounts.items()], query
            ),
            f"GET {account}/d1/database": lambda query, _: paged(
                [{"uuid": self.database_id(name), "name": name} for name in self.databases], query
            ),
            f"POST {account}/d1/database/([^/]+)/query": self._query,
            f"GET {account}/storage/kv/namespaces": lambda query, _: paged(
                [{"id": id_, "title": title} for title, id_ in self.namespaces.items()], query
            ),
            f"GET {account}/r2/buckets": self._list_buckets,
            f"GET {account}/queues": lambda query, _: paged(
                [{"queue_id": id_, "queue_name": name} for name, id_ in self.queues.items()], query
            ),
            f"GET {account}/vectorize/v2/indexes": self._list_indexes,
            f"GET {account}/vectorize/v2/indexes/([^/]+)/metadata_index/list": self._list_metadata,
            f"GET {account}/workers/scripts/([^/]+)/secrets": self._list_secrets,
        }

    def _query(self, _query: dict[str, str], body: Any, database: str) -> dict[str, Any]:
        known = {self.database_id(name): item for name, item in self.databases.items()}
        if database not in known:
            raise RefusedError(404, 7404, f"The database {database} could not be found")
        if not isinstance(body, dict) or set(body) - {"sql", "params"} or "sql" not in body:
            raise RefusedError(400, 7400, "The request is malformed")
        with self.lock:
            try:
                cursor = known[database].execute(body["sql"], body.get("params", []))
            except sqlite3.Error as error:
                raise RefusedError(400, 7500, f"{error}: SQLITE_ERROR") from None
            names = [column[0] for column in cursor.description or []]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return {"result": [{"results": rows, "success": True, "meta": {}}]}

    def _list_buckets(self, query: dict[str, str], _body: Any) -> dict[str, Any]:
        check(query, {"per_page", "cursor"})
        names = sorted(name for name in self.buckets if name > query.get("cursor", ""))
        size = int(query.get("per_page", "20"))
        more = {"cursor": names[size - 1]} if len(names) > size else {}
        buckets = [{"name": name, "creation_date": "2026-11-23"} for name in names[:size]]
        return {"result": {"buckets": buckets}, "result_info": more}

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


def serve(api: CloudflareApi) -> ThreadingHTTPServer:
    """Serve ``api`` on a free loopback port, in the background."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self._answer(json.loads(self.rfile.read(length) or b"null"))

        def _answer(self, body: Any) -> None:
            url = urlsplit(self.path)
            path = url.path.removeprefix("/client/v4/")
            with api.lock:
                api.requests.append(f"{self.command} {path}")
                failure = api.failures.pop(0) if api.failures else None
            if failure is not None and failure.status == 0:
                self.close_connection = True
                return
            headers = failure.headers if failure else {}
            try:
                if failure is not None:
                    raise RefusedError(failure.status, 10001, "It was told to fail")
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    raise RefusedError(401, 10000, "Authentication error")
                query = {key: values[0] for key, values in parse_qs(url.query).items()}
                document = api.answer(self.command, path, query, body)
                self._send(200, {"success": True, "errors": [], "messages": [], **document}, {})
            except RefusedError as refused:
                errors = [{"code": refused.code, "message": str(refused)}]
                document = {"success": False, "errors": errors, "messages": [], "result": None}
                self._send(refused.status, document, headers)

        def _send(self, status: int, document: Any, headers: dict[str, str]) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
