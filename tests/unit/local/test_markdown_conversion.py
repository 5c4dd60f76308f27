"""Documents of each format, and hostile ones, become Markdown or an error."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib
from typing import Any

import openpyxl
import pypdf
import pytest

from cfpy.local.markdown import conversion, pdf, tables
from cfpy.local.markdown.conversion import convert
from cfpy.local.markdown.formats import DOCX, ODS, ODT, SUPPORTED, XLSM, XLSX, detect
from cfpy.local.markdown.images import describe
from cfpy.local.markdown.options import check_options

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
ODF = "urn:oasis:names:tc:opendocument:xmlns"
ODF_NAMES = " ".join(f'xmlns:{name}="{ODF}:{name}:1.0"' for name in ("office", "text", "table"))
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + bytes(9)


def converted(name: str, data: bytes, given: str = "", **options: Any) -> str:
    result = convert(name, given, data, options)
    assert result["format"] in ("markdown", "text"), result
    assert set(result) == {"name", "mimeType", "format", "tokens", "data"}
    assert result["tokens"] == -(-len(result["data"]) // 4)
    return str(result["data"])


def refused(name: str, data: bytes, given: str = "", **options: Any) -> str:
    result = convert(name, given, data, options)
    assert result["format"] == "error", result
    assert set(result) == {"name", "mimeType", "format", "error"}
    return str(result["error"])


def archive(members: dict[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file.getvalue()


def docx(body: str) -> bytes:
    types = "http://schemas.openxmlformats.org/package/2006"
    main = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    return archive(
        {
            "[Content_Types].xml": f'<Types xmlns="{types}/content-types"/>',
            "_rels/.rels": f'<Relationships xmlns="{types}/relationships"><Relationship Id="r1" '
            f'Type="{main}" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
        }
    )


def paragraph(text: str, style: str = "") -> str:
    styled = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{styled}<w:r><w:t>{text}</w:t></w:r></w:p>"


def odf(kind: str, content: str, body: str) -> bytes:
    inner = f"<office:body><office:{body}>{content}</office:{body}></office:body>"
    document = f"<office:document-content {ODF_NAMES}>{inner}</office:document-content>"
    return archive({"mimetype": kind, "content.xml": document})


def xlsx(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def pdf_of(contents: list[bytes]) -> bytes:
    """A PDF with a page for each content."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(len(contents)))
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    parts = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    parts.append(b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)))
    parts.append(font)
    for number, content in enumerate(contents):
        resources = b"/Resources << /Font << /F 3 0 R >> >> /Contents %d 0 R" % (5 + 2 * number)
        parts.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] %s >>" % resources)
        packed = zlib.compress(content)
        head = b"<< /Length %d /Filter /FlateDecode >>" % len(packed)
        parts.append(head + b"\nstream\n" + packed + b"\nendstream")
    out, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for number, part in enumerate(parts, 1):
        table += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    size = len(parts) + 1
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (size, len(out))
    return out + b"xref\n0 %d\n" % size + table + trailer


def encrypted(password: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of([b"BT /F 9 Tf (secret) Tj ET"])))
    writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_a_pdf_has_its_metadata_and_a_heading_for_each_page() -> None:
    data = pdf_of([b"BT /F 9 Tf (First words) Tj ET", b"BT /F 9 Tf (Second) Tj ET"])
    contents = "## Contents\n### Page 1\nFirst words\n\n### Page 2\nSecond\n"
    metadata = "## Metadata\n- PDFFormatVersion=1.4\n\n"
    assert converted("a.pdf", data) == f"# a.pdf\n{metadata}{contents}"
    assert converted("a.pdf", data, pdf={"metadata": False}) == f"# a.pdf\n{contents}"


def test_an_encrypted_pdf_is_read_if_it_needs_no_password() -> None:
    assert "secret" in converted("a.pdf", encrypted(""))
    assert "needs a password" in refused("a.pdf", encrypted("sesame"))


def test_an_image_that_is_left_out_leaves_the_spaces_around_it() -> None:
    assert converted("a.html", b"<p>Text <img src='a.png'> here</p>") == "Text here\n"


def test_a_page_is_converted_without_its_surroundings() -> None:
    html = b"""<html><head><title>T</title><meta name="description" content="What it is">
    <base href="https://example.com/a/"><style>p {}</style></head><body><header>Menu</header>
    <script>let x;</script><h1>Head</h1><p>a <b>b</b> <a href="c">d</a><img src="e.png" alt="f"></p>
    <ul><li>one<ul><li>two</li></ul></li></ul><pre><code># no heading
    x</code></pre><table><tr><th>k</th></tr><tr><td>v</td></tr></table><footer>Imprint</footer>
    <script type="application/ld+json">{"a": 1}</script></body></html>"""
    page = converted("a.html", html)
    assert page.startswith('---\ntitle: "T"\ndescription: "What it is"\n---\n\n# Head\n')
    assert "a **b** [d](https://example.com/a/c)" in page
    assert "- one\n  - two" in page
    assert "```\n# no heading" in page
    assert "| k |\n| --- |\n| v |" in page
    assert page.endswith('```json\n{"a": 1}\n```\n')
    for left_out in ("Menu", "Imprint", "let x", "e.png", "p {}"):
        assert left_out not in page


