"""Writes public/openapi.json: the API in OpenAPI 3.1 (spec.openapis.org).

Run it after a change of a route, a schema or a limit; a test tells when the file is out of date:

    PYTHONPATH=src python3 scripts/openapi.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rag.background import ADDRESS
from rag.requests import ABOUT, DOCUMENTS, ID, fields
from rag.resources import ROUTES, Route
from rag.validation import Schema

FILE = Path(__file__).parent.parent / "public" / "openapi.json"

_STRING: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer"}


def _ref(name: str, kind: str = "schemas") -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}


def _record(**properties: Schema) -> Schema:
    """An object with all of these fields."""
    return fields(" ".join(properties), **properties)


def _many(item: Schema) -> Schema:
    return {"type": "array", "items": item}


_SHOWN = {"title": _STRING, "source": _STRING, "metadata": {"type": "object"}}
_OUTCOME = _record(
    id=_STRING,
    status={"type": "string", "enum": ["indexed", "unchanged", "busy", "refused"]},
)
_OUTCOME["properties"] |= {"code": _STRING, "detail": _STRING}
_PROBLEM = fields(
    "title status code detail",
    **dict.fromkeys(("type", "title", "code", "detail", "request_id"), _STRING),
    status=_NUMBER,
    errors=_many(_record(pointer=_STRING, detail=_STRING)),
)
_JOB = _record(
    **dict.fromkeys(("id", "status", "created_at", "updated_at"), _STRING),
    **dict.fromkeys(("url", "error"), {"type": ["string", "null"]}),
    attempts=_NUMBER,
    documents={"type": ["array", "null"]},
)
_CITATION = dict.fromkeys(("document_id", "title", "heading", "source"), _STRING)
_SCHEMAS = {
    "Citation": _record(id=_NUMBER, **_CITATION),
    "Document": _record(
        id=_STRING,
        **_SHOWN,
        chunks=_NUMBER,
        state={"type": "string", "enum": ["searchable", "pending"]},
        **dict.fromkeys(("created_at", "updated_at"), _STRING),
    ),
    "Job": _JOB,
    "Outcome": _OUTCOME,
    "Outcomes": _record(documents=_many(_ref("Outcome"))),
    "Passage": _record(
        id=_NUMBER,
        **{**_CITATION, **_SHOWN},
        position=_NUMBER,
        text=_STRING,
        score={"type": "number"},
    ),
    "Problem": _PROBLEM,
}
_ANSWER = _record(
    answer=_STRING,
    question=_STRING,
    grounded={"type": "boolean"},
    citations=_many(_ref("Citation")),
    sources=_many(_ref("Passage")),
    dropped_citations=_many(_NUMBER),
    truncated={"type": "boolean"},
)
_PAGE = _record(documents=_many(_ref("Document")), next_cursor={"type": ["string", "null"]})
_FILES = {"type": "array", "items": {"type": "string", "contentMediaType": "*/*"}}

#: What each route does, and the JSON that it replies with, if any.
DESCRIBED: dict[str, tuple[str, Schema | None]] = {
    "GET /health": ("Tells whether it could work", _record(status=_STRING)),
    "POST /query": ("Answers a question", _ANSWER),
    "GET /search": ("Finds passages", _record(sources=_many(_ref("Passage")))),
    "GET /documents": ("Lists documents", _PAGE),
    "POST /documents": (
        "Adds documents, or makes a job of them",
        {"oneOf": [_ref("Outcomes"), _ref("Job")]},
    ),
    "GET /documents/{id}": ("Describes a document", _ref("Document")),
    "DELETE /documents/{id}": ("Deletes a document", None),
    "GET /originals/{id}": ("Returns a document's file", None),
    "GET /jobs/{id}": ("Describes a job", _ref("Job")),
}
#: Bodies, by their media types, that a route reads itself.
_BODIES: dict[str, dict[str, Schema]] = {
    "POST /documents": {
        "application/json": {"oneOf": [ADDRESS, *DOCUMENTS["oneOf"]]},
        "multipart/form-data": fields("file", file=_FILES, document=ABOUT),
    }
}
_SECURITY = {"type": "http", "scheme": "bearer"}


def describe() -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, Any] = {}
    for name in DESCRIBED:
        method, path = name.split()
        paths.setdefault(path, {})[method.lower()] = _operation(name, path, ROUTES[path][method])
    return {
        "openapi": "3.1.0",
        "info": {"title": "Questions answered from documents", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS,
            "responses": {
                "Problem": {
                    "description": "It did not go well",
                    "content": _content({"application/problem+json": _ref("Problem")}),
                }
            },
            "parameters": {"id": {"name": "id", "in": "path", "schema": ID, "required": True}},
            "securitySchemes": {"caller": _SECURITY},
        },
        "security": [{"caller": []}],
    }


def _operation(name: str, path: str, route: Route) -> dict[str, Any]:
    summary, reply = DESCRIBED[name]
    rules = route.parameters or fields()
    parameters = [
        {"name": key, "in": "query", "schema": rule, "required": key in rules.get("required", ())}
        for key, rule in rules["properties"].items()
    ]
    if "{id}" in path:
        parameters.append(_ref("id", "parameters"))
    content = _content({"application/json": reply} if reply else {})
    if "stream" in (route.body or fields())["properties"]:
        content |= _content({"text/event-stream": {}})
    operation = {
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "2XX": {"description": "It went well", "content": content},
            "default": _ref("Problem", "responses"),
        },
    }
    body = {"application/json": route.body} if route.body else _BODIES.get(name)
    if body:
        operation["requestBody"] = {"required": True, "content": _content(body)}
    return operation | ({"security": []} if route.open else {})


def _content(schemas: dict[str, Schema]) -> dict[str, Any]:
    return {kind: {"schema": schema} for kind, schema in schemas.items()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(describe(), indent=2) + "\n", encoding="utf-8")
