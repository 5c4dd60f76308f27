"""Why a document was not converted."""

from __future__ import annotations


class ConversionError(Exception):
    """The document can't be converted; the message is for the author of the Worker."""
