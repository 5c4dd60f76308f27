"""Text out of files."""

from __future__ import annotations

import time

import pytest

from pipeline.jobs import Unprocessable
from pipeline.limits import MAX_FILE_BYTES
from pipeline.texts import extract


@pytest.mark.parametrize(
    ("data", "media_type", "text"),
    [
        (b"\xef\xbb\xbfplain", "text/plain", "plain"),
        ("größer".encode("utf-16"), "text/plain", "größer"),
        (b"# Title\n\ntext", "text/markdown", "# Title\n\ntext"),
        (
            b"<title>T</title><style>p{}</style><h1>A &amp; B</h1><p>one\n two<br>three"
            b"<script>alert('<p>')</script>",
            "text/html",
            "T\n\nA & B\n\none\ntwo\nthree",
        ),
        (b"name,age\nAda,36\n\nBob,", "text/csv", "name: Ada, age: 36\nname: Bob, age: "),
        (b'a,b\n"x, y","say ""hi""",extra', "text/csv", 'a: x, y, b: say "hi", extra'),
        (b"only,header", "text/csv", "only, header"),
        (
            b'{"a": {"b": [1, "x", null]}, "c": true}',
            "application/json",
            "a.b[0]: 1\na.b[1]: x\na.b[2]: null\nc: true",
        ),
        (b'"just a text"', "application/json", "just a text"),
    ],
)
def test_what_a_reader_would_see(data: bytes, media_type: str, text: str) -> None:
    assert extract(data, media_type) == text.strip()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"h" * 100_000 + b"\n" + b"1\n" * 60_000, "text/csv"),
        (b"," * MAX_FILE_BYTES, "text/csv"),
        (b'{"' + b"k" * 100_000 + b'":[' + b"1," * 30_000 + b"1]}", "application/json"),
    ],
    ids=["column", "header", "path"],
)
def test_names_make_no_text_much_larger_than_its_file(data: bytes, media_type: str) -> None:
    with pytest.raises(Unprocessable, match="expands to more than 5000000 characters"):
        extract(data, media_type)


def test_a_path_that_leads_to_nothing_costs_nothing() -> None:
    start = time.monotonic()
    data = b'{"' + b"k" * 2_000_000 + b'":[' + b"[]," * 200_000 + b'"whale"]}'
    assert extract(data, "application/json").endswith("[200000]: whale")
    assert time.monotonic() - start < 2


def test_the_largest_plain_text_is_not_too_large() -> None:
    assert len(extract(b"x" * MAX_FILE_BYTES, "text/plain")) == MAX_FILE_BYTES
