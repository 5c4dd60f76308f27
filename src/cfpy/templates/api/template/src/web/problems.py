"""Errors as clients see them: RFC 9457 problem details, all of one shape."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with a request. ``pointer`` is a JSON pointer (RFC 6901)."""

    pointer: str
    detail: str


@dataclass(eq=False)
class Problem(Exception):
    """An error with an HTTP status; whatever serves a request may raise it.

    ``code`` is a stable word for programs, ``detail`` a sentence for people. The detail must not
    hold anything that a client should not see: it is sent as it is.
    """

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.detail}"

    def body(self, request_id: str) -> dict[str, Any]:
        """The members of an ``application/problem+json`` document."""
        errors = [asdict(error) for error in self.errors]
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        } | ({"errors": errors} if errors else {})


def not_found(what: str) -> Problem:
    return Problem(404, "not-found", f"There is no {what}.")


def invalid(*errors: FieldError) -> Problem:
    return Problem(422, "invalid-request", "The request has invalid fields.", errors)


def method_not_allowed(methods: Iterable[str]) -> Problem:
    allowed = ", ".join(methods).replace("GET", "GET, HEAD")
    detail = f"This resource takes {allowed}."
    return Problem(405, "method-not-allowed", detail, headers={"Allow": allowed})


def too_many_requests() -> Problem:
    """The rate limiter's period is a minute: see wrangler.toml."""
    wait = {"Retry-After": "60"}
    return Problem(429, "rate-limited", "Too many requests in a minute.", headers=wait)


def misconfigured(detail: str) -> Problem:
    """A setting of the deployment is missing: a client can't fix that."""
    return Problem(503, "misconfigured", detail)
