"""What clients may send, and what it becomes.

These schemas check it, they are what agents are told, and ``scripts/openapi.py`` publishes them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rag import limits
from rag.records import FILTER_KEYS, Document, document_id
from rag.validation import Schema
from web.problems import FieldError, invalid

#: A metadata filter in Vectorize's own form: ``{"lang": {"$in": ["en", "de"]}}``.
Filter = dict[str, dict[str, list[str]]]

#: How passages are found: by vectors, by words, by both, or by both and then reranked.
Mode = Literal["vector", "text", "hybrid", "reranked"]


def fields(required: str = "", /, **properties: Schema) -> Schema:
    """An object with these fields and no others; ``required`` names some, between spaces."""
    names = {"required": required.split()} if required else {}
    return {"type": "object", "properties": properties, "additionalProperties": False, **names}


def _string(most: int, **more: Any) -> Schema:
    return {"type": "string", "maxLength": most, **more}


def _number(least: int, default: int, most: int, **more: Any) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most, "default": default, **more}


def _list(least: int, most: int, items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most, **more}


# Something that can be seen, to Python as to JavaScript: to each, other signs are white space.
_SEEN = r"[^\s\x00-\x20\x7f-\xa0\ufeff]"
_NOT_BLANK: Schema = {"minLength": 1, "pattern": _SEEN, "x-pattern": "something in it"}
# An end that no line break can follow: `$` alone lets one pass.
_END = r"(?![\s\S])"

ID = _string(
    limits.MAX_ID_CHARS,
    # A URL parser resolves the segments . and ..: such a document could not be asked for.
    pattern=rf"^(?!(.*/)?\.\.?(/|{_END}))[A-Za-z0-9._:/@+-]+{_END}",
    **{"x-pattern": "letters, digits or ._:/@+- signs, and no . or .. between slashes"},
)
_VALUE = _string(limits.MAX_FILTER_VALUE_BYTES, **_NOT_BLANK) | {
    "x-maxBytes": limits.MAX_FILTER_VALUE_BYTES
}
_SCALAR: Schema = _string(limits.MAX_METADATA_CHARS) | {
    "type": ["string", "number", "boolean"],
    # 1e999 is valid JSON, but to Python it is infinite, which no JSON can say.
    "minimum": -1e308,
    "maximum": 1e308,
}
_METADATA: Schema = {
    "type": "object",
    "properties": dict.fromkeys(FILTER_KEYS, _VALUE),
    "additionalProperties": _SCALAR,
    "propertyNames": {
        "pattern": rf"^[A-Za-z_][A-Za-z0-9_-]{{0,{limits.MAX_METADATA_KEY_CHARS - 1}}}{_END}"
    },
    "maxProperties": limits.MAX_METADATA_KEYS,
    "default": {},
}
_SAME = "index it again, although it is unchanged"
_AGAIN: Schema = {"type": "boolean", "default": False, "description": _SAME}
#: What a client may say of a file.
ABOUT = fields(
    id=ID,
    title=_string(limits.MAX_TITLE_CHARS, default=""),
    source=_string(limits.MAX_SOURCE_CHARS, default=""),
    metadata=_METADATA,
    again=_AGAIN,
)
#: What it may say of several at once.
ABOUT_ALL = fields(metadata=_METADATA, again=_AGAIN)
_TEXT: Schema = {"type": "string", **_NOT_BLANK, "x-maxBytes": limits.MAX_DOCUMENT_BYTES}
_DOCUMENT = fields("text", text=_TEXT, **ABOUT["properties"])
_MANY = _list(1, limits.MAX_DOCUMENTS, _DOCUMENT, uniqueItems=True)
#: Many documents, or a single one.
DOCUMENTS: Schema = {"oneOf": [fields("documents", documents=_MANY), _DOCUMENT]}

_QUERY = _string(limits.MAX_QUERY_CHARS, **_NOT_BLANK)
_TOP_K = _number(1, limits.DEFAULT_TOP_K, limits.MAX_TOP_K, description="how many passages")
# No more values than could fit, so that a long list costs nothing.
_VALUES = _VALUE | _list(1, limits.MAX_FILTER_BYTES // len('"x",'), _VALUE)
_VALUES["type"] = ["string", "array"]
_FILTER = fields(**dict.fromkeys(FILTER_KEYS, _VALUES)) | {
    "default": {},
    "description": "only documents with this metadata; of a list, one value is enough",
}
#: What agents may ask.
QUESTION = fields("query", query=_QUERY, top_k=_TOP_K, filter=_FILTER)
_TURN = fields(
    "role content",
    role={"type": "string", "enum": ["user", "assistant"]},
    content=_string(limits.MAX_TURN_CHARS, **_NOT_BLANK),
)
_BEFORE = "the turns before the question, the oldest first: it may refer to them"
_HISTORY = _list(0, limits.MAX_TURNS, _TURN, default=[], description=_BEFORE)
_STREAM: Schema = {"type": "boolean", "default": False}
QUERY = fields("query", **QUESTION["properties"], history=_HISTORY, stream=_STREAM)
SEARCH = fields(
    "q",
    q=_QUERY,
    top_k=_TOP_K,
    mode={"type": "string", "enum": list(get_args(Mode)), "default": "reranked"},
    **dict.fromkeys(FILTER_KEYS, _VALUE),
)
PAGE = fields(
    limit=_number(1, limits.DEFAULT_PAGE, limits.MAX_PAGE),
    cursor=_string(limits.MAX_ID_CHARS, default=""),
    state={"type": "string", "enum": ["pending"]},
)
# A position and a revision: parts of two revisions make no text.
_START = _string(
    limits.MAX_ID_CHARS,
    default="",
    pattern=rf"^([0-9]{{1,7}}-[0-9a-f]+-[0-9a-f]+)?{_END}",
    description="where to go on in a long document: the next_start of the part before",
    **{"x-pattern": "the next_start of a part, as it is"},
)
PART = fields("id", id=ID | {"description": "the id from a result of search"}, start=_START)


@dataclass(frozen=True)
class Query:
    """A question, and the turns before it. ``filter`` is empty where nothing is filtered."""

    query: str
    top_k: int
    filter: Filter
    history: Sequence[Mapping[str, str]] = ()
    stream: bool = False
    mode: Mode = "reranked"


def read_documents(values: dict[str, Any]) -> list[Document]:
    """The documents of ``DOCUMENTS``; a 422 if two have the same id."""
    documents: dict[str, Document] = {}
    for i, item in enumerate(values.get("documents", [values])):
        id_ = item.get("id") or document_id(item["title"], item["text"])
        if id_ in documents:
            twice = f"{id_!r} occurs twice in this request"
            raise invalid(FieldError(f"#/documents/{i}/id", twice))
        title, source = " ".join(item["title"].split()), item["source"].strip()
        documents[id_] = Document(**item | {"id": id_, "title": title, "source": source})
    return list(documents.values())


def read_question(values: dict[str, Any]) -> Query:
    """A question of ``QUESTION`` or ``QUERY``; a 422 if Vectorize can't take its filter."""
    wanted = {
        key: {"$in": value if isinstance(value, list) else [value]}
        for key, value in values["filter"].items()
    }
    size = len(json.dumps(wanted, ensure_ascii=False, separators=(",", ":")).encode())
    if size > limits.MAX_FILTER_BYTES:
        too_large = f"is too large by {size - limits.MAX_FILTER_BYTES} bytes"
        raise invalid(FieldError("#/filter", too_large))
    return Query(**values | {"filter": wanted})


def read_search(values: dict[str, Any]) -> Query:
    wanted = {key: {"$in": [values[key]]} for key in FILTER_KEYS if key in values}
    return Query(values["q"], values["top_k"], wanted, mode=values["mode"])
