"""Files: sent as a form, told apart, converted, and refused with their names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from fakes import World
from rag.files import MEDIA_TYPES, file_id, file_type
from rag.limits import MAX_DOCUMENT_BYTES, MAX_DOCUMENTS, MAX_FILE_BYTES
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
        status, reply = upload(world, {f"a{end}": STARTS.get(end, b"") + b" Whales swim."})
        assert status == 200, reply
        assert reply["documents"] == [{"id": f"a{end}", "status": "indexed"}]
    assert len(world.search("whales")) > 5
    assert dict(world.ai.converted) == {
        f"a{end}": kind
        for end, kind in MEDIA_TYPES.items()
        if kind not in ("text/plain", "text/markdown")
    }


@pytest.mark.parametrize(
    ("name", "content", "title", "lang", "text"),
    [
        ("a.md", b"# Whales\r\n\r\nThey swim.", "Whales", None, "They swim."),
        ("a.de.md", b"Wale schwimmen.", "a.de", "de", "Wale schwimmen."),
        ("a.md", b"---\ntitle: 'Big fish'\nlang: de\n---\n# Whales\nSwim.", "Big fish", "de", None),
        ("a.md", b"---\n\nA line across, no keys.", "a", None, None),
        ("a.txt", "Größe".encode("utf-16"), "a", None, "Größe"),
        ("a.txt", b"\xef\xbb\xbfA mark.", "a", None, "A mark."),
        ("sea/a.PDF", b"%PDF-1.7 It swims.", "a.PDF", None, "%PDF-1.7 It swims."),
    ],
)
def test_a_file_tells_its_title_and_language(
    world: World, name: str, content: bytes, title: str, lang: str | None, text: str | None
) -> None:
    assert upload(world, {name: content})[0] == 200
    document = stored(world, name)
    assert (document["title"], document["source"]) == (title, name)
    assert document["metadata"] == ({"lang": lang} if lang else {})
    if text:
        rows = world.database.rows("SELECT text FROM chunks")
        assert [row["text"].strip() for row in rows] == [text]


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


def test_names_become_ids_as_in_the_script() -> None:
    assert file_id("visitors/ferry.de.md") == "visitors/ferry.de.md"
    umlaut, decomposed = "Größe 1.pdf", "Gro\u0308ße 1.pdf"
    assert file_id(umlaut) == file_id(decomposed)
    assert file_id(umlaut) != file_id("Grosse 1.pdf")
    assert len(file_id("x" * 300 + ".pdf")) == 128


def test_a_pdf_may_have_something_before_it() -> None:
    assert file_type("a.pdf", b"\r\njunk\n%PDF-1.4") == "application/pdf"
    with pytest.raises(Problem):
        file_type("a.pdf", b" " * 2_000 + b"%PDF-1.4")
