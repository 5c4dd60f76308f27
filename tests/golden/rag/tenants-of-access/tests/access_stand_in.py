"""Cloudflare Access in plain Python: it knows two people by their tokens."""

from __future__ import annotations

from access.tokens import HEADER, Caller, Refusal, check_site, read_application
from services import TOKEN
from web.http import Headers
from web.settings import Variable

OTHER_TOKEN = "another-one"
PEOPLE = {TOKEN: "ada@example.com", OTHER_TOKEN: "bob@example.com"}
VARIABLES = {"ACCESS_TEAM_DOMAIN": "team.cloudflareaccess.com", "ACCESS_AUD": "the-audience"}


async def admit(method: str, headers: Headers, variable: Variable) -> Caller:
    """As ``access.edge.admit``, without signatures: those are in test_access.py."""
    read_application(variable)
    check_site(method, headers.get("sec-fetch-site"))
    email = PEOPLE.get(headers.get(HEADER.lower()) or "")
    if email is None:
        raise Refusal(401, "unauthorized", "Sign in.", "the token is not known")
    return Caller(email, email)
