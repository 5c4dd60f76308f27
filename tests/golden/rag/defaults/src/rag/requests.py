"""Turns what clients send into checked values, or says all that is wrong with it at once."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rag import limits
from rag.records import FILTER_KEYS, Document, Scalar, document_id
from web.problems import FieldError, invalid

#: A metadata filter in Vectorize's own form: ``{"lang": {"$in": ["en", "de"]}}``.
Filter = dict[str, dict[str, list[str]]]

#: How passages are found: by vectors, by words, by both, or by both and then reranked.
Mode = Literal["vector", "text", "hybrid", "reranked"]

_MODES: tuple[Mode, ...] = get_args(Mode)
_DOCUMENT_KEYS = {"id", "title", "text", "source", "metadata"}
_QUERY_KEYS = {"query", "top_k", "filter", "stream"}
_ID = re.compile(rf"[A-Za-z0-9._:/@+-]{{1,{limits.MAX_ID_CHARS}}}")
# A URL parser resolves these segments: a document of such an id could not be asked for.
_DOT_SEGMENTS = {".", ".."}
_METADATA_KEY = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{limits.MAX_METADATA_KEY_CHARS - 1}}}")
# CPython puts the marks of a letter in order in a time that grows with the square of their number.
# So after 30 (UAX #15 takes that many for enough) they start again; to \w a mark is a symbol.
_TOO_MANY_MARKS = re.compile(r"(?<=[^\w\s\x00-\x7f]{30})")


@dataclass(frozen=True)
class Query:
    """A question. ``filter`` is empty where nothing is filtered."""

    query: str
    top_k: int
    filter: Filter
    stream: bool = False
    mode: Mode = "reranked"


class _Errors:
    """Collects what is wrong, up to ``MAX_ERRORS``; one more ends it all.

    The rest of a body that is full of errors is not even looked at.
    """

    def __init__(self) -> None:
        self._found: list[FieldError] = []

    def add(self, pointer: str, detail: str) -> None:
        if len(self._found) == limits.MAX_ERRORS:
            self._found.append(FieldError("#", "has more errors than these"))
            self.check()
        self._found.append(FieldError(pointer, detail))

    def check(self) -> None:
        """Raise a Problem if anything was wrong."""
        if self._found:
            raise invalid(tuple(self._found))


def parse_documents(body: object) -> list[Document]:
    """Read the body of ``POST /documents``: one document, or ``{"documents": [...]}``.

    Raises:
        Problem: Something is wrong with it; the problem names every field.
    """
    errors = _Errors()
    if isinstance(body, Mapping) and "documents" in body:
        items = _object(body, "#", {"documents"}, errors)["documents"]
        if not isinstance(items, list) or not 1 <= len(items) <= limits.MAX_DOCUMENTS:
            errors.add("#/documents", f"must be a list of 1 to {limits.MAX_DOCUMENTS} documents")
            items = []
        documents = [_document(item, f"#/documents/{i}", errors) for i, item in enumerate(items)]
    else:
        documents = [_document(body, "#", errors)]
    errors.check()
    ids = [document.id for document in documents]
    for i, duplicate in enumerate(ids):
        if duplicate in ids[:i]:
            errors.add(f"#/documents/{i}/id", f"{duplicate!r} occurs twice in this request")
    errors.check()
    return documents


def parse_query(body: object) -> Query:
    """Read the body of ``POST /query``.

    Raises:
        Problem: Something is wrong with it; the problem names every field.
    """
    errors = _Errors()
    fields = _object(body, "#", _QUERY_KEYS, errors)
    query = _query_text(fields.get("query"), "#/query", errors)
    top_k = fields.get("top_k", limits.DEFAULT_TOP_K)
    if type(top_k) is not int or not 1 <= top_k <= limits.MAX_TOP_K:
        errors.add("#/top_k", f"must be a whole number from 1 to {limits.MAX_TOP_K}")
    stream = fields.get("stream", False)
    if not isinstance(stream, bool):
        errors.add("#/stream", "must be true or false")
    wanted = _filter(fields.get("filter", {}), errors)
    errors.check()
    return Query(query, top_k, wanted, stream)


def parse_fetch(body: object) -> tuple[str, int]:
    """Read the arguments of the tool ``fetch``: an id, and where to start.

    Raises:
        Problem: Something is wrong with them; the problem names every field.
    """
    errors = _Errors()
    fields = _object(body, "#", {"id", "start"}, errors)
    identifier = _id(fields.get("id"), "#/id", errors)
    start = fields.get("start", 0)
    if type(start) is not int or not 0 <= start <= limits.MAX_DOCUMENT_BYTES:
        errors.add("#/start", "must be a next_start")
    errors.check()
    return identifier, start


def parse_search(parameters: Mapping[str, str]) -> Query:
    """Read the parameters of ``GET /search``: ``q``, ``top_k``, ``mode`` and the filter keys.

    Raises:
        Problem: Something is wrong with them; the problem names every parameter.
    """
    errors = _Errors()
    for name in set(parameters) - {"q", "top_k", "mode", *FILTER_KEYS}:
        errors.add(f"?{name}", "is no parameter of this resource")
    query = _query_text(parameters.get("q"), "?q", errors)
    top_k = _number(parameters, "top_k", limits.DEFAULT_TOP_K, limits.MAX_TOP_K, errors)
    wanted = _filter({key: parameters[key] for key in FILTER_KEYS if key in parameters}, errors)
    named = parameters.get("mode", "reranked")
    mode = next((mode for mode in _MODES if mode == named), None)
    if mode is None:
        errors.add("?mode", f"must be one of {', '.join(_MODES)}")
    errors.check()
    return Query(query, top_k, wanted, mode=mode or "reranked")


def parse_page(parameters: Mapping[str, str]) -> tuple[int, str, bool]:
    """Read ``limit``, ``cursor`` (empty for the first page) and ``state`` of ``GET /documents``:
    whether only documents that are pending are asked for.

    Raises:
        Problem: The limit is out of range, or there is no such state.
    """
    errors = _Errors()
    limit = _number(parameters, "limit", limits.DEFAULT_PAGE, limits.MAX_PAGE, errors)
    state = parameters.get("state", "")
    if state not in ("", "pending"):
        errors.add("?state", 'must be "pending", if it is there')
    errors.check()
    return limit, parameters.get("cursor", ""), state == "pending"


def _document(item: object, at: str, errors: _Errors) -> Document:
    fields = _object(item, at, _DOCUMENT_KEYS, errors)
    title = _text(fields.get("title", ""), f"{at}/title", limits.MAX_TITLE_CHARS, errors)
    source = _text(fields.get("source", ""), f"{at}/source", limits.MAX_SOURCE_CHARS, errors)
    most = limits.MAX_DOCUMENT_BYTES
    text = _text(fields.get("text"), f"{at}/text", most, errors, required=True)
    if len(text.encode()) > most:
        errors.add(f"{at}/text", f"must have at most {most} bytes in UTF-8")
    identifier = _id(fields.get("id", document_id(title, text)), f"{at}/id", errors)
    metadata = _metadata(fields.get("metadata", {}), f"{at}/metadata", errors)
    return Document(identifier, " ".join(title.split()), text, source.strip(), metadata)


def _id(value: object, at: str, errors: _Errors) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        errors.add(at, f"must have 1 to {limits.MAX_ID_CHARS} letters, digits or ._:/@+- signs")
        return ""
    if _DOT_SEGMENTS & set(value.split("/")):
        errors.add(at, "must have no . or .. between slashes")
    return value


def _metadata(value: object, at: str, errors: _Errors) -> dict[str, Scalar]:
    if not isinstance(value, Mapping) or len(value) > limits.MAX_METADATA_KEYS:
        errors.add(at, f"must be an object of at most {limits.MAX_METADATA_KEYS} keys")
        return {}
    metadata: dict[str, Scalar] = {}
    for key, item in value.items():
        if not _METADATA_KEY.fullmatch(key):
            errors.add(at, f"{_quoted(key)} can't be a key: use letters, digits, - and _")
        elif key in FILTER_KEYS:
            metadata[key] = _filter_value(item, f"{at}/{key}", errors)
        elif isinstance(item, str):
            metadata[key] = _text(item, f"{at}/{key}", limits.MAX_METADATA_CHARS, errors)
        # 1e999 is valid JSON, but to Python it is infinite, which no JSON can say.
        elif isinstance(item, bool | int | float) and abs(item) <= sys.float_info.max:
            metadata[key] = item
        else:
            errors.add(f"{at}/{key}", "must be a text, a finite number, true or false")
    return metadata


def _filter(value: object, errors: _Errors) -> Filter:
    fields = _object(value, "#/filter", set(FILTER_KEYS), errors)
    wanted: Filter = {}
    for key in FILTER_KEYS:
        if key not in fields:
            continue
        values = fields[key] if isinstance(fields[key], list) else [fields[key]]
        # No more than could fit, so that a long list costs nothing.
        most = limits.MAX_FILTER_BYTES // len('"x",')
        if not 1 <= len(values) <= most:
            errors.add(f"#/filter/{key}", f"must have 1 to {most} values")
            continue
        wanted[key] = {"$in": [_filter_value(item, f"#/filter/{key}", errors) for item in values]}
    size = len(json.dumps(wanted, ensure_ascii=False, separators=(",", ":")).encode())
    if size > limits.MAX_FILTER_BYTES:
        errors.add("#/filter", f"is too large by {size - limits.MAX_FILTER_BYTES} bytes")
    return wanted


def _filter_value(value: object, at: str, errors: _Errors) -> str:
    most = limits.MAX_FILTER_VALUE_BYTES
    text = _text(value, at, most, errors, required=True)
    if len(text.encode()) > most:
        errors.add(at, f"must have at most {most} bytes in UTF-8")
    return text


def _query_text(value: object, at: str, errors: _Errors) -> str:
    return " ".join(_text(value, at, limits.MAX_QUERY_CHARS, errors, required=True).split())


def _text(
    value: object, at: str, max_chars: int, errors: _Errors, *, required: bool = False
) -> str:
    """The string in one normal form, or an empty string and an error."""
    if not isinstance(value, str):
        errors.add(at, "must be a text")
        return ""
    if len(value) > max_chars:
        errors.add(at, f"must have at most {max_chars} characters")
        return ""
    # JSON can escape half a surrogate pair, which no UTF-8 holds; SQLite ends a text at NUL.
    text = value.encode(errors="replace").decode().replace("\0", "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(unicodedata.normalize("NFC", part) for part in _TOO_MANY_MARKS.split(text))
    if required and not text.strip():
        errors.add(at, "must not be empty")
    return text


def _object(value: object, at: str, known: set[str], errors: _Errors) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        errors.add(at, "must be an object")
        return {}
    for key in value:
        if key not in known:
            its = ", ".join(sorted(known))
            errors.add(at, f"has no field {_quoted(key)}; its fields are {its}")
    return value


def _quoted(key: str) -> str:
    """A client's key, as an error shows it: it may be as long as the body."""
    return repr(key[: limits.MAX_METADATA_KEY_CHARS])


def _number(
    parameters: Mapping[str, str], name: str, default: int, maximum: int, errors: _Errors
) -> int:
    text = parameters.get(name, str(default))
    if re.fullmatch("[0-9]{1,4}", text) and 1 <= int(text) <= maximum:
        return int(text)
    errors.add(f"?{name}", f"must be a whole number from 1 to {maximum}")
    return default
