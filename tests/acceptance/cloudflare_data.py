"""The stand-in's part for data: rows' exports, imports and bookmarks, keys, objects, vectors.

Paths and shapes: developers.cloudflare.com/api, and what wrangler 4.164.0 sends.
"""

from __future__ import annotations

import base64
import email
import hashlib
import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

DAY = 86_400


@dataclass(frozen=True)
class Stored:
    """The value of a key, or an object: its bytes, and what is known of it."""

    content: bytes
    metadata: Any = None
    expiration: int | None = None
    http: dict[str, str] = field(default_factory=dict)
    custom: dict[str, str] = field(default_factory=dict)
    storage: str = "Standard"


@dataclass
class Data:
    """What the resources of an account hold, by the ids or names of the resources."""

    values: dict[str, dict[str, Stored]] = field(default_factory=dict)
    objects: dict[str, dict[str, Stored]] = field(default_factory=dict)
    vectors: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    #: Databases as they were, by bookmark.
    bookmarks: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    #: Files for signed addresses: exports, and uploads.
    files: dict[str, bytes] = field(default_factory=dict)
    #: Seconds of history.
    period: int = 30 * DAY
    #: Databases without Time Travel.
    alpha: set[str] = field(default_factory=set)
    #: The most of a list at once.
    page: int = 1000


def body_of(path: str, headers: Any, body: bytes) -> Any:
    """The body of a request whose content is no JSON document, else ``None``."""
    if path.startswith("signed/") or "/objects/" in path:
        names = ("content-type", "cache-control", "content-disposition", "cf-r2-storage-class")
        return {"content": body, **{name: headers[name] for name in names if headers[name]}}
    if path.endswith("/upsert"):
        kind = headers["Content-Type"]
        message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        [part] = message.get_payload()
        lines = part.get_payload(decode=True).decode().splitlines()
        return {"vectors": [json.loads(line) for line in lines]}
    return None


def routes(api: Any, refused: type[Exception]) -> dict[str, Callable[..., Any]]:
    """The handlers by method and path. A handler gives a document, or bytes."""
    from cloudflare_api import ACCOUNT

    at = f"accounts/{ACCOUNT}"
    data = _Answers(api, refused)
    d1, kv = f"{at}/d1/database/([^/]+)", f"{at}/storage/kv/namespaces/([^/]+)"
    r2, index = f"{at}/r2/buckets/([^/]+)", f"{at}/vectorize/v2/indexes/([^/]+)"
    return {
        f"POST {d1}/export": data.export,
        f"POST {d1}/import": data.import_,
        "GET signed/([^/]+)": data.download,
        "PUT signed/([^/]+)": data.upload,
        f"GET {d1}/time_travel/bookmark": data.bookmark,
        f"POST {d1}/time_travel/restore": data.travel,
        f"GET {kv}/keys": data.keys,
        f"GET {kv}/values/([^/]+)": data.value,
        f"PUT {kv}/bulk": data.put_values,
        f"GET {r2}/objects": data.list_objects,
        f"GET {r2}/objects/(.+)": data.get_object,
        f"PUT {r2}/objects/(.+)": data.put_object,
        f"GET {index}/list": data.list_vectors,
        f"POST {index}/get_by_ids": data.get_vectors,
        f"POST {index}/upsert": data.upsert,
    }


