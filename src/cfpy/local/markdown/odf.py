"""Converts OpenDocument files to Markdown."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator

from cfpy.local.markdown.failure import ConversionError
from cfpy.local.markdown.tables import MAX_CELLS, table

_NAMESPACE = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
_TEXT = _NAMESPACE % "text"
_TABLE = _NAMESPACE % "table"
_OFFICE = _NAMESPACE % "office"
_CONTAINERS = {f"{_TEXT}section", f"{_TEXT}index-body", f"{_OFFICE}text"}

_SPACES = {f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"}


def from_odt(data: bytes) -> str:
    """Headings, paragraphs, lists and tables."""
    return "\n\n".join(_blocks(_body(data, "text"))) + "\n"


def from_ods(data: bytes) -> str:
    """A heading and a table for each sheet."""
    sheets = _body(data, "spreadsheet").iter(f"{_TABLE}table")
    return "\n".join(f"## {each.get(f'{_TABLE}name', '')}\n{table(_rows(each))}" for each in sheets)


def _body(data: bytes, kind: str) -> ET.Element:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        content = archive.read("content.xml")
    if b"<!DOCTYPE" in content[:4096]:
        raise ConversionError("the document has a document type declaration")
    body = ET.fromstring(content).find(f"{_OFFICE}body/{_OFFICE}{kind}")  # noqa: S314
    if body is None:
        raise ConversionError("the document has no content")
    for element in body.iter():
        if element.tag in _SPACES:
            element.text = " "
    return body


def _blocks(parent: ET.Element) -> Iterator[str]:
    for child in parent:
        if child.tag == f"{_TEXT}h":
            level = int(child.get(f"{_TEXT}outline-level", "1"))
            yield f"{'#' * min(level, 6)} {_words(child)}"
        elif child.tag == f"{_TEXT}p" and _words(child):
            yield _words(child)
        elif child.tag == f"{_TEXT}list":
            yield "\n".join(_items(child, ""))
        elif child.tag == f"{_TABLE}table":
            yield table(_rows(child)).rstrip()
        elif child.tag in _CONTAINERS:
            yield from _blocks(child)


def _items(items: ET.Element, indent: str) -> Iterator[str]:
    for item in items:
        for child in item:
            if child.tag == f"{_TEXT}list":
                yield from _items(child, f"{indent}  ")
            else:
                yield f"{indent}- {_words(child)}"


def _rows(parent: ET.Element) -> Iterator[list[str]]:
    for row in parent.iter(f"{_TABLE}table-row"):
        cells: list[str] = []
        for cell in row:
            repeated = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
            # The rest of a row is one empty cell that is repeated.
            count = repeated if _words(cell) else min(repeated, 1024)
            if len(cells) + count > MAX_CELLS:
                raise ConversionError(f"the document has more than {MAX_CELLS} cells")
            cells += [_words(cell)] * count
        times = int(row.get(f"{_TABLE}number-rows-repeated", "1")) if any(cells) else 1
        for _ in range(times):
            yield list(cells)


def _words(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())
