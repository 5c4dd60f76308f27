"""Text out of files."""

from __future__ import annotations

import pytest

from pipeline.jobs import Unprocessable
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
    ("data", "media_type", "why"),
    [
        (b"", "text/plain", "holds no text"),
        (b"\xff", "text/plain", "neither UTF-8 nor UTF-16"),
        (b"{", "application/json", "no valid JSON"),
        (b"[" * 100, "application/json", "nested more than"),
        (b"<p>&#" + b"9" * 5_000 + b";</p>", "text/html", "can't be read as text/html"),
        # Each line would be told with a name of 100,000 characters, as 6 GB in all.
        (b"h" * 100_000 + b"\n" + b"1\n" * 60_000, "text/csv", "more than 5,000,000 characters"),
        (
            b'{"' + b"k" * 100_000 + b'": [' + b"1, " * 30_000 + b"1]}",
            "application/json",
            "more than 5,000,000 characters",
        ),
    ],
    ids=lambda value: str(value[:30]),
)
def test_what_holds_no_text_that_could_be_used(data: bytes, media_type: str, why: str) -> None:
    with pytest.raises(Unprocessable, match=why):
        extract(data, media_type)
