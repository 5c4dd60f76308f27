"""Which addresses may be fetched for somebody else.

A client that can make a server fetch any address can read what only that server can reach
(cheatsheetseries.owasp.org, Server Side Request Forgery Prevention). A Worker can't ask where a
name leads before it connects, so this is strict about names; ``global_fetch_strictly_public`` in
the configuration keeps requests to the Worker's own zone out of it. Any name may lead to a private
address, and no list has them all: Cloudflare's network, from which a Worker fetches, has none of
yours. Where one is a danger, set ALLOWED_HOSTS.
"""

import re
import unicodedata
from collections.abc import Set
from urllib.parse import quote, urljoin, urlsplit

from jobs.limits import MAX_URL_CHARS

# What browsers refuse or change, and what parsers disagree on: urlsplit() even drops line ends.
_AMBIGUOUS = re.compile(r"[ \\<>`]|%(?![0-9A-Fa-f]{2})")
# RFC 3986. The rest, such as the brackets of ?a[]=1 and all letters but the English ones, is
# percent-encoded, as browsers do it.
_IN_PATH = "%!$&'()*+,;=:@/-._~"
_IN_QUERY = _IN_PATH + "?"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# No top-level domain has digits but the encoded ones. Every way to write an IPv4 address, be it
# decimal, octal, hexadecimal or short, ends in a label that starts with one.
_TOP_LEVEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")

# Names that mean something inside a network (RFC 6761, RFC 6762, RFC 8375, ICANN's reserved ones),
# and those under which clouds serve credentials to their own machines.
_INTERNAL = frozenset(
    [
        *("localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home"),
        *("lan", "arpa", "onion", "alt", "test", "example", "invalid"),
        *("metadata.goog", "metadata.packet.net", "metadata.platformequinix.com"),
    ]
)


class UrlRefused(ValueError):
    """The address may not be fetched. The message says why, and may be shown to anyone."""


def check_url(text: str, allowed_hosts: Set[str] = frozenset()) -> str:
    """The address to fetch, put together again from the parts that were checked.

    Args:
        text: What somebody sent, or what a redirect named.
        allowed_hosts: If there are any, only these may be fetched from.

    Raises:
        UrlRefused: It may not be fetched.
    """
    if not text.isprintable() or _AMBIGUOUS.search(text):
        raise UrlRefused("has characters that belong percent-encoded")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UrlRefused("is no valid address") from None
    if parts.scheme != "https":
        raise UrlRefused("must begin with https://")
    if "@" in parts.netloc:
        raise UrlRefused("must not hold a user name or a password")
    if port not in (None, 443):
        raise UrlRefused("must not name a port other than 443")
    host = _check_host((parts.hostname or "").lower())
    if allowed_hosts and host not in allowed_hosts:
        raise UrlRefused("is at a host that is not on the list of allowed ones")
    query = f"?{quote(parts.query, _IN_QUERY)}" if parts.query else ""
    address = f"https://{host}{quote(parts.path, _IN_PATH) or '/'}{query}"
    if len(address) > MAX_URL_CHARS:
        raise UrlRefused(f"has more than {MAX_URL_CHARS} characters")
    return address


def follow(base: str, location: str, allowed_hosts: Set[str] = frozenset()) -> str:
    """The address that a redirect leads to.

    Raises:
        UrlRefused: It may not be fetched.
    """
    try:
        return check_url(urljoin(base, location), allowed_hosts)
    except ValueError as error:
        raise UrlRefused(f"redirects to an address that {error}") from None


def _check_host(host: str) -> str:
    if not host.isascii():
        raise UrlRefused("must name a host as it is looked up: xn--bcher-kva.de, not bücher.de")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlRefused("has no valid host name: an IP address is none")
    if len(labels) < 2 or not _TOP_LEVEL.fullmatch(labels[-1]):
        raise UrlRefused("must name a host by its full domain name, and not by its IP address")
    suffixes = {".".join(labels[start:]) for start in range(len(labels))}
    if suffixes & _INTERNAL:
        raise UrlRefused("is at a host of an internal network")
    for label in labels:
        _check_encoded(label)
    return host


def _check_encoded(label: str) -> None:
    """Refuse what looks like one name and is looked up as another, such as full-width digits."""
    if not label.startswith("xn--"):
        return
    try:
        decoded = label.removeprefix("xn--").encode().decode("punycode")
    except UnicodeError:
        raise UrlRefused("has no valid host name") from None
    if decoded.isascii() or unicodedata.normalize("NFKC", decoded) != decoded:
        raise UrlRefused("has no valid host name")
