"""Writes the files of a backup into resources, by wrangler. Each step can be repeated."""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cfpy.account.backups.contents import objects_of, pairs_of
from cfpy.account.backups.dump import all_else, emptying, tables_first
from cfpy.account.backups.folder import write
from cfpy.account.backups.keys import has_dots
from cfpy.account.backups.restore_plan import TIME_TRAVEL, RestoreStep
from cfpy.account.owned.outside import in_jurisdiction
from cfpy.account.session import Session
from cfpy.account.steps import attempt, is_refusal
from cfpy.account.tables import Tables
from cfpy.tools.context import Context

# Workers KV takes no expiration that is less than 60 seconds away.
_SOONEST_SECONDS = 90
# By the name in the API: the option of `wrangler r2 object put`.
_HTTP_OPTIONS = {
    "contentType": "content-type",
    "contentDisposition": "content-disposition",
    "contentEncoding": "content-encoding",
    "contentLanguage": "content-language",
    "cacheControl": "cache-control",
}


class WritingBack:
    """Restores from the folder of a backup."""

    def __init__(self, ctx: Context, session: Session, folder: Path) -> None:
        self._ctx = ctx
        self._data = session.account.data
        self._wrangler = session.wrangler.patient()
        self._folder = folder
        #: Whether the last step has sent a command that was not refused.
        self.may_have_changed = False

    def restore(self, step: RestoreStep) -> None:
        """Carry out a step.

        Raises:
            WranglerError: It failed.
            CloudflareError: The API can't be reached, or fails.
        """
        self.may_have_changed = False
        if step.how == TIME_TRAVEL:
            self._time_travel(step)
        elif step.item.kind == "d1":
            self._import(step)
        elif step.item.kind == "kv":
            self._namespace(step)
        elif step.item.kind == "r2":
            self._bucket(step)
        else:
            self._index(step)

    def _change(self, what: str, *words: str) -> None:
        """Every command here gives the same result when it is repeated, so an answer that was lost
        counts as a failure."""
        attempt(lambda: self._once(what, *words), lambda: False)

    def _once(self, what: str, *words: str) -> None:
        try:
            self._wrangler.change(what, *words)
        except BaseException as error:
            self.may_have_changed |= not is_refusal(error)
            raise
        self.may_have_changed = True

    def _time_travel(self, step: RestoreStep) -> None:
        # Without --json, wrangler asks, and takes no answer for a no.
        words = ("d1", "time-travel", "restore", step.target.binding, "--json")
        what = f"can't take the database {step.target.name} back"
        self._change(what, *words, f"--bookmark={step.item.bookmark}")

    def _import(self, step: RestoreStep) -> None:
        """Import one file that deletes all tables, then creates those of the backup: D1 runs it
        completely or not at all."""
        [name] = step.item.files
        with tempfile.TemporaryDirectory(prefix="cfpy-") as scratch:
            path = Path(scratch) / "restore.sql"
            write(path, b"")
            words = ("d1", "execute", step.target.binding, "--remote", "--yes", f"--file={path}")

            def once() -> None:
                # Written again for each attempt: the answer of the one before may be lost, and
                # then the database has other tables.
                schema = Tables(self._data, step.target.id).schema()
                with path.open("w", encoding="utf-8", newline="") as file:
                    file.writelines(f"{each}\n" for each in emptying(schema))
                    for part in (tables_first, all_else):
                        with (self._folder / name).open(encoding="utf-8", newline="\n") as backup:
                            file.writelines(part(backup))
                self._once(f"can't restore the database {step.target.name}", *words)

            attempt(once, lambda: False)

    def _namespace(self, step: RestoreStep) -> None:
        for number, name in enumerate(step.item.files, 1):
            self._ctx.progress(f"Restoring {step.target.key}: {number} of {len(step.item.files)}")
            pairs = pairs_of(self._folder, name)
            soon = time.time() + _SOONEST_SECONDS
            # What expires in the meantime is gone.
            left = [_accepted(pair) for pair in pairs if pair.get("expiration", soon) >= soon]
            if not left:
                continue
            with tempfile.TemporaryDirectory(prefix="cfpy-") as scratch:
                path = Path(scratch) / "pairs.json"
                write(path, json.dumps(left).encode())
                where = (f"--namespace-id={step.target.id}", "--remote")
                what = f"can't restore the namespace {step.target.name}"
                self._change(what, "kv", "bulk", "put", str(path), *where)

    def _bucket(self, step: RestoreStep) -> None:
        """Objects with the same metadata are written by one command."""
        target = step.target
        objects = [i for i in objects_of(self._folder, step.item) if not has_dots(i["key"])]
        has = {item.key: item for item in self._data.objects(target.name, target.jurisdiction)}
        groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
        for item in objects:
            there = has.get(item["key"])
            same = there and (there.etag, there.size) == (item["etag"], item["size"])
            if not (same and there and dict(there.http_metadata) == item["http_metadata"]):
                groups[tuple(_options(item))].append(item)
        for options, members in groups.items():
            with tempfile.TemporaryDirectory(prefix="cfpy-") as scratch:
                path = Path(scratch) / "objects.json"
                listed = [
                    # wrangler puts the key into an address as it is.
                    {"key": quote(item["key"]), "file": str(self._folder / item["file"])}
                    for item in members
                ]
                write(path, json.dumps(listed).encode())
                words = ("r2", "bulk", "put", target.name, "--remote", f"--filename={path}")
                what = f"can't restore the bucket {target.name}"
                where = in_jurisdiction(target.jurisdiction)
                self._change(what, *words, "--force", *options, *where)

    def _index(self, step: RestoreStep) -> None:
        [name] = step.item.files
        path = self._folder / name
        if step.item.count:
            words = ("vectorize", "upsert", step.target.name, f"--file={path}")
            self._change(f"can't restore the index {step.target.name}", *words)


def _options(item: Mapping[str, Any]) -> Iterator[str]:
    for key, option in _HTTP_OPTIONS.items():
        if value := item["http_metadata"].get(key):
            yield f"--{option}={value}"
    if item["storage_class"]:
        yield f"--storage-class={item['storage_class']}"


def _accepted(pair: Mapping[str, Any]) -> Mapping[str, Any]:
    """A pair that wrangler accepts: metadata only as an object."""
    odd = not isinstance(pair.get("metadata", {}), dict)
    return {key: value for key, value in pair.items() if not (odd and key == "metadata")}
