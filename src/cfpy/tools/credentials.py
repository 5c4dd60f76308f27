"""Checks the form of a token and of an account id before they are sent.

A message names the variable, and the position and kind of the wrong character; it never shows the
value. A token is what may follow ``Bearer`` by RFC 6750 (section 2.1); an account id has 32
hexadecimal digits (developers.cloudflare.com/fundamentals/account/find-account-and-zone-ids).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from cfpy.errors import NotAuthenticatedError
from cfpy.tools.invocation import command

TOKEN = "CLOUDFLARE_API_TOKEN"  # noqa: S105 (the name of a variable)
ACCOUNT_ID = "CLOUDFLARE_ACCOUNT_ID"
#: Old names that wrangler still accepts if the new one is not set (its
#: getEnvironmentVariableFactory).
OLD_NAMES = {
    TOKEN: "CF_API_TOKEN",
    ACCOUNT_ID: "CF_ACCOUNT_ID",
    "CLOUDFLARE_API_KEY": "CF_API_KEY",
    "CLOUDFLARE_EMAIL": "CF_EMAIL",
    "CLOUDFLARE_API_BASE_URL": "CF_API_BASE_URL",
}
_HINT = (
    "Copy it again from dash.cloudflare.com/profile/api-tokens, or log in: "
    f"{command('wrangler', 'login')}"
)
# What editors, pages and files add around a value and str.strip leaves: byte order marks, and
# zero-width characters.
_UNSEEN = "\ufeff\ufffe\u200b\u200c\u200d\u200e\u200f\u2060\u00ad"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_QUOTES = "\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u00ab\u00bb"
_CATEGORIES = {"Z": "a space", "C": "a control character", "P": "a punctuation mark"}
_SCHEME = re.compile(r"(authorization\s*:|bearer\b|basic\b|token\s)", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"(export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*[=:]\s*[^=\s]")
_PLACEHOLDER = re.compile(r"[<$%{\[].*|\*+|x{8,}|your[-_ ].*", re.IGNORECASE | re.DOTALL)


def variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """Look up one of wrangler's variables, or its old name if the new one is not set.

    Returns:
        The name that was found, and the value without surrounding whitespace; empty if unset.
    """
    for found in (name, OLD_NAMES.get(name, name)):
        if value := stripped(environ.get(found, "")):
            return found, value
    return name, ""


def stripped(value: str) -> str:
    """``value`` without whitespace and invisible characters around it."""
    before = None
    while value != before:
        before, value = value, value.strip().strip(_UNSEEN)
    return value


def checked_token(value: str, source: str) -> str:
    """Return a token that can be sent.

    Args:
        value: The value that was found.
        source: Where it was found: the name of a variable, or a description.

    Raises:
        NotAuthenticatedError: It is not a token. The message does not show any of it.
    """
    token = stripped(value)
    wrong = _what_is_wrong(token)
    if wrong:
        raise NotAuthenticatedError(f"{source} is not an API token: {wrong}", hint=_HINT)
    return token


def checked_account_id(value: str, source: str) -> str:
    """Return the id of an account.

    Raises:
        NotAuthenticatedError: It is not an account id.
    """
    account_id = stripped(value)
    if re.fullmatch(r"[0-9a-fA-F]{32}", account_id):
        return account_id.lower()
    if len(account_id) == 32:
        odd = next(n for n, c in enumerate(account_id, 1) if c not in "0123456789abcdefABCDEF")
        wrong = f"its character {odd} is not a hexadecimal digit (0 to 9, a to f)"
    else:
        wrong = f"it has {_characters(account_id)}, but an id has 32 hexadecimal digits"
    if account_id and (account_id[0] in _QUOTES or account_id[-1] in _QUOTES):
        wrong = "it is in quotes"
    raise NotAuthenticatedError(
        f"{source} is not an account id: {wrong}",
        hint=f"Find the id in the dashboard, or with: {command('wrangler', 'whoami')}",
    )


def _what_is_wrong(token: str) -> str:
    """Describe the fault without showing the token; empty if it may be a token."""
    if not token:
        return "it is empty"
    if token[0] in _QUOTES or token[-1] in _QUOTES:
        return "it is in quotes. Remove them"
    if _SCHEME.match(token):
        return "it begins with the word that precedes a token in a header. Use only what follows"
    if _ASSIGNMENT.match(token):
        return "it includes the name of a variable. Use only what follows the name"
    if _PLACEHOLDER.fullmatch(token):
        return "it is a placeholder"
    if re.fullmatch(r"[0-9a-f]{37}", token):
        return "it looks like a global API key, which cfpy does not support"
    if re.fullmatch(r"[0-9a-f]{32}", token):
        return "it looks like the id of an account or a zone"
    if _TOKEN.fullmatch(token):
        return ""
    allowed = "-._~+/="
    for place, character in enumerate(token, 1):
        ascii_letter = character.isascii() and character.isalnum()
        if not ascii_letter and character not in allowed:
            return f"its character {place} of {len(token)} is {_kind(character)}"
    return "it contains = before its end"


def _kind(character: str) -> str:
    if character in _QUOTES:
        return "a quotation mark"
    if character in "\r\n":
        return "the end of a line"
    if character in _UNSEEN:
        return "an invisible character"
    if not character.isascii() and unicodedata.category(character)[0] not in "ZC":
        return "not ASCII"
    return _CATEGORIES.get(unicodedata.category(character)[0], "not allowed in a token")


def _characters(text: str) -> str:
    return f"{len(text)} character{'' if len(text) == 1 else 's'}"
