"""Files: sent as a form, told apart, converted, and refused with their names."""

from __future__ import annotations

import asyncio
import json
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from fakes import World
from growth import TIMES, growth
from rag.files import MEDIA_TYPES, file_id, file_type, read_file
from rag.limits import MAX_DOCUMENT_BYTES, MAX_DOCUMENTS, MAX_FILE_BYTES
from rag.records import Upload
from rag.requests import DOCUMENTS
from rag.validation import check
from web.problems import Problem

FORM = {"content-type": "multipart/form-data; boundary=b"}
PNG, JPEG, ZIP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"PK\x03\x04"
STARTS = {
    ".pdf": b"%PDF-1.7\n",
    ".png": PNG,
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".webp": b"RIFF\0\0\0\0WEBPVP8 ",
    **dict.fromkeys((".docx", ".xlsx", ".odt", ".ods"), ZIP),
}


@pytest.fixture
def world() -> World:
    return World()


def form(files: Mapping[str, bytes], document: Any = None) -> bytes:
    """A form with these files, as a browser sends it."""
    parts = [
        f'form-data; name="file"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'.encode()
        + content
        for name, content in files.items()
    ]
    if document is not None:
        parts.append(f'form-data; name="document"\r\n\r\n{json.dumps(document)}'.encode())
    head = b"--b\r\nContent-Disposition: "
    return b"".join(head + part + b"\r\n" for part in parts) + b"--b--\r\n"


def upload(world: World, files: Mapping[str, bytes], document: Any = None) -> tuple[int, Any]:
    return world.call("POST", "/documents", form(files, document), headers=FORM)


def stored(world: World, id_: str) -> Any:
    status, document = world.call("GET", f"/documents/{id_}")
    assert status == 200
    return document


def test_every_kind_goes_in_and_is_found(world: World) -> None:
    for end in MEDIA_TYPES:
        name = f"{end[1:]}{end}"
        status, reply = upload(world, {name: STARTS.get(end, b"") + b" Whales swim."})
        assert status == 200, reply
        assert reply["documents"] == [{"id": name, "status": "indexed"}]
    assert len(world.search("whales")) > 5
    assert dict(world.ai.converted) == {
        f"{end[1:]}{end}": kind
        for end, kind in MEDIA_TYPES.items()
        if kind not in ("text/plain", "text/markdown")
    }


def read(world: World, name: str, content: str | bytes) -> tuple[Any, str]:
    """The document that a file becomes, and its text."""
    sent = content if isinstance(content, bytes) else content.encode()
    status, reply = upload(world, {name: sent})
    assert status == 200, reply
    rows = world.database.rows("SELECT text FROM chunks")
    return stored(world, reply["documents"][0]["id"]), "".join(row["text"] for row in rows).strip()


@pytest.mark.parametrize(
    ("content", "title", "text"),
    [
        ("# Whales\r\n\r\nThey swim.", "Whales", "They swim."),
        ("\ufeff# Whales #\n\nThey swim.", "Whales", "They swim."),
        ("Whales\n======\n\nThey swim.", "Whales", "They swim."),
        ("<!-- SPDX:\nMIT -->\n\n[![CI](a.svg)](b)\n# C#\nText.", "C#", None),
        ("![logo](a.png)\n<p align=center>\n\n# Whales\n\nThey swim.", "Whales", None),
        ("They swim.\n\n# Whales", "a", "They swim.\n\n# Whales"),
        ("## Whales\n\nThey swim.", "a", "## Whales\n\nThey swim."),
        ("# Whales", "Whales", "# Whales"),
        ("#\n\nThey swim.", "a", "#\n\nThey swim."),
        ("They\rswim.", "a", "They\nswim."),
        (f"# {'x' * 300}\nThey swim.", "x" * 200, f"# {'x' * 300}\nThey swim."),
    ],
)
def test_a_title_is_the_heading_at_the_top(
    world: World, content: str, title: str, text: str | None
) -> None:
    document, found = read(world, "a.de.md", content)
    assert (document["title"], document["metadata"]) == (title, {"lang": "de"})
    assert text in (None, found)


