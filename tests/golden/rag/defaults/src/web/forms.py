"""Forms, with files in them: ``multipart/form-data`` (RFC 7578).

``email`` could parse the whole of a form, and takes minutes for some that are made for it. It gets
the few lines above each part instead.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from email.utils import collapse_rfc2231_value

from web.problems import Problem

# Room for a name of 255 bytes that is percent-encoded, and once more without that.
_MAX_PART_HEAD_BYTES = 2_000
# RFC 2046, section 5.1.1.
_BOUNDARY = re.compile(
    r""";\s*boundary\s*=\s*("?)([\w'()+,./:=? -]{0,69}[\w'()+,./:=?-])\1\s*(?:;|\Z)""", re.A | re.I
)
# Scripts that write forms by hand end lines with LF alone.
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True)
class FormPart:
    """A part of a form. ``field`` is the name of its field; ``name`` is that of a file, and empty
    for all other fields. ``media_type`` is what the client says, with its parameters."""

    field: str
    name: str
    media_type: str
    content: bytes


def read_form(content_type: str, body: bytes, max_parts: int) -> list[FormPart]:
    """The parts of a form; ``content_type`` is the request's header, with the boundary."""
    return [_part(part) for part in _parts(content_type, body, max_parts)]


def _parts(content_type: str, body: bytes, max_parts: int) -> Iterator[bytes]:
    """What is between the boundaries, from the end of one's line to the line of the next."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise _no_form("the Content-Type has no boundary, which a client writes itself")
    line = re.compile(b"--" + re.escape(boundary[2].encode()) + rb"(--)?[ \t]*+(?=\r?\n|\Z)")
    begin, parts = None, 0
    for found in line.finditer(body):
        end = found.start()
        if end and body[end - 1 : end] != b"\n":
            continue
        if begin is not None:
            parts += 1
            yield body[begin : end - (2 if body[end - 2 : end] == b"\r\n" else 1)]
        if found[1]:
            return
        if parts == max_parts:
            raise _no_form(f"it has more than {max_parts} parts")
        begin = found.end()
    raise _no_form("it is cut off, as its last boundary is missing")


def _part(part: bytes) -> FormPart:
    blank = _BLANK_LINE.search(part, 0, _MAX_PART_HEAD_BYTES)
    if blank is None:
        raise _no_form(f"a part has no headers, or more than {_MAX_PART_HEAD_BYTES} bytes of them")
    try:
        head = HeaderParser().parsestr(part[: blank.start()].decode().strip())
        field, name = _parameter(head, "name"), _parameter(head, "filename")
    except UnicodeDecodeError:
        raise _no_form("a name in it is not UTF-8") from None
    # email raises them at some names.
    except (ValueError, TypeError):
        raise _no_form("a part has broken headers") from None
    if head.defects:
        raise _no_form("a part has broken headers")
    # RFC 7578 gives up encodings of parts.
    encoding = head.get("content-transfer-encoding", "binary").strip().lower()
    if encoding not in ("7bit", "8bit", "binary"):
        raise _no_form(f"a part is in {encoding}: send files as they are")
    return FormPart(field, name, head.get("content-type", "").lower(), part[blank.end() :])


def _parameter(head: Message, name: str) -> str:
    """A parameter of a part's Content-Disposition; empty if there is none."""
    parameters = head.get_params([], "content-disposition")
    values = [value for key, value in parameters if key.lower() == name]
    # A tuple is what filename* becomes, which is for those who understand it.
    value = max(values, key=lambda value: isinstance(value, tuple), default="")
    # Browsers, curl and others write a quote so, and no other character (HTML, 4.10.22.8).
    return value.replace("%22", '"') if isinstance(value, str) else collapse_rfc2231_value(value)


def _no_form(why: str) -> Problem:
    return Problem(400, "not-a-form", f"The body is no valid multipart/form-data: {why}.")
