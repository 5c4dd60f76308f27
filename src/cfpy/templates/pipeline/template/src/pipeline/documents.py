"""Files that Workers AI turns into Markdown: PDF, Word, spreadsheets, images.

developers.cloudflare.com/workers-ai/features/markdown-conversion has the list. It converts most for
free; what an image shows is told by a model, which costs neurons.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from jobs.job import Unprocessable
from pipeline.limits import MAX_TEXT_CHARS
from workers_ai.errors import ai_problem

#: Converts a file with this name and media type, as ``env.AI.toMarkdown()``.
ToMarkdown = Callable[[str, str, bytes], Awaitable[Mapping[str, Any]]]

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
#: Media types by the ends of names.
DOCUMENTS = {
    ".pdf": "application/pdf",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".odt": f"{_OPEN}.text",
    ".ods": f"{_OPEN}.spreadsheet",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
# What such an archive begins with, or has a member of.
_MEMBERS = {
    b"word/document": ".docx",
    b"xl/workbook.xml": ".xlsx",
    b"mimetypeapplication/vnd.oasis.opendocument.textPK": ".odt",
    b"mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK": ".ods",
}


class NotConvertedYet(Exception):
    """Workers AI could not convert a file this time."""


def document_type(data: bytes) -> str | None:
    """The media type of a document, by what is in it; ``None`` if it is none of ``DOCUMENTS``."""
    suffix = _suffix(data)
    return DOCUMENTS[suffix] if suffix else None


def is_document(media_type: str) -> bool:
    """Whether Workers AI has to convert a file of this type."""
    return media_type.partition(";")[0] in DOCUMENTS.values()


async def convert(to_markdown: ToMarkdown, data: bytes, media_type: str) -> str:
    """The text of a document, as Markdown.

    Raises:
        Unprocessable: It can't be converted.
        NotConvertedYet: Workers AI could not do it this time.
    """
    suffix = next(end for end, kind in DOCUMENTS.items() if kind == media_type)
    result = await to_markdown(f"file{suffix}", media_type, data)
    if result["format"] == "error":
        error = str(result["error"])
        if ai_problem(error):
            raise NotConvertedYet(error)
        raise Unprocessable(f"The file could not be converted to text: {error}")
    text = str(result["data"])
    if len(text) > MAX_TEXT_CHARS:
        raise Unprocessable(f"The file holds more than {MAX_TEXT_CHARS} characters of text.")
    return text


def _suffix(data: bytes) -> str:
    if data.startswith(b"PK\x03\x04"):
        return next((suffix for member, suffix in _MEMBERS.items() if member in data), "")
    if data.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return ".png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return ".webp"
    return ".pdf" if data[:1_024].lstrip(b"\xef\xbb\xbf\0 \t\r\n").startswith(b"%PDF-") else ""