class _Answers:
    def __init__(self, api: Any, refused: type[Exception]) -> None:
        self._api = api
        self._data: Data = api.data
        self._refused: Any = refused

    def _database(self, id_: str) -> tuple[str, sqlite3.Connection]:
        for name, connection in self._api.databases.items():
            if id_ == self._api.database_id(name):
                return name, connection
        raise self._refused(404, 7404, f"The database {id_} could not be found")

    def _mark(self, id_: str) -> str:
        _, connection = self._database(id_)
        mark = f"{len(self._data.bookmarks):08x}-0000000{1:x}-00004f{0:02x}-{'0' * 32}"
        self._data.bookmarks[mark] = (id_, connection.serialize())
        return mark

    def export(self, query: dict[str, str], body: Any, id_: str) -> Any:
        _, connection = self._database(id_)
        assert not query
        assert set(body) <= {"output_format", "dump_options", "current_bookmark"}
        assert body["output_format"] == "polling"
        if connection.execute(
            "SELECT 1 FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'"
        ).fetchone():
            raise self._refused(400, 7500, "cannot export databases with Virtual Tables (fts5)")
        if "current_bookmark" not in body:
            answer = {"status": "active", "at_bookmark": "m", "messages": ["Generating"]}
            return {"result": {"success": True, "type": "export", **answer}}
        lines = [
            line for line in connection.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")
        ]
        name = uuid.uuid4().hex
        text = "\n".join(["PRAGMA defer_foreign_keys=TRUE;", *lines]) + "\n"
        self._data.files[name] = text.encode()
        url = f"{self._api.address}/signed/{name}"
        result = {"filename": f"{name}.sql", "signed_url": url}
        done = {"success": True, "type": "export", "status": "complete", "at_bookmark": "m"}
        return {"result": {**done, "messages": [], "result": result}}

    def import_(self, _query: dict[str, str], body: Any, id_: str) -> Any:
        name, connection = self._database(id_)
        if body["action"] == "init":
            upload = f"{body['etag']}.sql"
            url = f"{self._api.address}/signed/{upload}"
            return {"result": {"success": True, "filename": upload, "upload_url": url}}
        assert body["action"] == "ingest", body
        sql = self._data.files[body["filename"]].decode()
        before = connection.serialize()
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            # D1 runs all of a file in one transaction.
            connection.executescript(f"BEGIN;\n{sql}\nCOMMIT;")
        except sqlite3.Error as error:
            connection.rollback()
            connection.deserialize(before)
            failed = {"success": True, "type": "import", "status": "error", "messages": []}
            return {"result": {**failed, "errors": [f"{error}: SQLITE_ERROR"]}}
        mark = self._mark(id_)
        meta = {"duration": 1.0, "rows_read": 0, "rows_written": 0, "size_after": 1}
        result = {"num_queries": sql.count(";\n"), "final_bookmark": mark, "meta": meta}
        done = {"success": True, "type": "import", "status": "complete", "messages": []}
        assert name
        return {"result": {**done, "result": result}}

    def download(self, _query: dict[str, str], _body: Any, name: str) -> bytes:
        return self._data.files[name]

    def upload(self, _query: dict[str, str], body: Any, name: str) -> Any:
        self._data.files[name] = body["content"]
        return {"result": {}, "etag": hashlib.md5(body["content"]).hexdigest()}

    def bookmark(self, query: dict[str, str], _body: Any, id_: str) -> Any:
        name, _ = self._database(id_)
        assert set(query) <= {"timestamp"}
        if name in self._data.alpha:
            raise self._refused(400, 7400, "Time Travel is not available for this database")
        if "timestamp" in query:
            moment = datetime.fromisoformat(query["timestamp"])
            if moment.timestamp() < time.time() - self._data.period:
                raise self._refused(400, 7400, "Invalid timestamp: it is too long ago")
            assert moment <= datetime.now(UTC)
        return {"result": {"bookmark": self._mark(id_)}}

    def travel(self, query: dict[str, str], _body: Any, id_: str) -> Any:
        _, connection = self._database(id_)
        of, content = self._data.bookmarks.get(query["bookmark"], ("", b""))
        if of != id_:
            raise self._refused(400, 7400, "Invalid bookmark")
        previous = self._mark(id_)
        connection.deserialize(content)
        marks = {"bookmark": query["bookmark"], "previous_bookmark": previous}
        return {"result": {**marks, "message": "restored"}}

    def _namespace(self, id_: str) -> dict[str, Stored]:
        if id_ not in self._api.namespaces.values():
            raise self._refused(404, 10013, "namespace not found")
        return self._data.values.setdefault(id_, {})

    def _page(self, names: list[str], query: dict[str, str], limit: str) -> tuple[list[str], str]:
        """Some names after the cursor, and the next cursor."""
        after = base64.b64decode(query.get("cursor", "")).decode()
        left = [name for name in names if name > after or not after]
        size = min(int(query.get(limit, "1000")), self._data.page)
        more = len(left) > size
        return left[:size], base64.b64encode(left[size - 1].encode()).decode() if more else ""

    def keys(self, query: dict[str, str], _body: Any, id_: str) -> Any:
        assert set(query) <= {"limit", "cursor", "prefix"}
        stored = self._namespace(id_)
        names, cursor = self._page(sorted(stored), query, "limit")
        result = []
        for name in names:
            item = stored[name]
            more = {"expiration": item.expiration, "metadata": item.metadata}
            known = {key: value for key, value in more.items() if value is not None}
            result.append({"name": name, **known})
        return {"result": result, "result_info": {"count": len(result), "cursor": cursor}}

    def value(self, _query: dict[str, str], _body: Any, id_: str, key: str) -> bytes:
        stored = self._namespace(id_)
        if unquote(key) not in stored:
            raise self._refused(404, 10009, "get: 'key not found'")
        return stored[unquote(key)].content

    def put_values(self, _query: dict[str, str], body: Any, id_: str) -> Any:
        stored = self._namespace(id_)
        assert len(body) <= 10_000
        for pair in body:
            keys = {"key", "value", "base64", "expiration", "expiration_ttl", "metadata"}
            assert set(pair) <= keys, pair
            expiration = pair.get("expiration")
            if expiration is not None and expiration < time.time() + 60:
                raise self._refused(400, 10024, "expiration must be at least 60 seconds away")
            given = pair["value"].encode()
            content = base64.b64decode(given) if pair.get("base64") else given
            stored[pair["key"]] = Stored(content, pair.get("metadata"), expiration)
        return {"result": {"successful_key_count": len(body), "unsuccessful_keys": []}}

    def list_objects(self, query: dict[str, str], _body: Any, bucket: str) -> Any:
        allowed = {"per_page", "cursor", "prefix", "delimiter", "start_after", "jurisdiction"}
        assert set(query) <= allowed
        self._api._bucket(bucket, query)
        if not 1 <= int(query.get("per_page", "20")) <= 1000:
            raise self._refused(400, 10024, "per_page must be from 1 to 1000")
        stored = self._data.objects.get(bucket, {})
        plain = {key: Stored(b"x") for key in self._api.objects.get(bucket, [])}
        stored = plain | stored
        names, cursor = self._page(sorted(stored), query, "per_page")
        result = [
            {
                "key": name,
                "size": len(stored[name].content),
                "etag": hashlib.md5(stored[name].content).hexdigest(),
                "http_metadata": stored[name].http,
                "custom_metadata": stored[name].custom,
                "storage_class": stored[name].storage,
            }
            for name in names
        ]
        info = {"is_truncated": bool(cursor)} | ({"cursor": cursor} if cursor else {})
        return {"result": result, "result_info": info}

    def get_object(self, query: dict[str, str], _body: Any, bucket: str, key: str) -> bytes:
        self._api._bucket(bucket, query)
        stored = self._data.objects.get(bucket, {})
        if unquote(key) not in stored:
            raise self._refused(404, 10007, "The specified key does not exist.")
        return stored[unquote(key)].content

    def put_object(self, query: dict[str, str], body: Any, bucket: str, key: str) -> Any:
        self._api._bucket(bucket, query)
        names = {"content-type": "contentType", "cache-control": "cacheControl"}
        names["content-disposition"] = "contentDisposition"
        http = {to: body[name] for name, to in names.items() if name in body}
        storage = body.get("cf-r2-storage-class", "Standard")
        stored = Stored(body["content"], http=http, storage=storage)
        self._data.objects.setdefault(bucket, {})[unquote(key)] = stored
        return {"result": {"key": unquote(key)}}

    def _index(self, name: str) -> dict[str, dict[str, Any]]:
        if name not in self._api.indexes:
            raise self._refused(404, 3000, "vectorize.index_not_found")
        return self._data.vectors.setdefault(name, {})

    def list_vectors(self, query: dict[str, str], _body: Any, name: str) -> Any:
        assert set(query) <= {"count", "cursor"}
        stored = self._index(name)
        ids, cursor = self._page(sorted(stored), query, "count")
        counts = {"count": len(ids), "totalCount": len(stored), "isTruncated": bool(cursor)}
        more = {"nextCursor": cursor} if cursor else {}
        return {"result": {"vectors": [{"id": id_} for id_ in ids], **counts, **more}}

    def get_vectors(self, _query: dict[str, str], body: Any, name: str) -> Any:
        stored = self._index(name)
        assert list(body) == ["ids"]
        if not 1 <= len(body["ids"]) <= 20:
            raise self._refused(400, 40025, "too many ids in payload")
        return {"result": [stored[id_] for id_ in body["ids"] if id_ in stored]}

    def upsert(self, _query: dict[str, str], body: Any, name: str) -> Any:
        stored = self._index(name)
        size = self._api.indexes[name]["config"]["dimensions"]
        for vector in body["vectors"]:
            assert set(vector) <= {"id", "values", "namespace", "metadata"}, vector
            if len(vector["values"]) != size:
                raise self._refused(400, 40012, "invalid vector for index")
            stored[vector["id"]] = vector
        return {"result": {"mutationId": "m"}}
