"""Reading requests."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from growth import TIMES, growth
from web.http import Request, parse_json, read_body
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


def read(parts: AsyncIterator[Part], max_bytes: int, encoding: str = "identity") -> bytes:
    headers = {"content-encoding": encoding}
    return asyncio.run(read_body(Request("POST", "/", {}, headers, parts), max_bytes))


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


@pytest.mark.parametrize("size", [1, 7, 10_000, 100_000])
def test_several_gzip_files_in_a_row_are_one(size: int) -> None:
    texts = [b"Whales. " * 10_000, b"", b"They swim.", *[b"x"] * 2_000]
    body = b"".join(map(gzip.compress, texts))
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    content = b"".join(texts)
    assert read(parts_of(*parts), len(content), "gzip") == content
    with pytest.raises(Problem, match="at most"):
        read(parts_of(*parts), len(content) - 1, "gzip")
    for broken in (body[:-1], body + b"x", body + b"no gzip at all"):
        with pytest.raises(Problem, match="no valid gzip"):
            read(parts_of(broken), len(content), "gzip")


def test_many_tiny_gzip_files_take_no_longer_than_their_size_tells() -> None:
    def unzip(count: int) -> None:
        body = gzip.compress(b"") * count
        assert read(parts_of(body), len(body), "gzip") == b""

    assert growth(unzip, 5_000) < 3 * TIMES


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"9" * 5_000, "a number has more than 1,000 digits"),
        (b'{"a": [-' + b"1" * 1_001 + b"]}", "a number has more than 1,000 digits"),
        (b'{"a": "\xff"}', "it is not UTF-8"),
        (b'{"a": NaN}', "JSON has no NaN"),
        (b"{", "Expecting property name"),
    ],
)
def test_what_is_no_json_is_said_in_words_for_clients(body: bytes, why: str) -> None:
    with pytest.raises(Problem, match=why) as refused:
        parse_json(body)
    assert "sys." not in refused.value.detail
    assert parse_json(b"9" * 1_000) == int("9" * 1_000)