def test_the_options_of_a_page() -> None:
    html = b'<header>Menu</header><p class="x">a <a href="/b">c</a></p><p>d</p>'
    selected = converted("a.html", html, html={"cssSelector": ".x", "hostname": "example.com"})
    assert selected == "a [c](https://example.com/b)\n"
    assert converted("a.html", html, html={"cssSelector": "header"}) == "Menu\n"
    assert "cssSelector" in refused("a.html", html, html={"cssSelector": ":no("})
    image = f'<p><img src="data:image/png;base64,{base64.b64encode(PNG).decode()}"></p>'.encode()
    assert converted("a.html", image * 12).strip() == ""
    described = converted("a.html", image * 12, html={"images": {"convert": True}})
    assert described.count("640 x 480 pixels") == 10
    one = {"images": {"convert": True, "maxConvertedImages": 1}}
    assert converted("a.html", image * 12, html=one).count("pixels") == 1


def test_a_word_document() -> None:
    cell = f"<w:tc>{paragraph('cell')}</w:tc>"
    data = docx(
        paragraph("Title", "Heading1") + paragraph("Words") + f"<w:tbl><w:tr>{cell}</w:tr></w:tbl>"
    )
    document = converted("a.docx", data)
    assert document.startswith("# Title\n\nWords\n")
    assert "| cell |" in document


def test_spreadsheets() -> None:
    rows = converted("a.xlsx", xlsx(["name", "n|m"], ["two\nlines", 2.5, None], [], ["b"]))
    assert rows == (
        "# a.xlsx\n## Sheet\n| name | n\\|m |\n| --- | --- |\n| two lines | 2.5 |\n| b |  |\n"
    )
    cells = "<table:table-cell><text:p>v</text:p></table:table-cell>"
    rest = '<table:table-cell table:number-columns-repeated="16384"/>'
    row = f"<table:table-row>{cells}{rest}</table:table-row>"
    last = f'<table:table-row table:number-rows-repeated="1048576">{rest}</table:table-row>'
    sheet = f'<table:table table:name="S">{row}{row}{last}</table:table>'
    ods = odf(ODS, sheet, "spreadsheet")
    assert converted("a.ods", ods) == "# a.ods\n## S\n| v |\n| --- |\n| v |\n"


def test_an_open_document_text() -> None:
    item = "<text:list-item><text:p>{}</text:p>{}</text:list-item>"
    inner = f"<text:list>{item.format('two', '')}</text:list>"
    content = (
        '<text:h text:outline-level="2">Head</text:h><text:p>a<text:s/>b</text:p><text:p/>'
        f"<text:list>{item.format('one', inner)}</text:list>"
    )
    assert converted("a.odt", odf(ODT, content, "text")) == "## Head\n\na b\n\n- one\n  - two\n"


@pytest.mark.parametrize(
    "data",
    [
        "Käse,2\nx,1\n".encode(),
        "\ufeffKäse;2\r\nx;1\r\n".encode(),
        "Käse\t2\nx\t1\n".encode("utf-16"),
        "Käse;2\nx;1\n".encode("cp1252"),
    ],
)
def test_csv_in_its_encodings_and_delimiters(data: bytes) -> None:
    assert converted("a.csv", data) == "| Käse | 2 |\n| --- | --- |\n| x | 1 |\n"


def test_csv_with_huge_cells_and_stray_quotes() -> None:
    assert "x" * 200_000 in converted("a.csv", b"a,b\n" + b"x" * 200_000 + b",1\n")
    assert 'b"c' in converted("a.csv", b'a,b"c\n')


def test_text_without_markdown() -> None:
    html = b"<h2>Head</h2><p>a <b>b</b> <a href='c'>d</a></p><ul><li>e</li></ul>"
    result = convert("a.html", "", html, {"output": {"format": "text"}})
    assert result["format"] == "text"
    assert result["data"].split() == ["Head", "a", "b", "d", "e"]


JPEG = b"\xff\xd8\xff\xe0\x00\x04ab" + b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 480, 640)
WEBP = b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x7f\x02\x00\xdf\x01\x00"


@pytest.mark.parametrize(
    ("data", "mime", "kind"),
    [
        (PNG, "image/png", "PNG"),
        (JPEG, "image/jpeg", "JPEG"),
        (WEBP, "image/webp", "WebP"),
        (b'<svg width="640" height="480"/>', "image/svg+xml", "SVG"),
    ],
)
def test_images_are_described_as_a_stand_in(data: bytes, mime: str, kind: str) -> None:
    words = describe(data, mime)
    assert f"Image in {kind} format, 640 x 480 pixels, {len(data)} bytes" in words
    assert "stand-in of cfpy dev" in words
    assert words == converted("image", data, mime)


