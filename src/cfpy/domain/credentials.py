"""Whether a token and an account's id can be what they are meant to be, before they are sent.

What is wrong is said by the variable's name and by the place and the kind of a character, never by
the value. A token is what RFC 6750 (section 2.1) lets follow ``Bearer``; an account's id has 32
hexadecimal digits (developers.cloudflare.com/fundamentals/account/find-account-and-zone-ids).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from cfpy.domain.invocation import command
from cfpy.errors import NotAuthenticatedError

TOKEN = "CLOUDFLARE_API_TOKEN"  # noqa: S105 (the name of a variable)
ACCOUNT_ID = "CLOUDFLARE_ACCOUNT_ID"
#: Names that wrangler still takes where the new one is not set (its getEnvironmentVariableFactory).
OLD_NAMES = {
    TOKEN: "CF_API_TOKEN",
    ACCOUNT_ID: "CF_ACCOUNT_ID",
    "CLOUDFLARE_API_KEY": "CF_API_KEY",
    "CLOUDFLARE_EMAIL": "CF_EMAIL",
    "CLOUDFLARE_API_BASE_URL": "CF_API_BASE_URL",
}
_HINT = (
    "Copy it anew from dash.cloudflare.com/profile/api-tokens, or log in: "
    f"{command('wrangler', 'login')}"
)
# What editors, pages and files put around a value, and str.strip does not take: marks of byte
# order, and characters of no width.
_UNSEEN = "\ufeff\ufffe\u200b\u200c\u200d\u200e\u200f\u2060\u00ad"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_QUOTES = "\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u00ab\u00bb"
_CATEGORIES = {"Z": "a space", "C": "a control character", "P": "a punctuation mark"}
_SCHEME = re.compile(r"(authorization\s*:|bearer\b|basic\b|token\s)", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"(export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*[=:]\s*[^=\s]")
_PLACEHOLDER = re.compile(r"[<$%{\[].*|\*+|x{8,}|your[-_ ].*", re.IGNORECASE | re.DOTALL)


def variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """A variable of wrangler's, or its old name where the new one is not set.

    Returns:
        The name that was found, and the value without the white space around it. Empty is unset.
    """
    for found in (name, OLD_NAMES.get(name, name)):
        if value := stripped(environ.get(found, "")):
            return found, value
    return name, ""


def stripped(value: str) -> str:
    """``value`` without white space and what nobody sees around it."""
    before = None
    while value != before:
        before, value = value, value.strip().strip(_UNSEEN)
    return value


def checked_token(value: str, source: str) -> str:
    """A token that can be sent.

    Args:
        value: What was found.
        source: Where: the name of a variable, or words.

    Raises:
        NotAuthenticatedError: It is no token. The message shows nothing of it.
    """
    token = stripped(value)
    wrong = _what_is_wrong(token)
    if wrong:
        raise NotAuthenticatedError(f"{source} is not an API token: {wrong}", hint=_HINT)
    return token


def checked_account_id(value: str, source: str) -> str:
    """The id of an account.

    Raises:
        NotAuthenticatedError: It is none.
    """
    account_id = stripped(value)
    if re.fullmatch(r"[0-9a-fA-F]{32}", account_id):
        return account_id.lower()
    if len(account_id) == 32:
        odd = next(n for n, c in enumerate(account_id, 1) if c not in "0123456789abcdefABCDEF")
        wrong = f"its character {odd} is not a hexadecimal digit (0 to 9, a to f)"
    else:
        wrong = f"it has {_characters(account_id)}, and an id has 32 hexadecimal digits"
    if account_id and (account_id[0] in _QUOTES or account_id[-1] in _QUOTES):
        wrong = "it is in quotes"
    raise NotAuthenticatedError(
        f"{source} is not the id of an account: {wrong}",
        hint=f"{command('wrangler', 'whoami')} lists the ids, and so does the dashboard.",
    )


def _what_is_wrong(token: str) -> str:
    """In words that show nothing of it; empty if it may be one."""
    if not token:
        return "it is empty"
    if token[0] in _QUOTES or token[-1] in _QUOTES:
        return "it is in quotes. Leave them out"
    if _SCHEME.match(token):
        return "it begins with what stands before a token in a header. Use what follows alone"
    if _ASSIGNMENT.match(token):
        return "it holds the name of a variable, too. Use what follows it alone"
    if _PLACEHOLDER.fullmatch(token):
        return "it is what stands in place of one"
    if re.fullmatch(r"[0-9a-f]{37}", token):
        return "it looks like a global API key, which cfpy does not take"
    if re.fullmatch(r"[0-9a-f]{32}", token):
        return "it looks like the id of an account or a zone"
    if _TOKEN.fullmatch(token):
        return ""
    allowed = "-._~+/="
    for place, character in enumerate(token, 1):
        ascii_letter = character.isascii() and character.isalnum()
        if not ascii_letter and character not in allowed:
            return f"its character {place} of {len(token)} is {_kind(character)}"
    return "it holds = before its end"


def _kind(character: str) -> str:
    if character in _QUOTES:
        return "a quotation mark"
    if character in "\r\n":
        return "the end of a line"
    if character in _UNSEEN:
        return "a character that nobody sees"
    if not character.isascii() and unicodedata.category(character)[0] not in "ZC":
        return "not ASCII"
    return _CATEGORIES.get(unicodedata.category(character)[0], "none that a token may have")


def _characters(text: str) -> str:
    return f"{len(text)} character{'' if len(text) == 1 else 's'}"
