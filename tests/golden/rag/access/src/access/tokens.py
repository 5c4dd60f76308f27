"""What a token of Cloudflare Access says, and whether to believe it.

Access adds one to each request that it lets through, in the header ``Cf-Access-Jwt-Assertion``. Its
claims, and how to check them: developers.cloudflare.com/cloudflare-one/access-controls/
applications/http-apps/authorization-cookie, "Application token" and "Validate JWTs".
"""

import base64
import json
import re
import string
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

HEADER = "Cf-Access-Jwt-Assertion"
# How far the clocks of Access and of this Worker may be apart.
LEEWAY_SECONDS = 60
# Of a header, `alg`, `kid` and `typ` take some 120 characters. A limit comes first, because it is
# parsed before anything is known of who wrote it. Claims may have groups of the company's login.
_TOKEN = re.compile(r"([\w-]{1,400})\.([\w-]{1,16000})\.([\w-]{1,1000})", re.ASCII)
_TEAM = re.compile(r"(?:https://)?([a-z0-9][a-z0-9-]*\.cloudflareaccess\.com)/?", re.ASCII)
# The issuer of `cfpy dev`. A deployed Worker that is told this address finds nobody there.
_LOCAL = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}", re.ASCII)

# No claim is nested deeper. Some thousands of levels end the interpreter, not only the request.
_LEVELS = 32
# Strings, whose brackets do not count, and the brackets that do.
_NESTING = re.compile(r'"(?:[^"\\]|\\.?)*"?|[\[\]{}]', re.DOTALL)
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

# Whether a signature of these bytes is by the team's key of this id.
IsSigned = Callable[[str, bytes, bytes], Awaitable[bool]]


class Refusal(Exception):
    """An answer to somebody who is not let in: a status, a code for programs, a sentence.

    ``reason`` is for the log only.
    """

    def __init__(self, status: int, code: str, detail: str, reason: str = "") -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.reason = reason or detail
        self.headers = {
            401: {"WWW-Authenticate": "Cloudflare-Access"},
            503: {"Retry-After": "10"},
        }.get(status, {})


@dataclass(frozen=True)
class Caller:
    """Who is calling. ``id`` owns what is stored, ``name`` is for people to read."""

    id: str
    name: str


@dataclass(frozen=True)
class Application:
    """The Access application in front of this Worker: who issues its tokens, and for whom."""

    issuer: str
    audience: str


def read_application(variable: Callable[[str], object]) -> Application:
    """What wrangler.toml says of the application.

    Raises:
        Refusal: 503 if a variable is missing or no team's domain: nothing is open by accident.
    """
    domain = str(variable("ACCESS_TEAM_DOMAIN") or "").strip()
    audience = str(variable("ACCESS_AUD") or "").strip()
    if not domain or not audience:
        raise _misconfigured("The variables ACCESS_TEAM_DOMAIN and ACCESS_AUD are not set.")
    if _LOCAL.fullmatch(domain):
        return Application(domain, audience)
    team = _TEAM.fullmatch(domain.lower())
    if team is None:
        raise _misconfigured("ACCESS_TEAM_DOMAIN is not of the form TEAM.cloudflareaccess.com.")
    return Application(f"https://{team[1]}", audience)


def check_site(
    method: str, site: str | None, origin: str | None = None, host: str | None = None
) -> None:
    """Refuse a change that another site's page asks for: the browser sends it as whoever is signed
    in here.

    Args:
        method: The method of the request.
        site: Its header ``Sec-Fetch-Site``, which pages can't set.
        origin: Its header ``Origin``, which browsers without the former send with a change.
        host: Its header ``Host``.

    Raises:
        Refusal: 403.
    """
    if method in ("GET", "HEAD"):
        return
    if site is None and origin is not None:
        # "null" stands for a page of no address, such as one in a sandbox.
        _, separator, of_page = origin.lower().partition("://")
        is_own = bool(separator and of_page) and of_page == (host or "").lower()
    else:
        is_own = site in (None, "same-origin", "none")
    if not is_own:
        raise Refusal(403, "cross-site", "Pages of other sites can't change anything here.")


async def read_caller(
    token: str | None, application: Application, is_signed: IsSigned, now: float
) -> Caller:
    """Who a token stands for.

    Args:
        token: The value of ``HEADER``, ``None`` if there is none.
        application: The one that the token has to be for.
        is_signed: Checks a signature.
        now: The time, in Unix seconds.

    Raises:
        Refusal: 401 if it is missing or not to be believed.
    """
    if not token:
        raise _unauthorized("there is no token")
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        raise _unauthorized("the token is no JWT")
    header = _parsed(parts[1])
    # The algorithm is ours to choose, never the token's: "none" would need no key at all.
    if header.get("alg") != "RS256" or "crit" in header:
        raise _unauthorized("the token has another algorithm than RS256")
    key = header.get("kid")
    signed, signature = f"{parts[1]}.{parts[2]}".encode(), _decoded(parts[3])
    if not isinstance(key, str) or not await is_signed(key, signed, signature):
        raise _unauthorized("the token is not signed by a key of the team")
    claims = _parsed(parts[2])
    if reason := _wrong(claims, application, now):
        raise _unauthorized(f"the token is {reason}")
    return _caller(claims)


def _wrong(claims: Mapping[str, Any], application: Application, now: float) -> str:
    """Why a signed token is not for this application, or not now; empty if it is."""
    audience = claims.get("aud")
    if application.audience not in (audience if isinstance(audience, list) else [audience]):
        return "for another application"
    if claims.get("iss") != application.issuer:
        return "from another issuer"
    if not _is_time(claims.get("exp")) or claims["exp"] <= now - LEEWAY_SECONDS:
        return "expired"
    for name in ("nbf", "iat"):
        # A service token has no `nbf`.
        begins = claims.get(name, now)
        if not _is_time(begins) or begins > now + LEEWAY_SECONDS:
            return "not valid yet"
    return ""


def _caller(claims: Mapping[str, Any]) -> Caller:
    """People have an ``email``; a service token has its client id as ``common_name``, and a client
    certificate whatever its issuer wrote there: the prefix keeps it from being an email.

    Only ASCII is folded: ``str.lower`` turns a Kelvin sign into a "k", and two people into one."""
    email, service = claims.get("email"), claims.get("common_name")
    if isinstance(email, str) and "@" in email and email.isprintable():
        return Caller(email.translate(_LOWER), email)
    if isinstance(service, str) and service and service.isprintable():
        return Caller(f"service:{service}", service)
    raise _unauthorized("the token is of nobody")


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise _unauthorized("the token is no Base64") from None


def _parsed(part: str) -> dict[str, Any]:
    try:
        text = _decoded(part).decode()
        value = None if _is_deep(text) else json.loads(text, parse_constant=_refused)
    except ValueError:
        raise _unauthorized("the token is no JSON") from None
    if not isinstance(value, dict):
        raise _unauthorized("the token is no JSON object")
    return value


def _is_deep(text: str) -> bool:
    level = 0
    for mark in _NESTING.findall(text):
        level += (mark in "[{") - (mark in "]}")
        if level > _LEVELS:
            return True
    return False


def _refused(constant: str) -> None:
    """NaN is neither before nor after any time."""
    raise ValueError(f"JSON has no {constant}")


def _unauthorized(reason: str) -> Refusal:
    detail = "Sign in: open this address in a browser. Programs send a service token of Access."
    return Refusal(401, "unauthorized", detail, reason)


def _misconfigured(detail: str) -> Refusal:
    return Refusal(503, "misconfigured", detail)
