"""Who may call: whoever sends the token."""

from __future__ import annotations

import hashlib
import hmac

from web.problems import Problem


def authorize(header: str | None, token: str) -> str:
    """Check an ``Authorization`` header.

    Args:
        header: Its value, ``None`` if there is none.
        token: The secret ``API_TOKEN``, empty if it is not set.

    Returns:
        A digest of the token: it can key a rate limiter or a log without giving the token away.

    Raises:
        Problem: 503 without a secret (nothing is open by accident), 401 for a wrong token.
    """
    if not token:
        raise Problem(503, "misconfigured", "The secret API_TOKEN is not set.")
    scheme, _, given = (header or "").partition(" ")
    expected = _digest(token)
    # Digests have one length, so the comparison tells nothing of the token's, either.
    if scheme.lower() != "bearer" or not hmac.compare_digest(_digest(given.strip()), expected):
        raise Problem(
            401,
            "unauthorized",
            "Send the header Authorization: Bearer <API_TOKEN>.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return expected


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
