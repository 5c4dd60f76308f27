"""Files in forms: ``multipart/form-data`` (RFC 7578).

``email`` could parse the whole of a form, and takes minutes for some that are made for it. It gets
the few lines above each part instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.parser import HeaderParser

from pipeline.limits import MAX_FORM_PARTS, MAX_PART_HEAD_BYTES
from web.problems import FieldError, Problem, invalid

# RFC 2046, section 5.1.1.
_BOUNDARY = re.compile(r""";\s*boundary=("?)([\w'()+,./:=? -]{1,70})\1\s*(?:;|\Z)""", re.A | re.I)


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
    try:
        files = [file for part in _parts(content_type, body) if (file := _file(part))]
    # email raises TypeError at some names.
    except (ValueError, TypeError):
        raise Problem(400, "not-a-form", "The body is no valid multipart/form-data.") from None
    if len(files) != 1:
        raise invalid((FieldError("#", "must hold exactly one file"),))
    return files[0]


def _parts(content_type: str, body: bytes) -> list[bytes]:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise ValueError("no boundary")
    delimiter = b"\r\n--" + boundary[2].encode()
    _, *parts, end = (b"\r\n" + body).split(delimiter, MAX_FORM_PARTS + 1)
    if not parts or not end.startswith(b"--"):
        raise ValueError("not closed, or too many parts")
    return parts


def _file(part: bytes) -> FormFile | None:
    """The file in a part, unless it is another field."""
    head, blank, content = part.partition(b"\r\n\r\n")
    if not blank or not part.startswith(b"\r\n") or len(head) > MAX_PART_HEAD_BYTES:
        raise ValueError("no headers, or too many")
    message = HeaderParser().parsestr(head.decode().removeprefix("\r\n"))
    # RFC 7578 gives up encodings of parts; nobody who reads the file would know of one.
    encoding = message.get("content-transfer-encoding", "binary").lower()
    if message.defects or encoding not in ("7bit", "8bit", "binary"):
        raise ValueError("no valid headers")
    name = message.get_filename()
    return FormFile(name, message.get_content_type(), content) if name else None
