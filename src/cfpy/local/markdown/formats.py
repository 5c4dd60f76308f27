"""The formats that Workers AI converts to Markdown, and which of them a document has."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath

_OFFICE = "application/vnd.openxmlformats-officedocument"
PDF = "application/pdf"
HTML = "text/html"
XML = "application/xml"
CSV = "text/csv"
SVG = "image/svg+xml"
DOCX = f"{_OFFICE}.wordprocessingml.document"
XLSX = f"{_OFFICE}.spreadsheetml.sheet"
XLSM = "application/vnd.ms-excel.sheet.macroenabled.12"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
XLS = "application/vnd.ms-excel"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODT = "application/vnd.oasis.opendocument.text"
NUMBERS = "application/vnd.apple.numbers"

#: Media types by file extension, in the order of
#: developers.cloudflare.com/workers-ai/features/markdown-conversion/supported-formats (2026-04-21).
SUPPORTED = {
    ".pdf": PDF,
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".svg": SVG,
    ".html": HTML,
    ".htm": HTML,
    ".xml": XML,
    ".xlsx": XLSX,
    ".xlsm": XLSM,
    ".xlsb": XLSB,
    ".xls": XLS,
    ".et": XLS,
    ".docx": DOCX,
    ".ods": ODS,
    ".odt": ODT,
    ".csv": CSV,
    ".numbers": NUMBERS,
}
#: Formats of the service that cfpy can't convert.
ONLY_CLOUDFLARE = {XLSB: ".xlsb", XLS: ".xls and .et", NUMBERS: ".numbers"}

_ALIASES = {"text/xml": XML, "image/jpg": "image/jpeg", "application/xhtml+xml": HTML}
_UNKNOWN = "application/octet-stream"
# The member of an archive that only one format has.
_MEMBERS = {
    "word/document.xml": DOCX,
    "xl/workbook.xml": XLSX,
    "xl/workbook.bin": XLSB,
    "Index/Document.iwa": NUMBERS,
}


def detect(name: str, given: str, data: bytes) -> str:
    """The media type of a document: from its first bytes, or else its given type or its name."""
    by_bytes = _from_bytes(data)
    by_name = SUPPORTED.get(PurePosixPath(name.lower()).suffix, "")
    declared = given.partition(";")[0].strip().lower()
    declared = _ALIASES.get(declared, declared)
    if by_bytes == XLSX and XLSM in (declared, by_name):
        return XLSM
    known = declared if declared in SUPPORTED.values() else by_name
    return by_bytes or known or declared or _UNKNOWN


def _from_bytes(data: bytes) -> str:
    if b"%PDF-" in data[:1024]:
        return PDF
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return _from_archive(data) if data.startswith(b"PK\x03\x04") else ""


def _from_archive(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            found = next((kind for name, kind in _MEMBERS.items() if name in names), "")
            if not found and "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                found = archive.read("mimetype").decode("ascii", "replace").strip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        return ""
    return found if found in SUPPORTED.values() else ""
