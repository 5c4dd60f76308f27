"""Files in forms: ``multipart/form-data`` (RFC 7578)."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP

from web.problems import FieldError, Problem, invalid


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
    # A form is a MIME message without its head.
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(EmailMessage, policy=HTTP).parsebytes(head + body)
    if not message.is_multipart() or message.defects:
        raise Problem(400, "not-a-form", "The body is no valid multipart/form-data.")
    files = [part for part in message.iter_parts() if part.get_filename()]
    if len(files) != 1:
        raise invalid((FieldError("#", "must hold exactly one file"),))
    content = files[0].get_payload(decode=True)
    if not isinstance(content, bytes):
        raise Problem(400, "not-a-form", "The body is no valid multipart/form-data.")
    return FormFile(files[0].get_filename() or "", files[0].get_content_type(), content)
