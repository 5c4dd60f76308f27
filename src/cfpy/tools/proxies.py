"""Chooses the proxy of a request: reads the variables once and checks them.

The conventions are curl's (curl.se/docs/manpage.html#ENVIRONMENT and everything.curl.dev/usingcurl/
proxies/env.html): ``http_proxy``, ``https_proxy``, ``all_proxy`` and ``no_proxy``, where the
lower-case form wins; an address without a scheme is an HTTP proxy.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from cfpy.errors import UsageError

#: The schemes that httpx supports, with the package ``socksio``.
SCHEMES = ("http", "https", "socks5", "socks5h")
_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_HOST = re.compile(r"\[[0-9A-Fa-f:.%a-z]+\]|[^\s:\[\]/\\?#@\"'<>^`{}|%]+")


@dataclass(frozen=True)
class Proxy:
    """A proxy, and the variable that names it. ``str`` shows no password."""

    variable: str
    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address, with the password: for the environment of a child process, never for a
        message."""
        if not self.user and not self.password:
            return str(self)
        who = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"{self.scheme}://{who}@{self.host}:{self.port}"


@dataclass(frozen=True)
class Proxies:
    """The proxies of an environment, by the scheme of a request, and the hosts that need none."""

    http: Proxy | None
    https: Proxy | None
    without: tuple[str, ...]

    def for_address(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The proxy for an address; ``None`` if there is none, or if ``no_proxy`` names the
        host."""
        proxy = self.https if scheme == "https" else self.http
        if proxy is None or any(_matches(entry, host, port) for entry in self.without):
            return None
        return proxy

    def __iter__(self) -> Iterator[Proxy]:
        return iter([proxy for proxy in (self.http, self.https) if proxy])


def read_proxies(environ: Mapping[str, str]) -> Proxies:
    """Read the proxies from environment variables.

    Raises:
        UsageError: One of them can't be used. The message names the variable and does not show the
            password.
    """
    general = _read(environ, "all_proxy")
    # A CGI program gets the request's header Proxy in HTTP_PROXY: httpoxy.org.
    http = _read(environ, "http_proxy", upper="REQUEST_METHOD" not in environ)
    https = _read(environ, "https_proxy")
    no_proxy = environ.get("no_proxy", environ.get("NO_PROXY", ""))
    return Proxies(
        http=_parsed(*(http if http[1] else general)),
        https=_parsed(*(https if https[1] else general)),
        without=tuple(re.split(r"[,\s]+", no_proxy.strip())) if no_proxy.strip() else (),
    )


def _read(environ: Mapping[str, str], name: str, *, upper: bool = True) -> tuple[str, str]:
    if name in environ or not upper:
        return name, environ.get(name, "").strip()
    return name.upper(), environ.get(name.upper(), "").strip()


def _parsed(variable: str, value: str) -> Proxy | None:
    if not value:
        return None
    scheme, marked, rest = value.partition("://")
    if not marked:
        scheme, rest = "http", value
    scheme = scheme.lower()
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise _unusable(
            variable, "names a kind of proxy that cfpy does not support", f"Use {known}."
        )
    # Up to the last @, so that a password may contain one.
    who, _, place = rest.rpartition("@")
    if any(character in who for character in "#?/\\"):
        hint = "In a name or password, write # as %23, ? as %3F, / as %2F, \\ as %5C and @ as %40."
        raise _unusable(variable, "contains a character that is not allowed in a URL", hint)
    place = re.split(r"[/?#]", place, maxsplit=1)[0]
    found = re.fullmatch(rf"(?P<host>{_HOST.pattern})(?::(?P<port>\d*))?", place)
    if not found or (found["host"].startswith("[") and not _address(found["host"])):
        raise _unusable(variable, "is not the address of a proxy", "Write http://host:port.")
    port = int(found["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:
        raise _unusable(variable, "has an invalid port", "Use a port from 1 to 65535.")
    user, _, password = who.partition(":")
    return Proxy(variable, scheme, found["host"], port, unquote(user), unquote(password))


def _unusable(variable: str, what: str, hint: str) -> UsageError:
    return UsageError(f"the environment variable {variable} {what}", hint=hint)


def _matches(entry: str, host: str, port: int) -> bool:
    """Whether an entry of ``no_proxy`` matches a host. An entry that can't be parsed matches
    none."""
    if entry == "*":
        return True
    entry = entry.partition("://")[2] or entry
    wanted, host = entry.rstrip("/").lower(), host.strip("[]").rstrip(".").lower()
    if found := re.fullmatch(r"(\[[^\]]*\]|[^:]*):(\d+)", wanted):
        if int(found[2]) != port:
            return False
        wanted = found[1]
    wanted = wanted.strip("[]").removeprefix("*").strip(".")
    network, address = _network(wanted), _address(host)
    if network is not None and address is not None:
        return address in network
    return bool(wanted) and (host == wanted or host.endswith(f".{wanted}"))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
