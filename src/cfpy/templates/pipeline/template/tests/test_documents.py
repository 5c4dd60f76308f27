"""PDF, Word, spreadsheets and images: what Workers AI makes of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes import World
from job_services import Page
from pipeline.documents import DOCUMENTS, document_type
from pipeline.limits import MAX_KEPT_CHARS, MAX_TEXT_CHARS

PDF = b"%PDF-1.7 ..."
WORD = b"PK\x03\x04... word/document.xml ..."
URL = "https://docs.example.org/report"


@pytest.fixture
def world() -> World:
    return World()


def failed(error: str) -> dict[str, Any]:
    return {"format": "error", "error": error}


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (PDF, ".pdf"),
        (b"\xef\xbb\xbf\n%PDF-1.4", ".pdf"),
        (WORD, ".docx"),
        (b"PK\x03\x04... xl/workbook.xml", ".xlsx"),
        (b"PK\x03\x04 mimetypeapplication/vnd.oasis.opendocument.textPK", ".odt"),
        (b"PK\x03\x04 mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK", ".ods"),
        (b"\xff\xd8\xff\xdb", ".jpg"),
        (b"\x89PNG\r\n\x1a\n...", ".png"),
        (b"RIFF\x10\0\0\0WEBPVP8", ".webp"),
        (b"PK\x03\x04 mimetypeapplication/epub+zipPK", None),
        (b"PK\x03\x04 ppt/presentation.xml", None),
        (b"RIFF\x10\0\0\0WAVE", None),
        (b"The header %PDF-1.7 and word/document.xml", None),
        (b"", None),
    ],
)
def test_what_is_in_a_file_tells_its_type(data: bytes, suffix: str | None) -> None:
    assert document_type(data) == (DOCUMENTS[suffix] if suffix else None)


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("report.pdf", PDF, ".pdf"),
        ("letter.docx", WORD, ".docx"),
        ("photo", b"\xff\xd8\xff\xdb", ".jpg"),
        # The name is wrong, and nobody looks at a stream on its way into R2.
        ("table.csv", b"PK\x03\x04... xl/workbook.xml", ".xlsx"),
        ("letter.pdf", WORD, ".docx"),
    ],
)
def test_a_document_is_read_as_what_it_is(world: World, name: str, data: bytes, kind: str) -> None:
    job_id = world.upload(data, name)
    world.deliver()
    assert world.ai.converted == [(f"file{kind}", DOCUMENTS[kind], data)]
    assert "# Whales swim." in world.ai.prompts[0]
    result = world.job(job_id)["result"]
    assert (result["characters"], result["charset"]) == (len("# Whales swim."), None)


def test_a_document_at_an_address_is_read_too(world: World) -> None:
    for kind in ("application/pdf", "application/octet-stream", "text/plain"):
        world.web[URL] = Page(PDF, headers={"content-type": kind})
        job_id = world.upload_url(URL)
        world.deliver()
        assert world.job(job_id)["status"] == "done"


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (failed("the document is encrypted"), "converted to text: the document is encrypted"),
        ({"format": "markdown", "data": " \n"}, "holds no text"),
        ({"format": "markdown", "data": "x" * (MAX_TEXT_CHARS + 1)}, "more than 5000000 char"),
    ],
)
def test_a_document_that_can_not_be_read_fails_at_once(
    world: World, result: dict[str, Any], error: str
) -> None:
    world.ai.documents = [result]
    job_id = world.upload(PDF, "report.pdf")
    [message] = world.deliver()
    job = world.job(job_id)
    assert (message.outcome, job["status"], job["attempts"]) == ("ack", "failed", 1)
    assert error in job["error"]
    assert world.ai.prompts == []


def test_a_service_that_is_busy_is_asked_again(world: World) -> None:
    world.ai.documents = [failed("3040: Capacity temporarily exceeded"), *world.ai.documents]
    job_id = world.upload(PDF, "report.pdf")
    [message] = world.deliver()
    job = world.job(job_id)
    assert (message.outcome, message.delay, job["status"]) == ("retry", 10, "queued")
    assert job["error"] == "The model has no capacity just now. Try again."
    world.deliver()
    assert world.job(job_id)["status"] == "done"


@pytest.mark.parametrize(("length", "calls"), [(100, 1), (MAX_KEPT_CHARS + 1, 2)])
def test_a_document_is_not_converted_again_in_the_next_attempt(
    world: World, length: int, calls: int
) -> None:
    world.ai.documents = [{"format": "markdown", "data": "x" * length}]
    world.upload(PDF, "report.pdf")
    world.ai.error = "3040: Capacity temporarily exceeded"
    world.deliver()
    world.ai.error = ""
    world.deliver()
    # What is longer fits into no row.
    assert len(world.ai.converted) == calls
    assert len(world.ai.prompts) > 0
    assert world.database.rows("SELECT * FROM answers") == []


def test_a_conversion_that_is_cut_off_is_tried_again(world: World) -> None:
    job_id = world.upload(PDF, "report.pdf")

    world.ai.documents = [asyncio.CancelledError(), *world.ai.documents]
    with pytest.raises(asyncio.CancelledError):
        world.deliver()
    world.pass_time(hours=1)
    world.sweep()
    world.deliver()
    assert world.job(job_id)["status"] == "done"
