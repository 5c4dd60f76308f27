"""Forms as real clients write them, and as nobody should."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from growth import TIMES, growth
from web.forms import FormPart, read_form
from web.problems import Problem

FORM = "multipart/form-data; boundary=----X"
PLAIN = b'form-data; name="file"; filename="a.txt"'


def part(disposition: bytes = PLAIN, *headers: bytes, content: bytes = b"Whales.") -> bytes:
    head = b"\r\n".join([b"Content-Disposition: " + disposition, *headers])
    return b"------X\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def read_file(content_type: str, body: bytes) -> FormPart:
    """The one file of a form, whatever its field is called."""
    (file,) = [part for part in read_form(content_type, body, 20) if part.name]
    return replace(file, field="")


END = b"------X--\r\n"
NOTE = part(b'form-data; name="note"', content=b"hello")


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'form-data; name="f"; filename="a;b.txt"', "a;b.txt"),
        (b"form-data; name=f; filename=a.txt", "a.txt"),
        (b"form-data; name=f; filename=my file.txt", "my file.txt"),
        (b'Form-Data;Name="f";FileName="a.txt"', "a.txt"),
        (b'form-data; name="x; filename=y.txt"; filename="a.txt"', "a.txt"),
        (b'form-data; name="f";\r\n filename="a.txt"', "a.txt"),
        (b'form-data; name="f"; filename="C:\\Users\\me\\a.txt"', "C:\\Users\\me\\a.txt"),
        (b'form-data; name="f"; filename="say \\"hi\\".txt"', 'say "hi".txt'),
        (b'form-data; name="f"; filename="say %22hi%22 100%.txt"', 'say "hi" 100%.txt'),
        ('form-data; name="f"; filename="größe 日本.txt"'.encode(), "größe 日本.txt"),
        (b"form-data; name=\"f\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.txt", "größe.txt"),
        (b"form-data; filename*=UTF-8''r%C3%A9.txt; filename=\"re.txt\"", "ré.txt"),
        (b"form-data; filename=\"re.txt\"; filename*=iso-8859-1'en'r%E9.txt", "ré.txt"),
        (b"form-data; filename=\"l'ete d'or.txt\"", "l'ete d'or.txt"),
    ],
)
def test_names_of_files(disposition: bytes, name: str) -> None:
    assert read_file(FORM, part(disposition) + END) == FormPart("", name, "", b"Whales.")


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/form-data; boundary="----X"',
        "multipart/form-data; charset=UTF-8; boundary=----X",
        "Multipart/Form-Data; Boundary=----X; charset=UTF-8",
        "multipart/form-data; boundary = ----X ",
    ],
)
def test_boundaries(content_type: str) -> None:
    assert read_file(content_type, part() + END).content == b"Whales."


@pytest.mark.parametrize(
    "body",
    [
        part() + END,
        part() + END.strip(),
        NOTE + part() + NOTE + END,
        b"A preamble, which holds ------X--\r\n" + part() + END + b"An epilogue\r\n------X",
        (NOTE + part() + END).replace(b"\r\n", b"\n"),
        part().replace(b"X\r\n", b"X \t\r\n", 1) + END,
        part(PLAIN, b"Content-Length: 7", b"MIME-Version: 1.0", b"Content-ID: <1>") + END,
        part(PLAIN, b"Content-Transfer-Encoding: Binary ") + END,
        part() + part(b'form-data; name="f2"; filename=""', content=b"") + END,
    ],
)
def test_parts(body: bytes) -> None:
    assert read_file(FORM, body) == FormPart("", "a.txt", "", b"Whales.")


@pytest.mark.parametrize(
    "content",
    [b"", b"\r\n", b"\r\r\n\n", b"a\r\n----X\r\n--b", b"a\n------Xa\r\n ------X--\r\n", b"\0\xff"],
)
def test_the_content_comes_out_as_it_went_in(content: bytes) -> None:
    assert read_file(FORM, NOTE + part(content=content) + END).content == content


@pytest.mark.parametrize(
    ("said", "media_type"),
    [
        (b"Content-Type: TEXT/PLAIN; charset=windows-1252", "text/plain; charset=windows-1252"),
        (b'content-type:text/csv;charset="UTF-8"', 'text/csv;charset="utf-8"'),
        (b"Content-Type: text", "text"),
        (b"Content-Type:", ""),
    ],
)
def test_types_of_files(said: bytes, media_type: str) -> None:
    assert read_file(FORM, part(PLAIN, said) + END).media_type == media_type


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "last boundary is missing"),
        (part(), "last boundary is missing"),
        (part()[:-10], "last boundary is missing"),
        (part() * 50 + END, "more than 20 parts"),
        (part(b'form-data; filename="\xe9.txt"') + END, "a name in it is not UTF-8"),
        (part(PLAIN, b"Content-Transfer-Encoding: base64") + END, "in base64: send files as they"),
        (part(PLAIN, b"no header") + END, "broken headers"),
        (part(PLAIN + b";" * 100_000) + END, "more than 2000 bytes"),
        (b"------X\r\nno headers\r\n" + END, "has no headers"),
    ],
)
def test_what_is_wrong_with_a_form_is_said(body: bytes, why: str) -> None:
    with pytest.raises(Problem, match=f"400 not-a-form: .*{why}"):
        read_form(FORM, body, 20)


@pytest.mark.parametrize("content_type", ["multipart/form-data", f"{FORM[:-5]}{'(' * 3000}"])
def test_a_form_without_a_boundary(content_type: str) -> None:
    with pytest.raises(Problem, match="400 not-a-form: .* no boundary"):
        read_form(content_type, part() + END, 20)


def test_a_form_holds_fields_and_files() -> None:
    assert read_form(FORM, NOTE + part() + part() + END, 20) == [
        FormPart("note", "", "", b"hello"),
        *[FormPart("file", "a.txt", "", b"Whales.")] * 2,
    ]


@pytest.mark.parametrize(
    "make",
    [
        *(
            lambda n, piece=piece: piece * n
            for piece in (
                *(b"------X\r\n\r\n", b"------X", b"\r\n------X--a", b"------X \t"),
                *(b"\r\n------X ", b"\r\n--", b"\r", b"\n\n"),
            )
        ),
        lambda n: part(content=b"\r\n------X" + b" " * n + b"a\r\n") * 10,
        lambda n: part(content=b"\r\n------Xa" * n) + END,
    ],
)
def test_no_form_takes_longer_than_its_size(make: Callable[[int], bytes]) -> None:
    def read(size: int) -> None:
        with suppress(Problem):
            read_form(FORM, make(size), 20)

    assert growth(read, 5_000) < 3 * TIMES
