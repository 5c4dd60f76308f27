"""Who may call: clients that send a token."""

import hashlib
import hmac
from collections.abc import Mapping

from web.problems import Problem, misconfigured


def identify(header: str | None, tokens: Mapping[str, str]) -> str:
    """Whose token an ``Authorization`` header carries: one of ``tokens``, by their owners' names.

    It is a 503 if none is set (nothing is open by accident), and a 401 if it is a wrong one.
    """
    digests = {name: _digest(token) for name, token in tokens.items() if token}
    if not digests:
        raise misconfigured("No API token is set.")
    scheme, _, given = (header or "").partition(" ")
    digest = _digest(given.strip())
    # Digests have one length, and all of them are compared: the time taken tells nothing.
    owners = [name for name, known in digests.items() if hmac.compare_digest(digest, known)]
    if scheme.lower() != "bearer" or not owners:
        detail = "Send the header Authorization: Bearer <API token>."
        raise Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
    return owners[0]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
