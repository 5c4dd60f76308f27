"""The file of a form, and its other fields."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.limits import MAX_FORM_PARTS
from web import forms
from web.forms import FormPart
from web.problems import FieldError, invalid


@dataclass(frozen=True)
class FormFile(FormPart):
    """The file of a form. ``fields`` are the other parts, by name."""

    fields: Mapping[str, bytes]


def read_form(content_type: str, body: bytes) -> FormFile:
    """The one file of a form.

    Args:
        content_type: The request's header, with the boundary.
        body: The whole form.

    Raises:
        Problem: It is not a form, or does not have exactly one file.
    """
    parts = forms.read_form(content_type, body, MAX_FORM_PARTS)
    files = [part for part in parts if part.name]
    if len(files) != 1:
        found = len(files) or "none"
        detail = f"must have one file, as a part with a filename, but has {found}"
        raise invalid(FieldError("#", detail))
    fields = {part.field: part.content for part in parts if not part.name}
    return FormFile(**vars(files[0]), fields=fields)
