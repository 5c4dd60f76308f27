"""The file of a form."""

from __future__ import annotations

from pipeline.limits import MAX_FORM_PARTS
from web import forms
from web.forms import FormPart
from web.problems import FieldError, invalid


def read_form(content_type: str, body: bytes) -> FormPart:
    """The one file of a form.

    Args:
        content_type: The request's header, with the boundary.
        body: The whole form.

    Raises:
        Problem: It is not a form, or does not have exactly one file.
    """
    files = [part for part in forms.read_form(content_type, body, MAX_FORM_PARTS) if part.name]
    if len(files) != 1:
        detail = f"must hold exactly one file, as a part with a filename, and holds {len(files)}"
        raise invalid((FieldError("#", detail),))
    return files[0]
