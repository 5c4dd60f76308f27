"""Files in forms: ``multipart/form-data`` (RFC 7578).

Not by the standard library's parser of mail, which takes minutes for some heads of a few kilobytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from pipeline.limits import MAX_FORM_PARTS, MAX_PART_HEAD_BYTES
from web.problems import FieldError, Problem, invalid

_BOUNDARY = re.compile(r'(?i);\s*boundary=(?:"([^"]{1,70})"|([^\s";]{1,70}))\s*(?:;|$)')
# Of a Content-Disposition: `; name="value"` or `; name=value`.
_PARAMETER = re.compile(r';\s*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')


@dataclass(frozen=True)
class FormFile:
    """A file of a form. ``media_type`` is what the client says, in lower case."""

    name: str
    media_type: str
    content: bytes


def read_form(content_type: str, body: bytes) -> FormFile:
    """The one file of a form.

    Args:
        content_type: The request's header, with the boundary.
        body: The whole form.

    Raises:
        Problem: It is no form, or does not hold exactly one file.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _no_form()
    delimiter = f"\r\n--{found[1] or found[2]}".encode()
    before, *parts = (b"\r\n" + body).split(delimiter, MAX_FORM_PARTS + 1)
    # The last one is what stands behind all: two hyphens.
    if before or len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise _no_form()
    files = [file for file in map(_read_part, parts[:-1]) if file.name]
    if len(files) != 1:
        raise invalid((FieldError("#", "must hold exactly one file"),))
    return files[0]


def _read_part(part: bytes) -> FormFile:
    """A part; one that is no file has no name."""
    head, blank, content = part.partition(b"\r\n\r\n")
    if not blank or not head.startswith(b"\r\n") or len(head) > MAX_PART_HEAD_BYTES:
        raise _no_form()
    try:
        lines = head[2:].decode().split("\r\n")
    except UnicodeDecodeError:
        raise _no_form() from None
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    disposition = headers.get("content-disposition", "")
    if not disposition.lower().startswith("form-data"):
        raise _no_form()
    media_type = headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    return FormFile(_filename(disposition), media_type, content)


def _filename(disposition: str) -> str:
    given = {
        name.lower(): re.sub(r'\\(["\\])', r"\1", quoted) or plain
        for name, quoted, plain in _PARAMETER.findall(disposition)
    }
    # The second way of RFC 5987, for names that are not ASCII, goes before the first.
    charset, _, encoded = given.get("filename*", "").partition("''")
    return unquote(encoded) if charset.lower() == "utf-8" else given.get("filename", "")


def _no_form() -> Problem:
    return Problem(400, "not-a-form", "The body is no valid multipart/form-data.")