@pytest.mark.parametrize(
    ("front", "title", "lang"),
    [
        ("---\ntitle: Big fish\nlang: fr\n---", "Big fish", "fr"),
        ("---\r\ntitle: 'Big: fish'\r\nlang: none\r\n---", "Big: fish", "de"),
        ('---\ntitle: "Big # fish" # no comment\nlang: pt-br # Brazil\n---', "Big # fish", "pt-br"),
        ("---\n# comment\nTitle: Big fish\n...", "Big fish", "de"),
        ("---\ntitle: >-\n  Big\n  fish\nlang: en\n---", "Big fish", "en"),
        ("---\ntitle: Big\n  fish\n---", "Big fish", "de"),
        ("---\ntitle: Big fish\nauthor:\n  title: CTO\n  lang: fr\n---", "Big fish", "de"),
        ("---\ntitle: [Big, fish]\ntags:\n  - a\n- b\n---", "Head", "de"),
        ("---\ntitle:\n---", "Head", "de"),
        ('+++\ntitle = "Big fish"\nyear = 2026\n[extra]\ntitle = "x"\n+++', "Big fish", "de"),
        (f"---\ntitle: {'x' * 300}\n---", "x" * 200, "de"),
    ],
)
def test_front_matter_is_no_text(world: World, front: str, title: str, lang: str) -> None:
    document, text = read(world, "a.de.md", f"{front}\n\n# Head\n\nThey swim.")
    assert (document["title"], document["metadata"]) == (title, {"lang": lang})
    assert text.removeprefix("# Head\n\n") == "They swim."


@pytest.mark.parametrize(
    "text",
    [
        "---\n\nText: more.\nA line.\n\n---\n\nMore.",
        "---\n- one\n---\nText.",
        "---\ntitle: x\nText.",
        "Text.\n---\ntitle: x\n---",
    ],
)
def test_a_line_across_the_page_is_no_front_matter(world: World, text: str) -> None:
    document, found = read(world, "a.md", text)
    assert (document["title"], found) == ("a", text)


def test_a_filter_is_set_by_front_matter_or_by_the_folder(world: World) -> None:
    document, _ = read(world, "sea/deep/a.md", "Text.")
    assert document["metadata"] == {"section": "sea"}
    document, _ = read(world, "sea/b.md", "---\nsection: land\nother: x\n---\nText.")
    assert document["metadata"] == {"section": "land"}
    document, _ = read(world, f"{'ü' * 100}/c.md", "Text.")
    assert document["metadata"] == {"section": "ü" * 32}


@pytest.mark.parametrize(
    ("name", "title", "lang"),
    [
        ("guide.md", "guide", None),
        ("guide.DE.md", "guide", "de"),
        ("guide.zh_hans.md", "guide", "zh-hans"),
        ("guide.es-419.txt", "guide", "es-419"),
        ("release-1.2.md", "release-1.2", None),
        ("app.js.md", "app.js", None),
        ("de.md", "de", None),
        ("pump.de.PDF", "pump", "de"),
    ],
)
def test_a_name_tells_a_language_that_there_is(
    world: World, name: str, title: str, lang: str | None
) -> None:
    document, text = read(world, name, STARTS.get(name[-4:].lower(), b"") + b"It swims.")
    assert (document["title"], document["metadata"].get("lang")) == (title, lang)
    assert text.endswith("It swims.") and not text.startswith("#")


@pytest.mark.parametrize("content", ["Größe".encode("utf-16"), "\ufeffGröße".encode()])
def test_a_mark_tells_the_encoding(world: World, content: bytes) -> None:
    assert read(world, "a.txt", content)[1] == "Größe"


@pytest.mark.parametrize(
    "unit", ["# ", "a", " ", "\t#", "<!--", "<!-- -->", "[![", "=\n", "---\n", "a: b\n", "a:\n "]
)
@pytest.mark.parametrize("start", ["", "# a", "---\n", "---\na: ", "a\n="])
def test_the_time_grows_with_the_text_whatever_it_is(start: str, unit: str) -> None:
    def read_it(length: int) -> None:
        upload = Upload("a.md", "a.md", (start + unit * length)[:length].encode(), {})
        models: Any = "not asked"
        with suppress(Problem):
            asyncio.run(read_file(models, upload))

    assert growth(read_it, 8_000) < TIMES**2 / 2


