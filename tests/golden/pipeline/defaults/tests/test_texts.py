"""Text out of files: the right characters, and each value by itself, or a sentence that helps."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest

from growth import TIMES, growth
from jobs.job import Charset, Unprocessable
from pipeline import tables, texts
from pipeline.documents import DOCUMENTS
from pipeline.limits import MAX_FILE_BYTES
from pipeline.texts import guessed_type, is_untold, supported_type

GERMAN = "Name;Stadt;Preis\r\nJürgen;Köln;1,50\r\nAnna;Bonn;2,00\r\n"
GERMAN_TEXT = "Name: Jürgen, Stadt: Köln, Preis: 1,50\nName: Anna, Stadt: Bonn, Preis: 2,00"


def extract(data: bytes, media_type: str) -> str:
    return "".join(texts.read_text(data, media_type)[0])


@pytest.mark.parametrize(
    ("data", "media_type", "text"),
    [
        (b"# Title\n\ntext", "text/markdown", "# Title\n\ntext"),
        (
            b'{"a": {"b": [1, "x", null]}, "c": true}',
            "application/json",
            "a.b[0]: 1\na.b[1]: x\na.b[2]: null\nc: true",
        ),
        (b'"just a text"', "application/json", "just a text"),
        (b'{"a": 1.50, "a": 1e999, "b": NaN}', "application/json", "a: 1.50\na: 1e999\nb: NaN"),
        (b"[" + b"9" * 5000 + b"]", "application/json", "[0]: " + "9" * 5000),
        (b'["\\ud83d\\ude00 \\ud83d"]', "application/json", "[0]: 😀 �"),
        (b'\xef\xbb\xbf{"a": {}}  ', "application/json", None),
    ],
)
def test_what_a_reader_would_see(data: bytes, media_type: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(Unprocessable, match="holds no text"):
            extract(data, media_type)
    else:
        assert extract(data, media_type) == text


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (
            "<title>T</title><style>p{}</style><h1>A &amp; B</h1><p>one\n two<br>three"
            "<script>alert('<p>')</script>",
            "T\n\nA & B\n\none\ntwo\nthree",
        ),
        ("<p>bold<b>er</b></p><td>a</td><td>b</td>", "bolder\n\na\n\nb"),
        ("<select><option>A<option>B</select>", "A\nB"),
        ("<!--[if IE]><p>no</p><![endif]--><![if !IE]><p>Yes</p><![endif]>", "Yes"),
        ("<!----><!--> <p title='a > b' class=\"<b>\" x = y>5 < 6 & 7 > 6", "5 < 6 & 7 > 6"),
        ("<P>One</P><SCRIPT>'</p>' </scripts> x</Script ><P>Two", "One\n\nTwo"),
        ("<p>One</p><template><p>no</p></template><svg><title>no</title></svg>Two", "One\nTwo"),
        # What is never closed must not take the rest of a page with it.
        ('<p>One <svg><path d="x"> Two</p><p>Three</p>', "One Two\n\nThree"),
        ("<p>One</p><noscript><img src=x><p>Two</p>", "One\n\nTwo"),
        ("<p>One</p><style/><template/><p>Two</p></svg></script><p>Three", "One\n\nTwo\n\nThree"),
        ("<style/>body{}</style>One<script src=a />no()</script><p>Two", "One\nTwo"),
        ("<script src='a'/><p>One</p><script>no()</script>Two<style />", "One\nTwo"),
        ("<svg><style/><text>no</text></svg>One<style>no</style>", "One"),
        ("<p>One</p><script>var a = 1;<p>no</p>", "One"),
        ("<p>&Auml;&#246;&#xDF;&nbsp;&lt;b&gt;&unknown;</p>", "Äöß <b>&unknown;"),
    ],
)
def test_a_page_as_its_reader_would_see_it(page: str, text: str) -> None:
    assert extract(page.encode(), "text/html") == text


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("name,age\nAda,36\n\nBob,", "name: Ada, age: 36\nname: Bob, age:"),
        ('a,b\n"x, y","say ""hi""",extra', 'a: x, y, b: say "hi", extra'),
        ("a,b,c\n1\n1,2\n1,2,3,4", "a: 1\na: 1, b: 2\na: 1, b: 2, c: 3, 4"),
        ("only,header", "only, header"),
        (GERMAN, GERMAN_TEXT),
        (GERMAN.replace(";", "\t"), GERMAN_TEXT),
        (GERMAN.replace(";", "|"), GERMAN_TEXT),
        (GERMAN.replace("\r\n", "\r"), GERMAN_TEXT),
        ("sep=;\r\n" + GERMAN, GERMAN_TEXT),
        ('"sep=|"\na,b|c\n1|2', "a,b: 1, c: 2"),
        ("\n\n" + GERMAN + ";;\r\n", GERMAN_TEXT),
        ("Sales, May\n\n" + GERMAN, "Sales, May\n" + GERMAN_TEXT),
        ("Sales;;\n;;\n" + GERMAN, "Sales\n" + GERMAN_TEXT),
        ("name,city,,\nAnna,Bonn,,\n,,,\n", "name: Anna, city: Bonn"),
        ("name,city,,\nAnna,Bonn,,\n,,,\nBob,Ulm", "name: Anna, city: Bonn\nname: Bob, city: Ulm"),
        ("# May\n# by Ada\nname,city\nAnna,Bonn", "# May\n# by Ada\nname: Anna, city: Bonn"),
        ("#,name\n1,Anna", "#: 1, name: Anna"),
        ("#tag\n#one\n#two", "#tag: #one\n#tag: #two"),
        ("Jürgen;1,50\nAnna;2,00", "Jürgen, 1,50\nAnna, 2,00"),
        ("Ada,36\nBob,40", "Ada, 36\nBob, 40"),
        ("land,2019,2020\nPeru,1,2", "land: Peru, 2019: 1, 2020: 2"),
        ("price\n1,50\n2,00", "price: 1,50\nprice: 2,00"),
        ("note\nHello, world\nBye", "note: Hello, world\nnote: Bye"),
        (
            "id,name,tags\n1,Ada,x;y\n2,Bob,z;w",
            "id: 1, name: Ada, tags: x;y\nid: 2, name: Bob, tags: z;w",
        ),
        ('note;n\n"first\nsecond; third";1', "note: first\nsecond; third, n: 1"),
        ('part, size\nbolt, "5, long"', "part: bolt, size: 5, long"),
        ('part,size\nnut,5" wide', 'part: nut, size: 5" wide'),
        # Quotes in the wrong place, and some that nothing closes.
        ('a,b\n1,2\n3,"5" wide"\n4,"x;y"', 'a: 1, b: 2\na: 3, b: "5" wide"\na: 4, b: x;y'),
        ('a,b\n1,"never closed\n4,"5"\n6,7', 'a: 1, b: "never closed\na: 4, b: 5\na: 6, b: 7'),
        ('a,b\n1,"never closed\n4,5\n6,7', 'a: 1, b: "never closed\na: 4, b: 5\na: 6, b: 7'),
        ('"a""b"c,d\n1,2', '"a""b"c: 1, d: 2'),
        ('id,note\n1,"' + "lorem ipsum " * 90_000 + '"', "id: 1, note: " + "lorem ipsum " * 90_000),
        ('id,note\n1,"' + "lorem ipsum " * 12_000 + '"', "id: 1, note: " + "lorem ipsum " * 12_000),
    ],
)
def test_a_table_as_people_have_it(table: str, text: str) -> None:
    assert extract(table.encode(), "text/csv") == text.strip()


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_may_show_by_itself_how_it_is_written(codec: str) -> None:
    for said in ("text/csv", "text/csv; charset=iso-8859-1", "text/csv; charset=utf-8"):
        assert extract(GERMAN.encode(codec), said) == GERMAN_TEXT


