"""Copies the objects of a bucket, and compares each with the listing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cfpy.account.account_data import AccountData, StoredObject
from cfpy.account.backups.folder import write
from cfpy.account.backups.keys import has_dots, not_copied, some
from cfpy.account.backups.targets import Target

_MD5 = re.compile(r"[0-9a-f]{32}")
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

    def read(numbered: tuple[int, StoredObject]) -> tuple[int, StoredObject, str]:
        number, item = numbered
        content = data.content(target.name, target.jurisdiction, item.key)
        if content is None or not _is_listed(item, content):
            return number, item, ""
        return number, item, write(folder / _name(target, number), content)

    plain = [item for item in objects if not has_dots(item.key)]
    found = list(each(read, list(enumerate(plain, 1)), target))
    gone: list[str] = []
    changed: list[str] = []
    if any(not digest for _, _, digest in found):
        there = {item.key: item for item in data.objects(target.name, target.jurisdiction)}
        for at, (number, item, digest) in enumerate(found):
            if digest:
                continue
            if item.key not in there:
                gone.append(item.key)
                continue
            found[at] = read((number, there[item.key]))
            if not found[at][2]:
                changed.append(item.key)
    dotted = [item.key for item in objects if has_dots(item.key)]
    copied = CopiedObjects(missed=(*dotted, *changed))
    for number, item, digest in found:
        if digest:
            name = _name(target, number)
            copied.files[name] = digest
            copied.index.append({**asdict(item), "file": name})
    copied.notes = tuple(_notes(dotted, changed, gone))
    return copied


def _notes(dotted: list[str], changed: list[str], gone: list[str]) -> Iterator[str]:
    if dotted:
        yield not_copied(dotted)
    if changed:
        yield f"not copied, because what was read is not what the bucket lists: {some(changed)}"
    if gone:
        yield f"deleted while the bucket was copied: {some(gone)}"


def _name(target: Target, number: int) -> str:
    return f"r2/{target.binding}/{number:05}"


def _is_listed(item: StoredObject, content: bytes) -> bool:
    """The etag is the MD5 of an object, unless it was uploaded in parts
    (developers.cloudflare.com/r2/objects/upload-objects)."""
    if len(content) != item.size:
        return False
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return not _MD5.fullmatch(item.etag) or item.etag == digest
