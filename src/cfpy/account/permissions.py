"""The permissions that a token needs, and the meaning of the API's refusals."""

from __future__ import annotations

from collections.abc import Set

from cfpy.bindings.registry import KINDS
from cfpy.errors import NotAuthenticatedError
from cfpy.tools.invocation import command

#: Permissions as named on the dashboard's token page, by the first part of an API path, and by
#: wrangler's subcommand if it has another name.
PERMISSIONS = {
    **{part: kind.permission for kind in KINDS for part in kind.permission_of},
    "workers": "Workers Scripts: Edit",
    "secret": "Workers Scripts: Edit",
    "deploy": "Workers Scripts: Edit",
    "delete": "Workers Scripts: Edit",
    "rollback": "Workers Scripts: Edit",
    "versions": "Workers Scripts: Edit",
    "tail": "Workers Tail: Read",
}
# The API's answers to an invalid token, as quoted by users: 6003 "Invalid request headers" with
# 6111 "Invalid format for Authorization header" or 6103 (X-Auth-Key) behind it, 9103 "Unknown
# X-Auth-Key or X-Auth-Email", 9106 and 9107 "Missing ... header", 9300 "session has expired". Other
# codes have several meanings, which the words tell apart: 1000 "Invalid API Token", 9109 "Invalid
# access token", 10001 "Unable to authenticate request".
_INVALID = frozenset({6003, 6103, 6111, 9103, 9106, 9107, 9300})
_INVALID_WORDS = (
    *("invalid access token", "invalid api token", "invalid request headers"),
    *("invalid format for", "token is expired", "has expired", "unable to authenticate"),
    *("token has been revoked", "api token is disabled", "token is not active"),
)
# 9109 again: a valid token, used from an address that it does not allow, or for something else.
_ELSEWHERE_WORDS = ("from location", "ip address", "not allowed from")
_LATER_WORDS = ("max auth failures", "too many authentication failures")
_NOT_ALLOWED = frozenset({9109, 10000})
_LOGIN = f"or log in: {command('wrangler', 'login')}"
_NEW = f"Create a new one at dash.cloudflare.com/profile/api-tokens, {_LOGIN}"


def refusal(
    status: int, codes: Set[int], said: str, kind: str, verb: str
) -> NotAuthenticatedError | None:
    """The error for an answer of the API about the token; ``None`` if it is about something else.

    Args:
        status: Its HTTP status, 0 if unknown.
        codes: The API's error codes in it.
        said: Its messages, with the codes.
        kind: The kind of resource: a key of :data:`PERMISSIONS`, or another word.
        verb: The operation on it, such as ``read``.
    """
    words = said.lower()
    denied = status in (401, 403) or bool(codes & _NOT_ALLOWED)
    invalid = bool(codes & _INVALID) and status in (0, 400, 401, 403)
    if not denied and not invalid:
        return None
    invalid = invalid or any(word in words for word in _INVALID_WORDS)
    if any(word in words for word in _LATER_WORDS):
        return NotAuthenticatedError(
            f"Cloudflare does not accept any token for now: {said}",
            hint="There were too many attempts with a wrong token. Wait some minutes, then try "
            "again.",
        )
    if any(word in words for word in _ELSEWHERE_WORDS):
        return NotAuthenticatedError(
            f"this token is not valid from this machine: {said}",
            hint="Add this machine's address to the token's Client IP Address Filtering.",
        )
    if invalid:
        return NotAuthenticatedError(f"this token is invalid or has expired: {said}", hint=_NEW)
    permission = PERMISSIONS.get(kind)
    if permission is None:
        return NotAuthenticatedError(f"Cloudflare does not accept this token: {said}", hint=_NEW)
    if status == 401:
        return NotAuthenticatedError(
            f"Cloudflare does not accept this token to {verb} {kind}: {said}",
            hint=f"{_NEW}. If the token is valid, give it the permission {permission}.",
        )
    return NotAuthenticatedError(
        f"this token is not allowed to {verb} {kind} in the account: {said}",
        hint=f"Give it the permission {permission}, {_LOGIN}",
    )
