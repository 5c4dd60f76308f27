"""Cross-origin requests: refused, unless ``CORS_ORIGINS`` names the origin."""

from __future__ import annotations

from collections.abc import Set

from web.http import Reply, Request

# A day; browsers cap it themselves.
_MAX_AGE_SECONDS = 86_400


def allowed_origins(variable: object) -> frozenset[str]:
    """The origins in ``CORS_ORIGINS``, which are separated by commas; none if it is not set."""
    origins = (origin.strip() for origin in str(variable or "").split(","))
    return frozenset(origin for origin in origins if origin)


def cors_headers(request: Request, origins: Set[str]) -> dict[str, str]:
    """What to add to a reply. ``origins`` is empty where CORS is off."""
    if not origins:
        return {}
    headers = {"Vary": "Origin"}
    origin = request.headers.get("origin")
    if origin is not None and origin in origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = "Location, Retry-After, X-Request-Id"
    return headers


def preflight(request: Request, origins: Set[str]) -> Reply:
    """The reply to a browser that asks before it sends.

    An origin that is trusted at all may use every method and header that the API itself takes.
    """
    if request.headers.get("origin") not in origins:
        return Reply(204)
    return Reply(
        204,
        headers={
            "Access-Control-Allow-Methods": "GET, POST, DELETE",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, "
            "MCP-Protocol-Version, Mcp-Method, Mcp-Name",
            "Access-Control-Max-Age": str(_MAX_AGE_SECONDS),
        },
    )
