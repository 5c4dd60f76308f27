"""What a token must be allowed to do, and what the API means where it refuses one."""

from __future__ import annotations

from collections.abc import Set

from cfpy.domain.invocation import command
from cfpy.errors import NotAuthenticatedError

#: In the words of the dashboard's token page, by the first part of an API path, and by wrangler's
#: subcommand where that has another name.
PERMISSIONS = {
    "d1": "D1: Edit",
    "storage": "Workers KV Storage: Edit",
    "kv": "Workers KV Storage: Edit",
    "r2": "Workers R2 Storage: Edit",
    "queues": "Queues: Edit",
    "vectorize": "Vectorize: Edit",
    "workers": "Workers Scripts: Edit",
    "secret": "Workers Scripts: Edit",
    "deploy": "Workers Scripts: Edit",
    "delete": "Workers Scripts: Edit",
    "rollback": "Workers Scripts: Edit",
    "tail": "Workers Tail: Read",
}
# What the API answers to a token that it can't take, as users quote it: 6003 "Invalid request
# headers" with 6111 "Invalid format for Authorization header" or 6103 (X-Auth-Key) behind it, 9103
# "Unknown X-Auth-Key or X-Auth-Email", 9106 and 9107 "Missing ... header", 9300 "session has
# expired". Others mean more than one thing, and their words tell: 1000 "Invalid API Token", 9109
# "Invalid access token", 10001 "Unable to authenticate request".
_INVALID = frozenset({6003, 6103, 6111, 9103, 9106, 9107, 9300})
_INVALID_WORDS = (
    *("invalid access token", "invalid api token", "invalid request headers"),
    *("invalid format for", "token is expired", "has expired", "unable to authenticate"),
    *("token has been revoked", "api token is disabled", "token is not active"),
)
# 9109 again: a token that is good, from an address that it is not good for, or for something else.
_ELSEWHERE_WORDS = ("from location", "ip address", "not allowed from")
_LATER_WORDS = ("max auth failures", "too many authentication failures")
_NOT_ALLOWED = frozenset({9109, 10000})
_LOGIN = f"or log in: {command('wrangler', 'login')}"
_NEW = f"Create a new one at dash.cloudflare.com/profile/api-tokens, {_LOGIN}"


def refusal(
    status: int, codes: Set[int], said: str, kind: str, verb: str
) -> NotAuthenticatedError | None:
    """What an answer of the API means for whoever asks; ``None`` if it is not about that.

    Args:
        status: Its HTTP status, 0 where it is not known.
        codes: The API's numbers in it.
        said: Its sentences, with the numbers.
        kind: What was asked for: a key of :data:`PERMISSIONS`, or another.
        verb: What was to be done with it, such as ``read``.
    """
    words = said.lower()
    denied = status in (401, 403) or bool(codes & _NOT_ALLOWED)
    invalid = bool(codes & _INVALID) and status in (0, 400, 401, 403)
    if not denied and not invalid:
        return None
    invalid = invalid or any(word in words for word in _INVALID_WORDS)
    if any(word in words for word in _LATER_WORDS):
        return NotAuthenticatedError(
            f"Cloudflare takes no token for now: {said}",
            hint="Too many were wrong. Wait some minutes, then try again with the right one.",
        )
    if any(word in words for word in _ELSEWHERE_WORDS):
        return NotAuthenticatedError(
            f"this token is not valid here: {said}",
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
            hint=f"{_NEW}. If it is a good one, give it the permission {permission}.",
        )
    return NotAuthenticatedError(
        f"this token may not {verb} {kind} of the account: {said}",
        hint=f"Give it the permission {permission}, {_LOGIN}",
    )
