"""Who may call: clients that send a token."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from web.problems import Problem, misconfigured


def identify(header: str | None, tokens: Mapping[str, str]) -> str:
    """Whose token an ``Authorization`` header carries.

    Args:
        header: Its value, ``None`` if there is none.
        tokens: The tokens by the names of their owners; an empty one is not set.

    Raises:
        Problem: 503 if no token is set (nothing is open by accident), 401 for a wrong one.
    """
    digests = {name: _digest(token) for name, token in tokens.items() if token}
    if not digests:
        raise misconfigured("No API token is set.")
    scheme, _, given = (header or "").partition(" ")
    digest = _digest(given.strip())
    # Digests have one length, and all of them are compared: the time taken tells nothing.
    owners = [name for name, known in digests.items() if hmac.compare_digest(digest, known)]
    if scheme.lower() != "bearer" or not owners:
        raise Problem(
            401,
            "unauthorized",
            "Send the header Authorization: Bearer <API token>.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return owners[0]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
