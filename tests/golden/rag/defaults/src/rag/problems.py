"""Errors as clients see them: RFC 9457 problem details, all of one shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with a request body. ``pointer`` is a JSON pointer (RFC 6901)."""

    pointer: str
    detail: str


class Problem(Exception):
    """An error with an HTTP status.

    ``code`` is a stable word for programs, ``detail`` a sentence for people. The detail must not
    hold anything that a client should not see: it is sent as it is.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> dict[str, Any]:
        """The members of an ``application/problem+json`` document."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in self.errors]
        return body


def not_found(what: str) -> Problem:
    return Problem(404, "not-found", f"There is no {what}.")


def invalid(errors: tuple[FieldError, ...]) -> Problem:
    return Problem(422, "invalid-request", "The request has invalid fields.", errors=errors)


# Codes of Workers AI (developers.cloudflare.com/workers-ai/platform/errors) that an operator or
# a client can act on, and what to tell them.
_AI_ERRORS: dict[str, tuple[int, str, str]] = {
    "3007": (504, "model-timeout", "The model took too long. Try again."),
    "3036": (503, "quota-exhausted", "The account's daily Workers AI allocation is used up."),
    "3040": (503, "model-busy", "The model has no capacity just now. Try again."),
    "5007": (500, "model-unavailable", "Workers AI has no model of the configured name."),
    "5028": (500, "model-unavailable", "A configured model has been retired: choose another."),
    "5035": (500, "model-unavailable", "A configured model needs a paid Workers plan."),
}
_AI_CODE = re.compile(rf"\b({'|'.join(_AI_ERRORS)})\b")
_RETRY = {"Retry-After": "10"}


def service_problem(message: str) -> Problem:
    """What to tell a client when Workers AI, Vectorize or D1 failed with ``message``.

    The message itself stays in the log: it may name things that are nobody else's business.
    """
    found = _AI_CODE.search(message)
    if found:
        status, code, detail = _AI_ERRORS[found[1]]
        return Problem(status, code, detail, headers=_RETRY if status >= 503 else None)
    if "dimensions" in message:
        return Problem(
            500,
            "index-mismatch",
            "The Vectorize index has other dimensions than the embedding model's vectors.",
        )
    return Problem(502, "service-failed", "A Cloudflare service failed.", headers=_RETRY)
