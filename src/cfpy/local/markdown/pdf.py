"""Converts PDF documents to Markdown."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfpy.local.markdown.failure import ConversionError

if TYPE_CHECKING:
    from pypdf import PdfReader

#: Pages of a document.
MAX_PAGES = 2_000


def from_pdf(name: str, data: bytes, *, metadata: bool) -> str:
    """The text of each page, with the headings that Workers AI has
    (developers.cloudflare.com/workers-ai/features/markdown-conversion/usage/binding).

    Raises:
        ConversionError: It needs a password, or has more than ``MAX_PAGES`` pages.
    """
    import pypdf
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ConversionError("the PDF document needs a password")
        pages = len(reader.pages)
        if pages > MAX_PAGES:
            raise ConversionError(f"the document has {pages} pages, more than {MAX_PAGES}")
        parts = [f"# {name}"]
        if metadata:
            parts += ["## Metadata", *_metadata(reader), ""]
        parts.append("## Contents")
        for number, page in enumerate(reader.pages, 1):
            parts.append(f"### Page {number}\n{page.extract_text().strip()}\n")
    except PyPdfError as error:
        encrypted = "AES" in str(error) or "ecrypt" in str(error)
        why = "the PDF document is encrypted" if encrypted else "the PDF document is damaged"
        raise ConversionError(f"{why}: {error}" if not encrypted else why) from None
    return "\n".join(parts)


def _metadata(reader: PdfReader) -> Iterator[str]:
    yield f"- PDFFormatVersion={reader.pdf_header.removeprefix('%PDF-')}"
    for key, value in (reader.metadata or {}).items():
        yield f"- {key.removeprefix('/')}={' '.join(str(value).split())}"
