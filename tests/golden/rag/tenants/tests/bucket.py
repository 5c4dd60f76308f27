"""R2 in plain Python."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services import Fuse


@dataclass
class FakeDate:
    """A date of JavaScript."""

    seconds: float

    def getTime(self) -> float:
        return self.seconds * 1000


@dataclass
class StoredFile:
    key: str
    data: bytes
    uploaded: FakeDate

    async def bytes(self) -> memoryview:
        return memoryview(self.data)


class FakeR2:
    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.files: dict[str, StoredFile] = {}
        self.page_size = 1000

    async def put(self, key: str, value: Any) -> None:
        await asyncio.sleep(0)
        self.fuse.before_call()
        if not isinstance(value, bytes):
            value = b"".join([piece.to_bytes() async for piece in value])
        self.files[key] = StoredFile(key, value, FakeDate(time.time()))
        self.fuse.after_call()

    async def get(self, key: str) -> StoredFile | None:
        await asyncio.sleep(0)
        self.fuse.before_call()
        return self.files.get(key)

    async def head(self, key: str) -> StoredFile | None:
        return await self.get(key)

    async def delete(self, keys: str | list[str]) -> None:
        await asyncio.sleep(0)
        self.fuse.before_call()
        for key in [keys] if isinstance(keys, str) else keys:
            self.files.pop(key, None)
        self.fuse.after_call()

    async def list(self, options: Mapping[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.fuse.before_call()
        keys = sorted(key for key in self.files if key > options.get("cursor", ""))
        size = min(self.page_size, options["limit"])
        page = {"objects": [self.files[key] for key in keys[:size]], "truncated": len(keys) > size}
        return page | ({"cursor": keys[size - 1]} if len(keys) > size else {})
