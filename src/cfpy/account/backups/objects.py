"""Copies the objects of a bucket, and compares each with the listing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cfpy.account.account_data import AccountData, StoredObject, refused_key
from cfpy.account.backups.folder import write
from cfpy.account.backups.keys import has_dots, is_dots, not_copied, not_given, some
from cfpy.account.backups.targets import Target
from cfpy.account.cloudflare_client import Content
from cfpy.errors import CloudflareError

_MD5 = re.compile(r"[0-9a-f]{32}")
_OF_PARTS = re.compile(r"[0-9a-f]{32}-\d+")
#: What reads each of some items, in their order, several at once.
AtOnce = Callable[[Callable[[Any], Any], list[Any], Target], Iterator[Any]]


@dataclass
class CopiedObjects:
    """``index`` describes each copied object, ``files`` has the SHA-256 of its file. ``missed``
    are the keys of objects that are there and were not copied."""

    index: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def copy_objects(
    data: AccountData, target: Target, objects: Sequence[StoredObject], folder: Path, each: AtOnce
) -> CopiedObjects:
    """Copy ``objects``, the listing of a bucket, into ``folder``.

    One that is not as it was listed may have been written since then, so it is listed and read
    once more.

    Raises:
        CloudflareError: The API can't be reached, or fails.
    """
    kept_back: set[str] = set()

    def read(numbered: tuple[int, StoredObject]) -> tuple[int, StoredObject, str]:
        number, item = numbered
        dotted = has_dots(item.key)
        try:
            found = data.content(target.name, target.jurisdiction, item.key, encoded=dotted)
        except CloudflareError as error:
            if not refused_key(error):
                raise
            kept_back.add(item.key)
            return number, item, ""
        if found is None or not _is_listed(item, found, prove=dotted):
            return number, item, ""
        return number, item, write(folder / _name(target, number), found.body)

    named = [item for item in objects if not is_dots(item.key)]
    found = list(each(read, list(enumerate(named, 1)), target))
    gone: list[str] = []
    changed: list[str] = []
    dotted = [item.key for item in objects if is_dots(item.key)]
    if any(not digest for _, _, digest in found):
        there = {item.key: item for item in data.objects(target.name, target.jurisdiction)}
        kept_back.clear()
        for at, (number, item, digest) in enumerate(found):
            if digest:
                continue
            if item.key not in there:
                gone.append(item.key)
                continue
            found[at] = read((number, there[item.key]))
            if not found[at][2] and item.key not in kept_back:
                (dotted if has_dots(item.key) else changed).append(item.key)
    copied = CopiedObjects(missed=(*dotted, *changed, *sorted(kept_back)))
    for number, item, digest in found:
        if digest:
            name = _name(target, number)
            copied.files[name] = digest
            copied.index.append({**asdict(item), "file": name})
    copied.notes = tuple(_notes(dotted, changed, gone, sorted(kept_back)))
    return copied


def _notes(
    dotted: list[str], changed: list[str], gone: list[str], kept_back: list[str]
) -> Iterator[str]:
    if dotted:
        yield not_copied(dotted)
    if changed:
        yield f"not copied, because what was read is not what the bucket lists: {some(changed)}"
    if kept_back:
        yield not_given(kept_back)
    if gone:
        yield f"deleted while the bucket was copied: {some(gone)}"


def _name(target: Target, number: int) -> str:
    return f"r2/{target.binding}/{number:05}"


def _is_listed(item: StoredObject, found: Content, *, prove: bool) -> bool:
    """The etag is the MD5 of an object, unless it was uploaded in parts
    (developers.cloudflare.com/r2/objects/upload-objects). Then the etag of the answer is compared,
    if it has one; without it only the size, which does not ``prove`` that this is the object."""
    if len(found.body) != item.size:
        return False
    if _MD5.fullmatch(item.etag):
        return item.etag == hashlib.md5(found.body, usedforsecurity=False).hexdigest()
    if _OF_PARTS.fullmatch(item.etag) and _OF_PARTS.fullmatch(found.etag):
        return item.etag == found.etag
    return not prove
