"""Text out of files."""

from __future__ import annotations

import pytest

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