@pytest.mark.parametrize(
    ("text", "codec", "charset"),
    [
        ("Grüße für 5 €", "cp1252", "windows-1252"),
        ("Grüße für “5 €”", "cp1252", "ISO-8859-1"),
        ("Grüße für 5 €", "iso8859-15", "ISO-8859-15"),
        ("Żółw, łódź", "cp1250", "cp1250"),
        ("Привет, мир", "cp1251", "windows-1251"),
        ("Привет, мир", "koi8-r", "KOI8-R"),
        ("漢字とかな ①", "cp932", "Shift_JIS"),
        ("漢字とかな", "euc_jp", "x-euc-jp"),
        ("漢字とかな", "iso2022_jp", "iso-2022-jp"),
        ("汉字", "gb18030", "gb2312"),
        ("漢字", "big5", "big5"),
        ("한글", "cp949", "euc-kr"),
        ("Grüße", "mac-roman", "macintosh"),
        ("Grüße", "utf-16-le", "utf-16"),
        ("Привет", "utf-16-be", "utf-16be"),
        # Named by servers that have not looked.
        ("Grüße, 漢字", "utf-8", "iso-8859-1"),
        ("Grüße, 漢字", "utf-8", "us-ascii"),
        ("Grüße", "utf-8", "iso-8859-2"),
        ("Grüße; Привет", "utf-8", "windows-1251"),
        ("Grüße aus Köln\n1,50", "utf-8", "utf-16"),
        ("Grüße; a long line", "utf-8", "utf-32be"),
        ("漢字とかな、漢字とかな、漢字とかな", "utf-8", "Shift_JIS"),
        # These are UTF-8 by accident.
        ("隆", "gb18030", "gb2312"),
        ("慎敭", "utf-16-le", "utf-16"),
    ],
)
def test_a_declared_charset_counts(text: str, codec: str, charset: str) -> None:
    for parameter in (f";charset={charset}", f' ; Charset = "{charset}"; a=b'):
        media_type = supported_type(f"text/plain{parameter}", "a.txt")
        assert media_type == f"text/plain; charset={charset.lower()}"
        assert extract(text.encode(codec), media_type) == text


