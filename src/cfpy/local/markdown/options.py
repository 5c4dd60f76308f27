"""Checks the options of a conversion."""

from __future__ import annotations

from typing import Any

_LANGUAGES = {"en", "es", "fr", "it", "pt", "de"}
_IMAGE = {"descriptionLanguage": _LANGUAGES}
_EMBEDDED = {**_IMAGE, "convert": bool, "maxConvertedImages": int}
#: ``ConversionOptions`` of workerd's ``to-markdown-api.ts``, of 2026-11-17: a dict has keys, a set
#: has the strings that are allowed.
_SHAPE: dict[str, Any] = {
    "output": {"format": {"markdown", "text"}},
    "html": {
        "images": {**_EMBEDDED, "convertOGImage": bool},
        "hostname": str,
        "cssSelector": str,
    },
    "docx": {"images": _EMBEDDED},
    "image": _IMAGE,
    "pdf": {"images": _EMBEDDED, "metadata": bool},
}


def check_options(options: Any) -> dict[str, Any]:
    """The options, checked; none are an empty dict.

    Raises:
        ValueError: An option is unknown or has the wrong type.
    """
    if options is None:
        return {}
    _check(options, _SHAPE, "conversionOptions")
    checked: dict[str, Any] = options
    return checked


def _check(value: Any, shape: Any, where: str) -> None:
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise ValueError(f"{where} is not an object")
        for key, inner in value.items():
            if key not in shape:
                raise ValueError(f"{where}.{key} is unknown; known are {', '.join(shape)}")
            if inner is not None:
                _check(inner, shape[key], f"{where}.{key}")
    elif isinstance(shape, set):
        if value not in sorted(shape):
            raise ValueError(f"{where} is not one of {', '.join(sorted(shape))}")
    elif not isinstance(value, shape) or (shape is int and (isinstance(value, bool) or value < 0)):
        kinds = {bool: "true or false", int: "a whole number, 0 or more", str: "a string"}
        raise ValueError(f"{where} is not {kinds[shape]}")
