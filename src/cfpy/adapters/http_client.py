"""The one HTTP client of cfpy: for Cloudflare's API, and for what a deployed Worker answers.

What the machine says of proxies and certificates is read and checked when a client is built, so
that a wrong variable ends a command before it has changed anything. httpx does the same while it
asks, and raises whatever it meets.
"""

from __future__ import annotations

import os
import platform
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import httpx

from cfpy.adapters.patience import limit_silence
from cfpy.domain.proxies import Proxies, Proxy, read_proxies
from cfpy.errors import UsageError

_CHECK_FAILED = "CERTIFICATE_VERIFY_FAILED"


class HttpClient:
    """Asks ``address`` and what lies below it, or where that leads.

    Args:
        address: Where it asks: a URL with http or https.
        source: Where the address comes from, for messages: a variable or an option.
        headers: Sent with each request.
        timeout: Seconds that a connection, or a part of an answer, may take.
        environ: Names the proxies and the certificates; the environment of this process if not
            given.

    Raises:
        UsageError: The address, or a variable for proxies or certificates, can't be used.
    """

    def __init__(
        self,
        address: str,
        *,
        source: str,
        timeout: float,
        headers: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        environ = _with_system_proxies(os.environ) if environ is None else environ
        self._url = _checked_address(address, source)
        self._routes = _Routes(read_proxies(environ), environ, timeout)
        # Loading the certificates takes a while: not for an address without TLS.
        self._routes.prepare(self._url)
        self._client = httpx.Client(
            base_url=self._url,
            headers=dict(headers or {}),
            timeout=timeout,
            transport=self._routes,
        )

    def request(self, method: str, path: str, **options: object) -> httpx.Response:
        """Send one request, as ``httpx.Client.request`` does.

        Raises:
            httpx.HTTPError: There is no answer; :meth:`describe` puts it in words.
        """
        return self._client.request(method, path, **options)  # type: ignore[arg-type]

    def get(self, path: str) -> httpx.Response:
        """As :meth:`request`, following redirections.

        Raises:
            httpx.HTTPError: There is no answer.
        """
        return self._client.get(path, follow_redirects=True)

    def proxy_of(self, error: httpx.HTTPError) -> Proxy | None:
        """The proxy by which the request went that had no answer."""
        try:
            return self._routes.proxy(error.request.url)
        except RuntimeError:
            return None  # It is about no request.

    def describe(self, error: httpx.HTTPError) -> str:
        """Why there was no answer, with the variable that may be at fault. It shows no header."""
        said = str(error) or type(error).__name__
        if isinstance(error, httpx.LocalProtocolError):
            # It may quote the header that it does not like.
            said = "the request can't be sent as it is"
        if _CHECK_FAILED in said:
            return f"{said}. If a proxy here has a certificate of its own, name it in SSL_CERT_FILE"
        proxy = self.proxy_of(error)
        if proxy is not None and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return f"the proxy {proxy} of {proxy.variable} can't be reached: {said}"
        if proxy is not None and isinstance(error, httpx.ProxyError):
            return f"the proxy {proxy} of {proxy.variable} refuses: {said}"
        if proxy is not None:
            return f"{said} (by the proxy {proxy} of {proxy.variable})"
        return said


class _Routes(httpx.BaseTransport):
    """Sends each request by the proxy that its address needs, or by none."""

    def __init__(self, proxies: Proxies, environ: Mapping[str, str], timeout: float) -> None:
        self._proxies = proxies
        self._environ = environ
        self._timeout = timeout
        self._tls: ssl.SSLContext | None = None
        self._transports: dict[tuple[Proxy | None, bool], httpx.HTTPTransport] = {}

    def proxy(self, url: httpx.URL) -> Proxy | None:
        """The proxy that a request for ``url`` goes by."""
        port = url.port or (443 if url.scheme == "https" else 80)
        return self._proxies.for_address(url.scheme, url.host, port)

    def prepare(self, url: httpx.URL) -> httpx.HTTPTransport:
        """What a request for ``url`` is sent with.

        Raises:
            UsageError: The certificates can't be read.
        """
        proxy = self.proxy(url)
        secure = url.scheme == "https" or (proxy is not None and proxy.scheme == "https")
        key = (proxy, secure)
        if key not in self._transports:
            self._transports[key] = self._transport(proxy, secure=secure)
        return self._transports[key]

    def _transport(self, proxy: Proxy | None, *, secure: bool) -> httpx.HTTPTransport:
        if secure and self._tls is None:
            self._tls = _certificates(self._environ)
        verify: ssl.SSLContext | bool = self._tls if secure and self._tls else False
        if proxy is None:
            return httpx.HTTPTransport(verify=verify, trust_env=False)
        who = (proxy.user, proxy.password) if proxy.user or proxy.password else None
        tls = self._tls if proxy.scheme == "https" else None
        try:
            route = httpx.Proxy(str(proxy), auth=who, ssl_context=tls)
            transport = httpx.HTTPTransport(verify=verify, trust_env=False, proxy=route)
        except (httpx.InvalidURL, ValueError) as error:
            raise UsageError(
                f"the environment variable {proxy.variable} is not the address of a proxy",
                hint="Write http://host:port.",
            ) from error
        if proxy.scheme.startswith("socks"):
            limit_silence(transport, self._timeout)
        return transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            transport = self.prepare(request.url)
        except UsageError as error:
            # Here alone by a redirection, from http to https.
            raise httpx.ConnectError(error.message) from error
        try:
            return transport.handle_request(request)
        except httpx.HTTPError:
            raise
        except Exception as error:
            # httpx lets through what the library for SOCKS raises at an answer that is none.
            what = type(error).__name__
            raise httpx.ProxyError(f"what answers there is something else ({what})") from error

    def close(self) -> None:
        for transport in self._transports.values():
            transport.close()


def _with_system_proxies(environ: Mapping[str, str]) -> Mapping[str, str]:
    """An environment with the proxies of macOS' settings, where it names none itself."""
    if platform.system() != "Darwin" or any(name.lower().endswith("_proxy") for name in environ):
        return environ
    found = urllib.request.getproxies()
    return {**environ, **{f"{scheme}_proxy": address for scheme, address in found.items()}}


def _checked_address(address: str, source: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
        port = url.port
    except (httpx.InvalidURL, ValueError):
        url, port = httpx.URL(), None
    if url.scheme not in ("http", "https") or not url.host or (port is not None and port < 1):
        raise UsageError(
            f"{source} is not an address that can be asked",
            hint="It has the form https://host or http://host:port.",
        )
    return url


def _certificates(environ: Mapping[str, str]) -> ssl.SSLContext:
    """The certificates to trust: those of SSL_CERT_FILE, else of SSL_CERT_DIR, else certifi's.

    Raises:
        UsageError: There are none where a variable says.
    """
    file, directory = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if file:
        variable, wrong = "SSL_CERT_FILE", _wrong_with_file(Path(file))
    elif directory:
        places = [Path(place) for place in directory.split(os.pathsep) if place]
        found = any(place.is_dir() for place in places)
        variable = "SSL_CERT_DIR"
        wrong = "" if found else f"names {directory}, which is not a directory"
    else:
        variable, wrong = "", ""
    if wrong:
        raise _no_certificates(variable, wrong)
    try:
        if variable == "SSL_CERT_FILE":
            return ssl.create_default_context(cafile=file)
        if variable:
            return ssl.create_default_context(capath=directory)
        import certifi  # httpx brings it along

        return ssl.create_default_context(cafile=certifi.where())
    except OSError as error:
        # Python writes keys for a debugger there, whoever asks for it.
        keys = os.environ.get("SSLKEYLOGFILE")
        if keys and not os.access(Path(keys).parent, os.W_OK):
            raise _no_certificates(
                "SSLKEYLOGFILE", f"names {keys}, which can't be written"
            ) from error
        if isinstance(error, ssl.SSLError):
            wrong = f"names {file or directory}, which holds no certificate in the format PEM"
        else:
            wrong = f"names {file or directory}: {error.strerror}"
        raise _no_certificates(variable or "SSL_CERT_FILE", wrong) from error


def _wrong_with_file(path: Path) -> str:
    if path.is_dir():
        return f"names {path}, which is a directory: SSL_CERT_DIR is for those"
    return "" if path.exists() else f"names {path}, which is not there"


def _no_certificates(variable: str, wrong: str) -> UsageError:
    return UsageError(
        f"the environment variable {variable} {wrong}",
        hint="Correct it, or unset it to use the certificates that cfpy brings.",
    )
