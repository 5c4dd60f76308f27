"""Converts one document to Markdown, with limits for what a hostile one can cost."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import Any

from cfpy.local.markdown import formats, images, odf, pages, pdf, tables
from cfpy.local.markdown.failure import ConversionError
from cfpy.local.markdown.text import plain

#: Bytes of a document; Cloudflare names no limit.
MAX_BYTES = 32 * 1024 * 1024
#: Bytes of an archive's members together, and how many there may be.
MAX_UNPACKED = 256 * 1024 * 1024
MAX_MEMBERS = 10_000
#: Characters of a result.
MAX_CHARACTERS = 8_000_000
_CHARACTERS_A_TOKEN = 4


def convert(name: str, given: str, data: bytes, options: Mapping[str, Any]) -> dict[str, Any]:
    """One result as ``env.AI.toMarkdown()`` gives it, without its id.

    Args:
        name: The document's name.
        given: The media type that the Worker gave, or an empty string.
        data: The document.
        options: ``conversionOptions`` (ConversionOptions of workerd's ``to-markdown-api.ts``).
    """
    mime = formats.detect(name, given, data)
    head = {"name": name, "mimeType": mime}
    try:
        content = _convert(name, mime, data, options)
        if len(content) > MAX_CHARACTERS:
            raise ConversionError(f"the result has more than {MAX_CHARACTERS} characters")
    except ConversionError as error:
        return {**head, "format": "error", "error": str(error)}
    except RecursionError:
        return {**head, "format": "error", "error": "the document is nested too deeply"}
    except MemoryError:
        return {**head, "format": "error", "error": "the document needs too much memory"}
    except Exception as error:  # noqa: BLE001 - the libraries raise anything for a damaged document
        why = f"the document is damaged: {type(error).__name__}: {error}"
        return {**head, "format": "error", "error": why[:500]}
    output = (options.get("output") or {}).get("format") or "markdown"
    content = plain(content) if output == "text" else content
    tokens = math.ceil(len(content) / _CHARACTERS_A_TOKEN)
    return {**head, "format": output, "tokens": tokens, "data": content}


def _convert(name: str, mime: str, data: bytes, options: Mapping[str, Any]) -> str:
    if len(data) > MAX_BYTES:
        raise ConversionError(f"the document has more than {MAX_BYTES} bytes")
    if mime in formats.ONLY_CLOUDFLARE:
        kind = formats.ONLY_CLOUDFLARE[mime]
        raise ConversionError(
            f"cfpy dev has no stand-in for the conversion of {kind}. Deploy the Worker to use it"
        )
    if mime not in formats.SUPPORTED.values():
        raise ConversionError(f"Unsupported file type: {mime}")
    if not data:
        raise ConversionError("the document is empty")
    if data.startswith(b"PK"):
        _check_archive(data)
    match mime:
        case formats.PDF:
            metadata = (options.get("pdf") or {}).get("metadata", True)
            return pdf.from_pdf(name, data, metadata=metadata)
        case formats.HTML:
            return pages.from_html(data, options.get("html") or {})
        case formats.DOCX:
            return pages.from_docx(data, options.get("docx") or {})
        case formats.XML:
            return pages.from_xml(data)
        case formats.CSV:
            return tables.from_csv(data)
        case formats.XLSX | formats.XLSM:
            return f"# {name}\n{tables.from_xlsx(data)}"
        case formats.ODS:
            return f"# {name}\n{odf.from_ods(data)}"
        case formats.ODT:
            return odf.from_odt(data)
    return images.describe(data, mime)


def _check_archive(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise ConversionError(f"the document has more than {MAX_MEMBERS} parts")
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise ConversionError(f"the document has more than {MAX_UNPACKED} bytes when unpacked")
    if any(member.flag_bits & 1 for member in members):
        raise ConversionError("the document is encrypted")
