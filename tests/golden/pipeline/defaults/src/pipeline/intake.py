"""Takes files in: the part of a job that its sender waits for."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from jobs.job import Source, object_key
from jobs.urls import UrlRefused, check_url
from pipeline import limits
from pipeline.charsets import GZIPPED, binary_kind
from pipeline.documents import document_type, is_document
from pipeline.forms import read_form
from pipeline.services import Services
from pipeline.texts import GZIP_HINT, guessed_type, is_untold, supported_type, why_unsupported
from web.http import (
    Request,
    announced_length,
    content_encoding,
    media_type,
    read_body,
    read_json,
    too_large,
)
from web.problems import FieldError, Problem, invalid, misconfigured

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from web.http import Piece


# What no name has: control characters, ends of lines and paragraphs, halves of characters, what is
# no character; and what writes the rest of a line backwards. Spaces and joiners of all scripts are
# in ordinary names.
_UNPRINTABLE = frozenset(["Cc", "Zl", "Zp", "Cs", "Cn"])
_TURNS = frozenset(["LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"])


@dataclass(frozen=True)
class Upload:
    """What a request brings. ``content`` is the file, or a stream of it whose length is known."""

    source: Source
    content: bytes | AsyncIterator[Piece] | None
    length: int
    webhook: str | None = None


class Intake:
    """The way from a request to a queued job."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def accept(self, request: Request, owner: str) -> str:
        """Store what a request brings and have it worked on; return the job's id.

        When this returns, the job will be worked on, whatever happens to this Worker.

        Raises:
            Problem: It is no file that the service takes, or its idempotency key is in use.
        """
        key = _idempotency_key(request)
        upload = await self._read(request)
        fingerprint = _fingerprint(upload)
        store, job_id = self._services.store, uuid4().hex
        is_new = await store.receive(job_id, owner, upload.source, key, fingerprint, upload.webhook)
        if not is_new:
            assert key is not None  # Without a key, no job is in the way.
            job_id, finished = await self._earlier(owner, key, fingerprint)
            if finished:
                return job_id
        try:
            if upload.content is not None:
                await self._services.bucket.put(object_key(job_id), upload.content)
            await self._services.enqueue(job_id)
        except Exception:
            # The client gets the error, and may try again with the same key. What was there before
            # this request stays; the sweep brings it to its end.
            if is_new:
                await store.forget(job_id)
            raise
        await store.queued(job_id)
        return job_id

    async def _earlier(self, owner: str, key: str, fingerprint: str) -> tuple[str, bool]:
        """The job that has this key, and whether there is nothing left to do for it here.

        The rules are those of draft-ietf-httpapi-idempotency-key-header.
        """
        earlier = await self._services.store.earlier(owner, key)
        if earlier and earlier.fingerprint != fingerprint:
            detail = "This Idempotency-Key came with another file before."
            raise Problem(422, "idempotency-key-reused", detail)
        if earlier and not earlier.pending and not earlier.stale:
            if earlier.queued:
                await self._services.enqueue(earlier.id)
            return earlier.id, True
        if earlier and earlier.stale and await self._services.store.take_over(earlier.id):
            return earlier.id, False
        raise Problem(
            409,
            "request-pending",
            "A request with this Idempotency-Key is under way.",
            headers={"Retry-After": "5"},
        )

    async def _read(self, request: Request) -> Upload:
        kind, parameters = media_type(request), request.parameters
        webhook: object = parameters.get("webhook")
        if kind == "multipart/form-data":
            form = await read_body(request, limits.MAX_FORM_BYTES)
            part = read_form(request.headers.get("content-type") or "", form)
            upload = _upload(part.name, part.media_type, part.content, len(part.content))
            # A browser sends a field that was left empty.
            webhook = part.fields.get("webhook", b"").decode(errors="replace") or webhook
        elif (name := parameters.get("name")) is not None:
            upload = await self._read_raw(request, name)
        elif kind == "application/json":
            body = await read_json(request, limits.MAX_JSON_BYTES)
            upload = self._read_address(body)
            if body.get("webhook") is not None:
                webhook = body["webhook"]
        else:
            raise Problem(
                415,
                "unsupported-upload",
                "Send a form with a file, a file as the body with its ?name=, or JSON: "
                '{"file_url": "https://..."}.',
            )
        return upload if webhook is None else self._with_webhook(upload, webhook)

    async def _read_raw(self, request: Request, name: str) -> Upload:
        said, length = request.headers.get("content-type") or "", announced_length(request)
        encoded = content_encoding(request) != "identity"
        if length is None or request.body is None or is_untold(said, name) or encoded:
            # R2 takes no stream of unknown length, and some files have to be looked at.
            content = await read_body(request, limits.MAX_FILE_BYTES)
            return _upload(name, said, content, len(content))
        return _upload(name, said, request.body, length)

    def _read_address(self, body: object) -> Upload:
        fields = body if isinstance(body, Mapping) else {}
        if unknown := [name for name in fields if name not in ("file_url", "webhook")]:
            detail = f"has the unknown field {unknown[0]!r}: it takes file_url and webhook"
            raise invalid(FieldError("#", detail))
        url = fields.get("file_url")
        if not isinstance(url, str):
            raise invalid(FieldError("#", 'must be {"file_url": "https://..."}'))
        return Upload(Source(None, None, self._address("file_url", url)), None, 0)

    def _with_webhook(self, upload: Upload, webhook: object) -> Upload:
        if not self._services.has_webhooks:
            raise misconfigured("Webhooks need the secret WEBHOOK_SECRET, which is not set.")
        return replace(upload, webhook=self._address("webhook", str(webhook)))

    def _address(self, field: str, url: str) -> str:
        """An address in the request, if this Worker may call it."""
        try:
            return check_url(url, self._services.allowed_hosts)
        except UrlRefused as error:
            raise invalid(FieldError(f"#/{field}", str(error))) from None


