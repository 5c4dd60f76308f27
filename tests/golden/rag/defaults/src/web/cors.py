"""Cross-origin requests: refused, unless ``CORS_ORIGINS`` names the origin."""

from collections.abc import Set

from web.http import Reply, Request

# An origin that is trusted at all may use every method and header that the API takes. Browsers
# remember it for a day at most.
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, "
    "MCP-Protocol-Version, Mcp-Method, Mcp-Name",
    "Access-Control-Max-Age": "86400",
}


def cors_headers(request: Request, origins: Set[str]) -> dict[str, str]:
    headers = {"Vary": "Origin"} if origins else {}
    origin = request.headers.get("origin")
    if origin is not None and origin in origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = "Location, Retry-After, X-Request-Id"
    return headers


def preflight(request: Request, origins: Set[str]) -> Reply:
    """The reply to a browser that asks before it sends."""
    return Reply(204, headers=_PREFLIGHT if request.headers.get("origin") in origins else {})