@pytest.mark.parametrize(
    "text",
    [
        "Name;Stadt\nJürgen;Köln\n",
        "Grüße für 5 €, “so” – ‘ja’…",
        "L’été à la plage, c’était déjà l’œuvre de l’âge.",
        "El niño comió una manzana. ¿Qué? ¡Sí!",
        "Smörgåsbord på ön, blåbär och ål",
        "Þýðing á íslensku er ágæt",
        "40 m², 20 °C, 3 ½ Stück, Müller®",
    ],
)
def test_a_file_that_can_only_be_windows_1252_is_read_and_it_is_said(text: str) -> None:
    pieces, charset = texts.read_text(text.encode("cp1252"), "text/plain")
    assert ("".join(pieces), charset) == (text.strip(), Charset("windows-1252", guessed=True))
    pieces, charset = texts.read_text(text.encode(), "text/plain")
    assert ("".join(pieces), charset) == (text.strip(), Charset("utf-8"))


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Привет, мир! Как дела?", "cp1251"),
        ("Привет, мир! Как дела?", "koi8-r"),
        ("Привет", "cp866"),
        ("Zażółć gęślą jaźń", "cp1250"),
        ("Wrocław i Łódź", "cp1250"),
        ("Příliš žluťoučký kůň", "cp1250"),
        ("Καλημέρα κόσμε", "cp1253"),
        ("שלום עולם", "cp1255"),
        ("漢字とかな、まじり文", "cp932"),
        ("汉字和拼音", "gb18030"),
        ("한글과 영어", "cp949"),
        ("Grüße aus Köln, é", "cp850"),
        ("Grüße aus Köln", "mac-roman"),
        # UTF-8 that was cut in the middle of a letter.
        ("Größe, Ärger, Übung", None),
    ],
)
def test_no_other_charset_is_taken_for_windows_1252(text: str, codec: str | None) -> None:
    data = text.encode(codec) if codec else text.encode()[:-4].replace(b"\xc3", b"\xc3\xc3", 1)
    with pytest.raises(Unprocessable, match="not UTF-8, as line 1 shows"):
        extract(data, "text/plain")