@pytest.mark.parametrize("data", [PNG[:18], JPEG[:10], WEBP[:14]])
def test_a_damaged_image(data: bytes) -> None:
    assert "the image is not a valid" in refused("a", data)


@pytest.mark.parametrize(
    ("name", "given", "data", "mime"),
    [
        ("a.bin", "application/octet-stream", b"\n%PDF-1.7", "application/pdf"),
        ("a.txt", "text/html; charset=utf-8", b"<p>", "text/html"),
        ("A.HTM", "", b"<p>", "text/html"),
        ("a", "text/xml", b"<a/>", "application/xml"),
        ("a.md", "text/markdown", b"# a", "text/markdown"),
        ("a", "", b"a", "application/octet-stream"),
        ("a.zip", "", archive({"a": "b"}), "application/octet-stream"),
        ("a", "", docx(""), DOCX),
        ("a", "", xlsx(), XLSX),
        ("a.xlsm", "", xlsx(), XLSM),
        ("a", "", odf(ODT, "", "text"), ODT),
    ],
)
def test_types_are_detected(name: str, given: str, data: bytes, mime: str) -> None:
    assert detect(name, given, data) == mime


@pytest.mark.parametrize("extension", SUPPORTED)
def test_a_broken_document_of_any_format_is_an_answer(extension: str) -> None:
    for data in (b"", b"\x00\xff broken", b"PK\x03\x04 broken", archive({"a": "b"})):
        result = convert(f"a{extension}", "", data, {})
        assert result["mimeType"] == SUPPORTED[extension]
        assert result["format"] in ("markdown", "error")
        if extension not in (".csv", ".html", ".htm"):
            assert result["error"]


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.json", "a.doc", "a.zip", "a"])
def test_other_formats_are_refused_as_by_the_service(name: str) -> None:
    assert refused(name, b"words") == "Unsupported file type: application/octet-stream"


def test_what_only_cloudflare_converts_is_named() -> None:
    for name in ("a.xls", "a.xlsb", "a.et", "a.numbers"):
        assert "cfpy dev has no stand-in" in refused(name, b"\xd0\xcf\x11\xe0")


def test_hostile_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "MAX_UNPACKED", 1_000_000)
    bomb = archive({"word/document.xml": b" " * 2_000_000})
    assert "bytes when unpacked" in refused("a.docx", bomb)
    monkeypatch.setattr(conversion, "MAX_MEMBERS", 5)
    many = archive({"word/document.xml": "", **{str(n): "" for n in range(6)}})
    assert "more than 5 parts" in refused("a.docx", many)


def test_hostile_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_PAGES", 2)
    assert "3 pages, more than 2" in refused("a.pdf", pdf_of([b""] * 3))
    monkeypatch.setattr(tables, "MAX_CELLS", 10)
    assert "more than 10 cells" in refused("a.csv", b"a,b\n" * 6)
    # One long row would make every other one as long.
    assert "more than 10 cells" in refused("a.csv", b"a\n" * 4 + b",,b\n")
    monkeypatch.setattr(conversion, "MAX_CHARACTERS", 10)
    assert "more than 10 characters" in refused("a.html", b"<p>words and words</p>")
    monkeypatch.setattr(conversion, "MAX_BYTES", 3)
    assert "more than 3 bytes" in refused("a.html", b"<p>a")


def test_hostile_structures() -> None:
    assert "nested too deeply" in refused("a.html", b"<div>" * 20_000 + b"x")
    entities = b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    declared = archive({"mimetype": ODT, "content.xml": entities})
    assert "document type declaration" in refused("a.odt", declared)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "conversionOptions is not an object"),
        ({"pdff": {}}, "conversionOptions.pdff is unknown"),
        ({"pdf": {"metadata": "no"}}, "pdf.metadata is not true or false"),
        ({"html": {"cssSelector": 1}}, "html.cssSelector is not a string"),
        ({"html": {"images": {"maxConvertedImages": True}}}, "is not a whole number"),
        ({"html": {"images": {"maxConvertedImages": -1}}}, "is not a whole number"),
        ({"image": {"descriptionLanguage": "ja"}}, "is not one of de, en, es, fr, it, pt"),
        ({"image": {"descriptionLanguage": []}}, "is not one of"),
        ({"output": {"format": "html"}}, "is not one of markdown, text"),
    ],
)
def test_wrong_options(options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=r"^conversionOptions") as caught:
        check_options(options)
    assert words in str(caught.value)


def test_right_options() -> None:
    options = {"html": {"images": {"convert": True, "convertOGImage": False}}, "pdf": None}
    assert check_options(options) == options
    assert check_options(None) == {}