def test_what_the_client_says_of_a_file_counts_more(world: World) -> None:
    about = {"id": "whales", "title": "Whales", "metadata": {"section": "sea", "lang": "en"}}
    assert upload(world, {"a.de.md": b"# Title\nText."}, about)[0] == 200
    document = stored(world, "whales")
    assert {name: document[name] for name in about} == about
    assert document["source"] == "a.de.md"


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("a.exe", b"MZ", 415, "unsupported-type"),
        ("README", b"Text.", 415, "unsupported-type"),
        ("a.pdf", b"Text, and no PDF.", 415, "unsupported-type"),
        ("a.pdf", PNG, 415, "unsupported-type"),
        ("a.md", b"%PDF-1.7", 415, "unsupported-type"),
        ("a.html", ZIP, 415, "unsupported-type"),
        ("a.docx", b"\xd0\xcf\x11\xe0", 415, "unsupported-type"),
        ("a.png", JPEG, 415, "unsupported-type"),
        ("a.txt", b"x" * (MAX_DOCUMENT_BYTES + 1), 413, "too-large"),
        ("a.pdf", b"%PDF-" + b"x" * MAX_DOCUMENT_BYTES, 413, "too-large"),
        ("a.pdf", b"%PDF-" + b"x" * MAX_FILE_BYTES, 413, "too-large"),
        ("a.md", b"", 422, "unreadable-file"),
        ("a.md", b" \n", 422, "unreadable-file"),
        ("a.md", b"---\ntitle: only\n---\n", 422, "unreadable-file"),
        ("a.txt", b"gr\xf6\xdfe", 422, "unreadable-file"),
        ("a.txt", b"a\0b", 422, "unreadable-file"),
    ],
)
def test_a_file_that_cant_go_in_is_named(
    world: World, name: str, content: bytes, status: int, code: str
) -> None:
    got, problem = upload(world, {name: content})
    assert (got, problem["code"]) == (status, code), problem
    assert problem["detail"].startswith(f"'{name}' ")
    # Beside others it does not keep them out.
    got, reply = upload(world, {"good.md": b"Whales swim.", name: content})
    assert got == 207
    good, bad = reply["documents"]
    assert good == {"id": "good.md", "status": "indexed"}
    assert (bad["id"], bad["status"], bad["code"]) == (name, "refused", code)
    assert bad["detail"] == problem["detail"]


def test_a_file_that_workers_ai_cant_convert_is_refused(world: World) -> None:
    world.ai.conversion_error = "the document is damaged"
    status, problem = upload(world, {"a.docx": ZIP})
    assert (status, problem["code"]) == (422, "unreadable-file")
    assert "'a.docx' can't be converted to text: the document is damaged" in problem["detail"]


def test_workers_ai_may_be_away(world: World) -> None:
    world.ai.conversion_error = "3040: Capacity temporarily exceeded"
    status, problem = upload(world, {"a.docx": ZIP, "b.md": b"Text."})
    assert (status, problem["code"]) == (503, "model-busy")


def test_conversions_go_through_the_gateway() -> None:
    world = World(AI_GATEWAY="mine")
    assert upload(world, {"a.docx": ZIP})[0] == 200
    assert world.ai.gateways == {"mine"}


@pytest.mark.parametrize(
    ("files", "document", "where"),
    [
        ({}, None, "#/file"),
        ({f"{i}.md": b"x" for i in range(MAX_DOCUMENTS + 1)}, None, "#/file"),
        ({"a.md": b"x", "b.md": b"y"}, {"id": "c"}, "#/document"),
        ({"\u00e9.md": b"x", "e\u0301.md": b"y"}, None, "#/file"),
        ({"a.md": b"x"}, {"id": "../c"}, "#/document/id"),
        ({"a.md": b"x"}, {"text": "y"}, "#/document"),
        ({"a.md": b"x"}, ["y"], "#/document"),
        ({"../a.md": b"x"}, None, "#/id"),
    ],
)
def test_forms_that_are_none(world: World, files: Any, document: Any, where: str) -> None:
    status, problem = upload(world, files, document)
    assert status == 422, problem
    assert [error["pointer"] for error in problem["errors"]] == [where]
    assert not world.ai.calls


