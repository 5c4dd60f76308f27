"""Reads what an account's resources hold: rows, values, objects and vectors. It never writes.

Paths and shapes: developers.cloudflare.com/api, and wrangler 4.164.0, which asks the same ones for
`d1 time-travel info`, `kv key get`, `r2 object get` and `vectorize list-vectors`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cfpy.account.cloudflare_client import CloudflareClient, Content, documented
from cfpy.account.owned.outside import jurisdiction_header
from cfpy.errors import CloudflareError

# The most that the API gives at once: keys, objects, vectors' ids, and vectors.
_KEYS, _OBJECTS, _IDS, _VECTORS = 1000, 1000, 1000, 20


@dataclass(frozen=True)
class StoredObject:
    """An object of a bucket: ``size`` is in bytes, ``etag`` as R2 gives it, without quotes."""

    key: str
    size: int
    etag: str
    http_metadata: Mapping[str, str]
    custom_metadata: Mapping[str, str]
    storage_class: str


class AccountData:
    """The data of the account ``account_id``."""

    def __init__(self, api: CloudflareClient, account_id: str) -> None:
        self._api = api
        self._account = f"accounts/{account_id}"

    @documented()
    def query(
        self, database_id: str, sql: str, params: Sequence[str | int] = ()
    ) -> list[dict[str, Any]]:
        """The rows of one statement that only reads.

        Raises:
            CloudflareError: The API can't be reached, or the statement failed.
        """
        body: dict[str, Any] = {"sql": sql}
        if params:
            body["params"] = list(params)
        answer = self._api.request("POST", self._d1(database_id, "query"), json=body)
        return list(answer["result"][0]["results"])

    @documented()
    def bookmark(self, database_id: str, timestamp: str = "") -> str:
        """The Time Travel bookmark of now, or of ``timestamp`` (RFC 3339).

        Raises:
            CloudflareError: There is none: the time is too long ago, or the database is too old.
        """
        path = self._d1(database_id, "time_travel/bookmark")
        return str(self._api.get(path, timestamp=timestamp)["result"]["bookmark"])

    def keys(self, namespace_id: str) -> Iterator[Mapping[str, Any]]:
        """The keys of a namespace: ``name``, and perhaps ``expiration`` (in Unix seconds) and
        ``metadata``.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        with documented():
            cursor = ""
            path = f"{self._account}/storage/kv/namespaces/{namespace_id}/keys"
            while True:
                page = self._api.get(path, limit=_KEYS, cursor=cursor)
                yield from page["result"]
                cursor = str((page.get("result_info") or {}).get("cursor") or "")
                if not cursor:
                    return

    def value(self, namespace_id: str, key: str) -> bytes | None:
        """The value of a key; ``None`` if it is gone.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        path = f"{self._account}/storage/kv/namespaces/{namespace_id}/values"
        found = self._api.content(f"{path}/{quote(key, safe='')}")
        return found.body if found else None

    def objects(self, bucket: str, jurisdiction: str) -> Iterator[StoredObject]:
        """The objects of a bucket, by key.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        with documented():
            cursor, headers = "", jurisdiction_header(jurisdiction)
            path = f"{self._account}/r2/buckets/{bucket}/objects"
            while True:
                params = {"per_page": _OBJECTS} | ({"cursor": cursor} if cursor else {})
                page = self._api.request("GET", path, headers=headers, params=params)
                for item in page["result"]:
                    yield StoredObject(
                        key=str(item["key"]),
                        size=int(item.get("size") or 0),
                        etag=str(item.get("etag") or "").strip('"'),
                        http_metadata=item.get("http_metadata") or {},
                        custom_metadata=item.get("custom_metadata") or {},
                        storage_class=str(item.get("storage_class") or ""),
                    )
                info = page.get("result_info") or {}
                cursor = str(info.get("cursor") or "") if info.get("is_truncated") else ""
                if not cursor:
                    return

    def content(
        self, bucket: str, jurisdiction: str, key: str, *, encoded: bool = False
    ) -> Content | None:
        """An object; ``None`` if it is gone. Slashes stay in the path, as in wrangler; if they are
        ``encoded``, the key is one segment of it.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        name = quote(key, safe="" if encoded else "/")
        path = f"{self._account}/r2/buckets/{bucket}/objects/{name}"
        return self._api.content(path, jurisdiction_header(jurisdiction))

    def vector_ids(self, index: str) -> Iterator[str]:
        """The ids of all vectors, of one moment.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        with documented():
            cursor = ""
            while True:
                page = self._api.get(self._index(index, "list"), count=_IDS, cursor=cursor)
                found = page["result"]
                yield from (str(item["id"]) for item in found["vectors"])
                cursor = str(found.get("nextCursor") or "") if found.get("isTruncated") else ""
                if not cursor:
                    return

    def vectors(self, index: str, ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Vectors by their ids: ``id``, ``values``, and perhaps ``metadata`` and ``namespace``.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        with documented():
            for start in range(0, len(ids), _VECTORS):
                body = {"ids": list(ids[start : start + _VECTORS])}
                path = self._index(index, "get_by_ids")
                yield from self._api.request("POST", path, json=body)["result"]

    def _d1(self, database_id: str, action: str) -> str:
        return f"{self._account}/d1/database/{database_id}/{action}"

    def _index(self, index: str, action: str) -> str:
        return f"{self._account}/vectorize/v2/indexes/{index}/{action}"


def refused(error: CloudflareError) -> bool:
    """Whether the API answered, and did not do what it was asked for."""
    return 400 <= error.status < 500


def refused_key(error: CloudflareError) -> bool:
    """Whether the API does not give one value, such as one that is encrypted with a key of its
    owner: the others may be read."""
    return refused(error) and error.status not in (408, 429)
