"""Describes the API in OpenAPI 3.1 (spec.openapis.org), from the routes and their schemas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from access.tokens import HEADER
from rag.requests import ID, fields
from rag.validation import Schema

_ACCESS = {
    "type": "apiKey",
    "in": "header",
    "name": HEADER,
    "description": "Cloudflare Access adds it. People sign in; machines send a service token.",
}
_STRING: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer"}
_ABOUT = {"title": _STRING, "source": _STRING, "metadata": {"type": "object"}}


def record(**properties: Schema) -> Schema:
    """An object with all of these fields."""
    return fields(" ".join(properties), **properties)


def many(item: Schema) -> Schema:
    return {"type": "array", "items": item}


STATUS = record(status=_STRING)
ME = record(name=_STRING)
STORED = record(
    id=_STRING,
    **_ABOUT,
    chunks=_NUMBER,
    state={"type": "string", "enum": ["searchable", "pending"]},
    created_at=_STRING,
    updated_at=_STRING,
)
DOCUMENTS = record(documents=many(STORED), next_cursor={"type": ["string", "null"]})
_STATUSES = ("indexed", "unchanged", "busy", "refused")
_OUTCOME = record(id=_STRING, status={"type": "string", "enum": _STATUSES})
_OUTCOME["properties"] |= {"code": _STRING, "detail": _STRING}
OUTCOMES = record(documents=many(_OUTCOME))
_PASSAGE = record(
    **{"id": _NUMBER, "document_id": _STRING, **_ABOUT, "position": _NUMBER},
    **{"heading": _STRING, "text": _STRING, "score": {"type": "number"}},
)
SOURCES = record(sources=many(_PASSAGE))
_CITATION = {key: _PASSAGE["properties"][key] for key in ("id", "document_id", "heading")}
ANSWER = record(
    answer=_STRING,
    question=_STRING,
    grounded={"type": "boolean"},
    citations=many(record(**_CITATION, title=_STRING, source=_STRING)),
    sources=many(_PASSAGE),
    dropped_citations=many(_NUMBER),
    truncated={"type": "boolean"},
)
_PROBLEM: Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("type", "title", "code", "detail", "request_id"), _STRING),
        "status": _NUMBER,
        "errors": many(record(pointer=_STRING, detail=_STRING)),
    },
    "required": ["title", "status", "code", "detail"],
}


@dataclass(frozen=True)
class Route:
    """What answers a method of a path.

    ``run`` gets the checked values of the request, and returns what becomes JSON, or a reply.
    Without a ``summary`` it is not described; with ``open`` it takes no token; with ``streams``
    it also replies with server-sent events. With ``files`` its body may also be such a form, and
    ``run`` reads it.
    """

    run: Callable[[Any, Any, Any], Awaitable[Any]]
    summary: str = ""
    reply: Schema | None = None
    parameters: Schema | None = None
    body: Schema | None = None
    files: Schema | None = None
    open: bool = False
    streams: bool = False


Routes = Mapping[str, Mapping[str, Route]]


def describe(routes: Routes) -> dict[str, Any]:
    """The OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Questions answered from documents", "version": "1"},
        "paths": {
            path: {method.lower(): _operation(path, route) for method, route in methods.items()}
            for path, methods in routes.items()
            if all(route.summary for route in methods.values())
        },
        "components": {"securitySchemes": {"CloudflareAccess": _ACCESS}},
        "security": [{"CloudflareAccess": []}],
    }


def _operation(path: str, route: Route) -> dict[str, Any]:
    rules = route.parameters or fields()
    parameters = [
        {"name": name, "in": "query", "schema": rule, "required": name in rules.get("required", ())}
        for name, rule in rules["properties"].items()
    ]
    if "{id}" in path:
        parameters.append({"name": "id", "in": "path", "schema": ID, "required": True})
    content = _json(route.reply) if route.reply else {}
    if route.streams:
        content |= {"text/event-stream": {"schema": {}}}
    problem = _json(_PROBLEM, "application/problem+json")
    operation = {
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            "2XX": {"description": "It went well", "content": content},
            "default": {"description": "It did not", "content": problem},
        },
    }
    if route.body:
        form = _json(route.files, "multipart/form-data") if route.files else {}
        operation["requestBody"] = {"required": True, "content": _json(route.body) | form}
    return operation | ({"security": []} if route.open else {})


def _json(schema: Schema, media_type: str = "application/json") -> dict[str, Any]:
    return {media_type: {"schema": schema}}