def _upload(name: str, said: str, content: bytes | AsyncIterator[Piece], length: int) -> Upload:
    if length > limits.MAX_FILE_BYTES:
        raise too_large(limits.MAX_FILE_BYTES)
    if not 1 <= len(name) <= limits.MAX_NAME_CHARS or not all(map(_may_be_in_a_name, name)):
        detail = f"must be 1 to {limits.MAX_NAME_CHARS} printable characters in UTF-8"
        raise invalid(FieldError("#/name", detail))
    if length == 0:
        raise invalid(FieldError("#", "must not be an empty file"))
    kind = _media_type(name, said, content if isinstance(content, bytes) else None)
    return Upload(Source(name, kind, None), content, length)


def _may_be_in_a_name(char: str) -> bool:
    # The last one is what a decoder puts for bytes that are not UTF-8.
    return (
        unicodedata.category(char) not in _UNPRINTABLE
        and unicodedata.bidirectional(char) not in _TURNS
        and char != "\N{REPLACEMENT CHARACTER}"
    )


def _media_type(name: str, said: str, data: bytes | None) -> str:
    """What a file is, by what is in it, if that is known, its sender and its name."""
    if data is not None and (document := document_type(data)):
        return document
    if data is not None and (what := binary_kind(data)):
        detail = f"{name!r} is {what}.{GZIP_HINT if what == GZIPPED else ''}"
        raise Problem(415, "unsupported-type", detail)
    if data is not None and is_untold(said, name):
        kind = guessed_type(said, name, data)
    else:
        kind = supported_type(said, name)
    if kind is None:
        raise Problem(415, "unsupported-type", why_unsupported(said, name))
    if data is not None and is_document(kind):
        raise Problem(415, "unsupported-type", f"{name!r} is no {kind}.")
    return kind


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= limits.MAX_KEY_CHARS and key.isprintable()):
        detail = f"The Idempotency-Key must have 1 to {limits.MAX_KEY_CHARS} printable characters."
        raise Problem(400, "invalid-idempotency-key", detail)
    return key


def _fingerprint(upload: Upload) -> str:
    """Tells one request from another. A stream's content is not known when this is needed."""
    content = upload.content if isinstance(upload.content, bytes) else b""
    source = upload.source
    said = [source.name, source.media_type, source.url, upload.length]
    said += [upload.webhook] if upload.webhook else []
    return hashlib.sha256(json.dumps(said).encode() + content).hexdigest()