def test_what_is_said_of_several_files_counts_for_all(world: World) -> None:
    about = {"metadata": {"lang": "fr"}}
    assert upload(world, {"a.md": b"Text.", "b.de.md": b"Text."}, about)[0] == 200
    for name in ("a.md", "b.de.md"):
        assert stored(world, name)["metadata"] == {"lang": "fr"}


@pytest.mark.parametrize("name", ["visitors/ferry.de.md", "a/b/c-1_2+3@4.txt", "x" * 125 + ".md"])
def test_a_plain_name_is_the_id(name: str) -> None:
    assert file_id(name) == name


NAMES = [
    "Opening hours.md",
    "Opening  hours.md",
    "Über uns.md",
    "Uber uns.md",
    "100 % wool.md",
    "a#b.md",
    "a?b.md",
    'the "best".md',
    "it's.md",
    "望遠鏡.md",
    "天文台.md",
    "docs/Über uns.md",
    "x" * 126 + ".md",
    "x" * 127 + ".md",
    "a" * 200 + "/" + "ü" * 100 + ".md",
    "new\nline.md",
]


def test_every_name_has_an_id_of_its_own_that_can_be_one() -> None:
    ids = [file_id(name) for name in NAMES]
    assert len(set(ids)) == len(NAMES)
    for identifier in ids:
        check({"id": identifier, "text": "x"}, DOCUMENTS)
    assert file_id("Über uns.md").startswith("Uber-uns-")


def test_accents_of_their_own_make_no_other_id() -> None:
    for name in ("Über uns.md", "Café/Crème brûlée.txt"):
        assert file_id(name) == file_id(unicodedata.normalize("NFD", name))


@pytest.mark.parametrize(
    "text",
    [
        "RIFF is a container format for WAV files.",
        "RIFF",
        "GIF89a and GIF87a are the two versions of GIF.",
        "GIF8",
        "%PDF-1.7 is what a file begins with.",
        "%PDF- and a version",
    ],
)
@pytest.mark.parametrize("end", [".md", ".txt", ".html", ".csv"])
def test_a_text_may_begin_as_other_files_do(end: str, text: str) -> None:
    assert file_type(f"formats{end}", text.encode()) == MEDIA_TYPES[end]


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n%abc",
        b"%PDF-1.4 \r\n1 0 obj",
        b"RIFF\x24\0\0\0WEBPVP8 ",
        b"GIF89a\x0a\0\x0a\0\x91\0\0",
    ],
)
def test_a_file_of_another_kind_is_no_text(content: bytes) -> None:
    for name in ("a.md", "a.txt", "a.html", "a.csv"):
        with pytest.raises(Problem, match="not what its name says"):
            file_type(name, content)


@pytest.mark.parametrize(
    ("page", "title", "text"),
    [
        ('---\ntitle: "Whales - Sea"\n---\n\n# Whales\n\nThey swim.', "Whales", "They swim."),
        ('---\ntitle: "Whales - Sea"\n---\n\nThey swim.', "Whales - Sea", "They swim."),
    ],
)
def test_the_heading_of_a_web_page_counts_before_its_title(
    world: World, page: str, title: str, text: str
) -> None:
    document, found = read(world, "a.html", page)
    assert (document["title"], found) == (title, text)


def test_a_pdf_may_have_something_before_it_and_a_text_may_mention_one() -> None:
    assert file_type("a.pdf", b"\r\njunk\n%PDF-1.4") == "application/pdf"
    with pytest.raises(Problem):
        file_type("a.pdf", b" " * 2_000 + b"%PDF-1.4")
    assert file_type("a.md", b"A PDF begins with %PDF-1.7.") == "text/markdown"
