"""Documents as clients send them: checked, and with ids that never change."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from rag.chunking import chunk
from rag.problems import Problem, invalid

# One request embeds at most this much: it stays far below a Worker's subrequests and memory.
MAX_DOCUMENTS = 50
MAX_TEXT = 400_000
MAX_BODY = 4_000_000
MAX_METADATA_BYTES = 4_096

#: Metadata that a query can filter on. The metadata indexes in cfpy.toml must name the same.
FILTERABLE = ("source", "lang", "section")
# A filter compares the first 64 bytes of a text only (Vectorize's limit for indexed strings).
MAX_FILTERABLE_BYTES = 64

_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_FIELDS = {"id", "title", "source", "text", "metadata"}


@dataclass(frozen=True)
class Document:
    """A valid document. `metadata` is flat: texts, numbers and booleans."""

    id: str
    title: str
    source: str | None
    text: str
    metadata: dict[str, Any]

    @property
    def content_hash(self) -> str:
        """Changes with anything that a client can see of the document."""
        parts = [self.id, self.title, self.source, self.text, self.metadata]
        return _digest(json.dumps(parts, sort_keys=True))

    @property
    def filterable(self) -> dict[str, Any]:
        """What Vectorize is told of it: no more than filters need."""
        found = {"source": self.source, **self.metadata}
        return {key: found[key] for key in FILTERABLE if found.get(key) is not None}

    def chunks(self) -> list[tuple[str, str]]:
        """Pairs of chunk id and text.

        Ids hold the version's hash: two versions of a document never share a vector, so the old one
        stays whole until the new one replaces it.
        """
        prefix = self.content_hash[:32]
        return [(f"{prefix}:{n}", text) for n, text in enumerate(chunk(self.text))]


def parse_documents(body: Any) -> list[Document]:
    """Read one document, or `{"documents": [...]}`.

    Raises:
        Problem: 422 that names the field.
    """
    items = body["documents"] if isinstance(body, dict) and "documents" in body else [body]
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_DOCUMENTS:
        raise invalid("documents", f"send a list of 1 to {MAX_DOCUMENTS}")
    documents = [_parse(item, f"documents[{n}]") for n, item in enumerate(items)]
    if len({document.id for document in documents}) < len(documents):
        raise invalid("documents", "two of them have the same id")
    if sum(len(document.text) for document in documents) > MAX_TEXT:
        raise Problem(413, f"at most {MAX_TEXT} characters of text in one request")
    return documents


def _parse(item: Any, where: str) -> Document:
    if not isinstance(item, dict):
        raise invalid(where, "not an object")
    unknown = sorted(set(item) - _FIELDS)
    if unknown:
        raise invalid(f"{where}.{unknown[0]}", f"unknown; known are {', '.join(sorted(_FIELDS))}")
    text = _text(item.get("text"), f"{where}.text", MAX_TEXT)
    source = item.get("source")
    if source is not None:
        source = _text(source, f"{where}.source", 2_048)
    title = item.get("title")
    title = _text(title, f"{where}.title", 300) if title is not None else _first_line(text)
    # The same source, or else the same text, is the same document.
    identity = item.get("id", _digest(source or text)[:32])
    if not isinstance(identity, str) or not _ID.fullmatch(identity):
        raise invalid(f"{where}.id", "1 to 128 letters, digits or any of . _ ~ -")
    metadata = _metadata(item.get("metadata", {}), f"{where}.metadata")
    return Document(identity, title, source, text, metadata)


def _text(value: Any, where: str, limit: int) -> str:
    if not isinstance(value, str) or not value.strip():
        raise invalid(where, "a text that is not empty")
    if len(value) > limit:
        raise invalid(where, f"at most {limit} characters")
    # Lone surrogates can't be stored or embedded; JSON can bring them.
    return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def _metadata(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(where, "not an object")
    for key, entry in value.items():
        if not isinstance(entry, str | int | float | bool):
            raise invalid(f"{where}.{key}", "a text, a number or a boolean")
        if key == "source":
            raise invalid(f"{where}.{key}", "belongs beside metadata, not inside")
        if key in FILTERABLE and not _is_filterable(entry):
            raise invalid(f"{where}.{key}", f"a text of at most {MAX_FILTERABLE_BYTES} bytes")
    if len(json.dumps(value).encode()) > MAX_METADATA_BYTES:
        raise invalid(where, f"at most {MAX_METADATA_BYTES} bytes as JSON")
    return value


def _is_filterable(value: Any) -> bool:
    return isinstance(value, str) and len(value.encode()) <= MAX_FILTERABLE_BYTES


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0].lstrip("# ")[:300] or "Untitled"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
