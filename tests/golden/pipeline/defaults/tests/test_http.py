"""Reading requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from web.http import Request, read_body
from web.problems import Problem


@dataclass(frozen=True)
class Part:
    data: bytes

    def to_bytes(self) -> bytes:
        return self.data


class Endless:
    """A body that never ends, and counts what was read of it."""

    def __init__(self) -> None:
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[Part]:
        while True:
            self.read += 100_000
            yield Part(b"x" * 100_000)


def read(parts: AsyncIterator[Part], max_bytes: int) -> bytes:
    return asyncio.run(read_body(Request("POST", "/", {}, {}, parts), max_bytes))


async def parts_of(*parts: bytes) -> AsyncIterator[Part]:
    for part in parts:
        yield Part(part)


def test_a_body_may_be_as_long_as_allowed() -> None:
    assert read(parts_of(b"abc", b"", b"de"), 5) == b"abcde"


def test_a_longer_one_is_read_to_its_end_before_it_is_refused() -> None:
    body = parts_of(b"abc", b"def", b"ghi")
    with pytest.raises(Problem, match="at most 5 bytes"):
        read(body, 5)
    assert asyncio.run(anext(body, None)) is None


def test_not_even_a_patient_reader_reads_for_ever() -> None:
    body = Endless()
    with pytest.raises(Problem, match="at most 5 bytes"):
        read(body.__aiter__(), 5)
    assert body.read < 11_000_000
