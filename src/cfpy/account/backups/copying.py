"""Copies the data of one resource into files of a backup."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cfpy.account.account_data import AccountData, refused_key
from cfpy.account.backups.dump import closing, counting, insert, lines, opening
from cfpy.account.backups.folder import write
from cfpy.account.backups.keys import is_dots, not_copied, not_given, some
from cfpy.account.backups.manifest import Item, index_of
from cfpy.account.backups.objects import copy_objects
from cfpy.account.backups.targets import Target
from cfpy.account.tables import Tables
from cfpy.account.wrangler import Wrangler
from cfpy.errors import CloudflareError, UsageError
from cfpy.tools.files import file_sha256

#: The largest bucket that is copied; and the most keys of a namespace.
MOST_OBJECTS, MOST_BYTES, MOST_KEYS = 2000, 2_000_000_000, 100_000
_CONNECTIONS = 8
_AT_ONCE = 32
# wrangler sends 1000 keys at once, and the API takes 100 MB.
_KEYS, _PART_BYTES = 1000, 50_000_000


class TooLargeError(UsageError):
    """A resource has more than a backup in files can have; ``reason`` names both."""

    def __init__(self, target: Target, why: str) -> None:
        hint = {
            "r2": "For a bucket of this size, use rclone, or Cloudflare's Super Slurper to copy it "
            "to another bucket (developers.cloudflare.com/r2/data-migration). ",
            "kv": "Copy it with a Worker of your own. ",
        }[target.kind]
        self.reason = f"{target.key} has {why}: too much for a backup in files"
        super().__init__(
            self.reason, hint=f"{hint}To back up everything else, add --skip {target.key}."
        )


class Copying:
    """Copies into ``folder``."""

    def __init__(
        self, data: AccountData, wrangler: Wrangler, folder: Path, progress: Callable[[str], None]
    ) -> None:
        self._data = data
        self._wrangler = wrangler
        self._folder = folder
        self._progress = progress

    def copy(self, target: Target) -> Item:
        """Copy one resource.

        Raises:
            TooLargeError: It is too large.
            WranglerError: A database can't be exported.
            CloudflareError: The API can't be reached, or fails.
        """
        copied = {
            "d1": self._database,
            "kv": self._namespace,
            "r2": self._bucket,
            "vectorize": self._index,
        }[target.kind](target)
        if target.kind != "d1":
            self._progress(f"Copied {copied.count} of {target.key}")
        return copied

    def _database(self, target: Target) -> Item:
        bookmark = self._data.bookmark(target.id)
        tables = Tables(self._data, target.id)
        name = f"d1/{target.binding}.sql"
        path = self._folder / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        by_queries = tables.has_virtual_tables()
        self._progress(f"Copying the database {target.name}")
        notes: tuple[str, ...] = ()
        if by_queries:
            notes = self._by_queries(tables, path, target)
        else:
            words = ("d1", "export", target.binding, "--remote", f"--output={path}")
            what = f"can't export the database {target.name}"
            self._wrangler.change(what, *words, "--skip-confirmation")
        _, rows = tables.count()
        self._progress(f"Copied the {rows} rows of {target.key}")
        how = "queries" if by_queries else "export"
        files = {name: file_sha256(path)}
        return _item(target, files, rows, bookmark=bookmark, how=how, notes=notes)

    def _by_queries(self, tables: Tables, path: Path, target: Target) -> tuple[str, ...]:
        schema = tables.schema()

        def statements() -> Iterator[str]:
            yield from opening(schema)
            for table in schema.usual:
                for rowid, row in tables.rows(table, self._rows(target, table.name)):
                    yield insert(table, rowid, row)
            yield from counting(schema, tables.counters())
            yield from closing(schema)
            for table in schema.virtual:
                if table.content == "own":
                    for rowid, row in tables.rows(table):
                        yield insert(table, rowid, row)
            yield from (f"{sql};" for sql in schema.later)

        with path.open("xb") as file:
            file.writelines(lines(statements()))
        left = ["read by queries, not at one moment, because D1 can't export virtual tables"]
        left += [
            f"{table.name}: a virtual table whose text can't be read"
            for table in schema.virtual
            if table.content == "none" and "fts5vocab" not in table.sql.lower()
        ]
        return tuple(left)

    def _rows(self, target: Target, table: str) -> Callable[[int], None]:
        return lambda seen: self._progress(f"Copying {target.key}: {seen} rows of {table}")

    def _namespace(self, target: Target) -> Item:
        listed = _at_most(self._data.keys(target.id), MOST_KEYS, target, "keys")
        keys = [key for key in listed if not is_dots(str(key["name"]))]
        missed = tuple(str(key["name"]) for key in listed if is_dots(str(key["name"])))

        kept_back: set[str] = set()

        def read(key: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes | None]:
            try:
                return key, self._data.value(target.id, str(key["name"]))
            except CloudflareError as error:
                if not refused_key(error):
                    raise
                kept_back.add(str(key["name"]))
                return key, None

        files: dict[str, str] = {}
        count = 0
        gone: list[str] = []
        part: list[dict[str, Any]] = []
        size = 0

        def store() -> None:
            name = f"kv/{target.binding}-{len(files) + 1:04}.json"
            files[name] = write(self._folder / name, json.dumps(part).encode())

        for found, value in self._at_once(read, keys, target):
            if value is None:
                if str(found["name"]) not in kept_back:
                    gone.append(str(found["name"]))
                continue
            count += 1
            if part and (len(part) == _KEYS or size + len(value) > _PART_BYTES):
                store()
                part, size = [], 0
            part.append(_pair(found, value))
            size += len(value)
        if part:
            store()
        notes = [not_copied(missed)] if missed else []
        if kept_back:
            notes.append(not_given(sorted(kept_back)))
        if gone:
            notes.append(f"deleted or expired while the namespace was copied: {some(gone)}")
        if odd := [key for key in keys if not isinstance(key.get("metadata") or {}, dict)]:
            notes.append(
                f"the metadata of {len(odd)} keys is not an object, so wrangler can't write it back"
            )
        return _item(target, files, count, notes=tuple(notes), missed=(*missed, *sorted(kept_back)))

    def _bucket(self, target: Target) -> Item:
        objects = _at_most(
            self._data.objects(target.name, target.jurisdiction), MOST_OBJECTS, target, "objects"
        )
        if sum(item.size for item in objects) > MOST_BYTES:
            raise TooLargeError(target, f"more than {MOST_BYTES // 1_000_000} MB")
        copied = copy_objects(self._data, target, objects, self._folder, self._at_once)
        name = index_of(target.binding)
        files = dict(copied.files)
        files[name] = write(self._folder / name, json.dumps(copied.index, indent=1).encode())
        notes = list(copied.notes)
        if custom := sum(1 for item in copied.index if item["custom_metadata"]):
            notes.append(
                f"wrangler can't write back the custom metadata of {custom} objects ({name} has it)"
            )
        count = len(copied.index)
        return _item(target, files, count, notes=tuple(notes), missed=copied.missed)

    def _index(self, target: Target) -> Item:
        ids = list(self._data.vector_ids(target.name))
        name = f"vectorize/{target.binding}.ndjson"
        path = self._folder / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        count = 0
        with path.open("x", encoding="utf-8") as file:
            for count, vector in enumerate(self._data.vectors(target.name, ids), 1):
                kept = {key: vector[key] for key in _VECTOR if vector.get(key) is not None}
                file.write(json.dumps(kept) + "\n")
                if count % 500 == 0:
                    self._progress(f"Copying {target.key}: {count} of {len(ids)}")
        return _item(target, {name: file_sha256(path)}, count)

    def _at_once(
        self, read: Callable[[Any], Any], items: list[Any], target: Target
    ) -> Iterator[Any]:
        """What ``read`` gives for each item, in their order, several at once; only as much is
        kept in memory as is read at once."""
        done = 0
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            for start in range(0, len(items), _AT_ONCE):
                part = items[start : start + _AT_ONCE]
                yield from pool.map(read, part)
                done += len(part)
                self._progress(f"Copying {target.key}: {done} of {len(items)}")


_VECTOR = ("id", "values", "namespace", "metadata")


def _item(target: Target, files: Mapping[str, str], count: int, **more: Any) -> Item:
    return Item(target.kind, target.binding, target.name, target.id, files, count, **more)


def _pair(found: Mapping[str, Any], value: bytes) -> dict[str, Any]:
    """A key as `wrangler kv bulk put` takes it."""
    pair: dict[str, Any] = {"key": found["name"]}
    try:
        pair["value"] = value.decode()
    except UnicodeDecodeError:
        pair |= {"value": base64.b64encode(value).decode(), "base64": True}
    more = {key: found[key] for key in ("expiration", "metadata") if found.get(key) is not None}
    return pair | more


def _at_most(items: Iterable[Any], most: int, target: Target, noun: str) -> list[Any]:
    found = []
    for item in items:
        found.append(item)
        if len(found) > most:
            raise TooLargeError(target, f"more than {most} {noun}")
    return found