def test_the_charset_of_a_result_is_the_one_that_was_used() -> None:
    page = '<meta charset="Windows-1251"><p>Привет'
    for data, said, charset in [
        (b"Whales", "text/plain", "utf-8"),
        ("Grüße".encode("utf-16"), "text/plain; charset=utf-8", "utf-16-le"),
        ("Привет".encode("cp1251"), "text/plain; charset=windows-1251", "windows-1251"),
        (page.encode("cp1251"), "text/html", "windows-1251"),
        (page.encode(), "text/html", "utf-8"),
    ]:
        assert texts.read_text(data, said)[1] == Charset(charset)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_a_guess_unless_it_was_declared(codec: str) -> None:
    data = GERMAN.encode(codec)
    for said, guessed in [
        ("text/csv", True),
        ("text/csv; charset=iso-8859-1", True),
        (f"text/csv; charset={codec}", False),
    ]:
        assert texts.read_text(data, said)[1] == Charset(codec, guessed)


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        ('<meta charset="iso-8859-1">', "cp1252"),
        ("<META http-equiv=Content-Type content='text/html; charset=windows-1251'>", "cp1251"),
        ("<!doctype html><html><head><meta charset=shift_jis>", "cp932"),
        ('<?xml version="1.0" encoding="iso-8859-2"?>', "iso8859-2"),
        ("<meta charset=utf-16>", "utf-8"),
        ("<meta charset=iso-8859-1>", "utf-8"),
        ("<meta charset=nonsense>", "utf-8"),
        ("", "utf-8"),
    ],
)
def test_a_page_may_declare_its_charset(head: str, codec: str) -> None:
    shown = {"cp1251": "Привет", "cp932": "漢字"}.get(codec, "Öl für ß")
    assert extract(f"{head}<p>{shown}</p>".encode(codec), "text/html") == shown
    if codec != "utf-8":
        # Its sender counts more.
        with pytest.raises(Unprocessable, match="not utf-8"):
            extract(f"{head}<p>{shown}</p>".encode(codec), "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("data", "media_type", "error"),
    [
        (GERMAN.encode("cp437"), "text/csv", "not UTF-8, as line 2 shows. Save it as UTF-8, or"),
        (GERMAN.encode("cp1252"), "text/csv; charset=utf-8", "not utf-8, as line 2 shows"),
        (b"a\x81\xff", "text/csv; charset=windows-1252", "not windows-1252"),
        ("Привет, мир".encode("utf-16-le"), "text/plain", "null bytes|not UTF-8"),
        (b"a,b\nbolt,\0\n", "text/csv", "null bytes"),
        (gzip.compress(b"Whales."), "text/plain", "compressed with gzip"),
        (b"PK\x03\x04...", "text/csv", "a ZIP archive"),
        (b"\xd0\xcf\x11\xe0...", "text/csv", "an old document of Excel"),
        (b"GIF89a...", "text/plain", "it is a GIF"),
        (" \u200b\ufeff\u00a0".encode(), "text/plain", "holds no text"),
        (b";;\n;;\n", "text/csv", "holds no text"),
        (
            b'{"a": 1}\n{"a": 2}',
            "application/json",
            "no valid JSON: it has a second value in line 2",
        ),
        (b"[" * 40 + b"]" * 40, "application/json", "nested more than 32 deep"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(data: bytes, media_type: str, error: str) -> None:
    with pytest.raises(Unprocessable, match=error):
        extract(data, media_type)


@pytest.mark.parametrize(
    ("said", "name", "kind"),
    [
        ("", "a.CSV", "text/csv"),
        ("application/x-www-form-urlencoded", "notes.TXT", "text/plain"),
        ("application/octet-stream; charset=UTF-8", "a.md", "text/markdown; charset=utf-8"),
        ("application/octet-stream", "a.tsv", "text/csv"),
        ("application/vnd.ms-excel", "a.csv", "text/csv"),
        ("application/vnd.ms-excel", "a.xls", None),
        ("application/force-download", "a.html", "text/html"),
        ("text/tab-separated-values", "a", "text/csv"),
        ("APPLICATION/CSV ; header=present", "a", "text/csv"),
        ("application/xhtml+xml", "a", "text/html"),
        ("text", "a.json", "application/json"),
        ("application/pdf", "a.txt", "application/pdf"),
        ("image/jpg; charset=UTF-8", "a", "image/jpeg"),
        ("application/octet-stream", "a.XLSX", DOCUMENTS[".xlsx"]),
        ("application/vnd.ms-excel", "a.xlsx", DOCUMENTS[".xlsx"]),
        ("application/msword", "a.doc", None),
        ("application/octet-stream", "a.csv.gz", None),
        ("", "README", None),
        ("text/plain; charset=klingon", "a.txt", None),
        ("text/plain; charset=base64", "a.txt", None),
        ("text/plain; charset=punycode", "a.txt", None),
        ("text/plain; charset=", "a.txt", "text/plain"),
        # What fetch() sends for each string, and many servers for all that is text.
        ("text/plain;charset=UTF-8", "a.html", "text/html; charset=utf-8"),
        ("text/plain", "a.csv", "text/csv"),
        ("text/plain", "a.py", "text/plain"),
    ],
)
def test_kinds_of_files(said: str, name: str, kind: str | None) -> None:
    assert supported_type(said, name) == kind


@pytest.mark.parametrize(
    ("said", "name", "data", "kind"),
    [
        ("", "README", b"Whales swim.", "text/plain"),
        ("", "README", "\ufeffGrüße".encode(), "text/plain"),
        ("application/octet-stream", "LICENSE", "Grüße".encode("utf-16"), "text/plain"),
        ("", "page", b"\xef\xbb\xbf\n <!DOCTYPE html><p>x", "text/html"),
        ("text/plain", "page", b"<HTML><p>x", "text/html"),
        ("", "data", b' {"a": [1]}\n', "application/json"),
        ("", "list", b"[1, 2]", "application/json"),
        ("", "draft", b"[Draft] Whales swim.", "text/plain"),
        ("text/plain; charset=utf-16le", "a", b"a\0", "text/plain; charset=utf-16le"),
        ("; charset=windows-1252", "notes", b"Gr\xfc\xdfe", "text/plain; charset=windows-1252"),
        ("", "report", b"%PDF-1.7", "application/pdf"),
        ("text/plain", "report.dat", b"\xef\xbb\xbf\r\n%PDF-1.7", "application/pdf"),
        ("text/plain", "photo.jfif", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("", "letter", b"PK\x03\x04...word/document.xml", DOCUMENTS[".docx"]),
        ("", "book", b"PK\x03\x04...xl/workbook.xml", DOCUMENTS[".xlsx"]),
        ("", "archive", b"PK\x03\x04...", None),
        ("", "howto", b"A PDF begins with %PDF-1.7.", "text/plain"),
        ("text/plain", "script.py", b"print([1])", "text/plain"),
        ("", "blob", b"\x01\x02\0\x03\x04", None),
        ("", "notes", b"", "text/plain"),
    ],
)
def test_a_file_that_nobody_tells_the_kind_of(
    said: str, name: str, data: bytes, kind: str | None
) -> None:
    assert is_untold(said, name)
    assert guessed_type(said, name, data) == kind


@pytest.mark.parametrize(
    ("said", "name"), [("", "a.exe"), ("", "a.html"), ("text/plain", "a.csv"), ("text/html", "a")]
)
def test_a_kind_that_is_told_is_not_guessed(said: str, name: str) -> None:
    assert not is_untold(said, name)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"h" * 100_000 + b"\n" + b"1\n" * 60_000, "text/csv"),
        (b"column_12," * 499_999, "text/csv"),
        (b'{"' + b"k" * 100_000 + b'":[' + b"1," * 30_000 + b"1]}", "application/json"),
    ],
    ids=["column", "header", "path"],
)
def test_names_make_no_text_much_larger_than_its_file(data: bytes, media_type: str) -> None:
    with pytest.raises(Unprocessable, match="expands to more than 5000000 characters"):
        extract(data, media_type)


@pytest.mark.parametrize(
    ("make", "media_type"),
    [
        # A path that leads to nothing costs nothing.
        (lambda n: b'{"' + b"k" * 50 * n + b'":[' + b"[]," * 5 * n + b"1]}", "application/json"),
        (lambda n: b'["' + b'\\"' * 50 * n, "application/json"),
        *(
            (lambda n, piece=piece: piece * n, "text/html")
            for piece in (
                *(b"<!--", b"<a ", b'<a ="', b"<a b='x", b"<![CDATA[", b"</a ", b"<", b"<a ="),
                *(b"<svg>", b"</svg>", b"<svg></svg>", b"<script>", b"<style></styl", b"<p>"),
                *(b"<style/>", b"<style/><script/></script>", b"<script/></style>"),
                *(b"&", b"&#6"),
            )
        ),
        *(
            (lambda n, piece=piece: piece * n, "text/csv")
            for piece in (
                *(b'"', b'",', b'"\n', b"1,", b";,|\t", b"1 ", b" ", b"1\n", b'""\n,'),
                *(b'a","\n', b'"x"y\n', b'"x""\n', b'",",\n'),
            )
        ),
        (lambda n: b"\xe4\xfc" * n, "text/plain; charset=shift_jis"),
        (lambda n: b"a\0" * n, "text/plain"),
    ],
)
def test_no_file_takes_longer_than_its_size(make: Callable[[int], bytes], media_type: str) -> None:
    def read(size: int) -> None:
        with suppress(Unprocessable):
            extract(make(size), media_type)

    assert growth(read, 2_000) < 3 * TIMES


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"[" + b"{}," * 60_000 + b"1]", "application/json"),
        (b"[" + b'"x",' * 20_000 + b"1]", "application/json"),
        (b"<p>Whales</p>" * 20_000 + "😀".encode(), "text/html"),
        (b"<b>x</b>" * 40_000, "text/html"),
        (b"Whales.\n" * 40_000 + "😀".encode(), "text/plain"),
        (b"a,b\n" + b"17,19\n" * 20_000, "text/csv"),
        ("id,😀\n".encode() + b"17,19\n" * 20_000, "text/csv"),
        # Few records of many values.
        (b"1\n" + (b"ab," * 9_000 + b"cd\n") * 30, "text/csv"),
        (b"1\n" + (b"ab," * 3_000 + b"cd\n") * 99, "text/csv"),
    ],
)
def test_no_file_takes_many_times_its_size(data: bytes, media_type: str) -> None:
    texts.read_text(data[:1000] if media_type != "application/json" else b"[1]", media_type)
    tracemalloc.start()
    try:
        pieces, _charset = texts.read_text(data, media_type)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Four bytes a character while it is decoded, and in pieces with one such character.
    assert peak < 6 * (len(data) + sum(map(len, pieces))) + 500_000


def test_a_record_on_several_lines_takes_no_more_than_one_on_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = b'1,"\n' + (b'",' + b"ab," * 2_000 + b'"\n') * 100
    peaks = []
    for limit in (10_000, 500_000):
        monkeypatch.setattr(tables, "MAX_CELLS", limit)
        tracemalloc.start()
        try:
            text = "".join(tables.read_csv(data))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert text.count("ab") == 200_000
    assert peaks[0] < peaks[1] / 3


def test_the_largest_plain_text_is_not_too_large() -> None:
    assert len(extract(b"x" * MAX_FILE_BYTES, "text/plain")) == MAX_FILE_BYTES
