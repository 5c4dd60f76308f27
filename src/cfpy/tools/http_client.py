"""The HTTP client of cfpy: for Cloudflare's API and for deployed Workers.

The settings for proxies and certificates are read and checked when a client is created, so that a
wrong variable ends a command before it has changed anything. httpx would only notice during a
request, and raise various exceptions.
"""

from __future__ import annotations

import os
import platform
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import httpx

from cfpy.errors import UsageError
from cfpy.tools.patience import limit_silence
from cfpy.tools.proxies import Proxies, Proxy, read_proxies

_CHECK_FAILED = "CERTIFICATE_VERIFY_FAILED"


class HttpClient:
    """Sends requests to ``address`` and paths below it, and follows redirections.

    Args:
        address: The base URL, with http or https.
        source: The variable or option that the address comes from, for messages.
        headers: Sent with each request.
        timeout: Seconds that a connection or a part of an answer may take.
        environ: Environment variables for proxies and certificates; by default those of this
            process.

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
        # Loading the certificates is slow, so it is skipped for an address without TLS.
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
            httpx.HTTPError: There is no answer; :meth:`describe` explains why.
        """
        return self._client.request(method, path, **options)  # type: ignore[arg-type]

    def get(self, path: str) -> httpx.Response:
        """As :meth:`request`, following redirections.

        Raises:
            httpx.HTTPError: There is no answer.
        """
        return self._client.get(path, follow_redirects=True)

    def proxy_of(self, error: httpx.HTTPError) -> Proxy | None:
        """The proxy of the failed request, if any."""
        try:
            return self._routes.proxy(error.request.url)
        except RuntimeError:
            return None  # The error does not belong to a request.

    def describe(self, error: httpx.HTTPError) -> str:
        """Why there was no answer, with the variable that may be wrong. Shows no headers."""
        said = str(error) or type(error).__name__
        if isinstance(error, httpx.LocalProtocolError):
            # Its message may quote the invalid header.
            said = "the request is not valid"
        if _CHECK_FAILED in said:
            return (
                f"{said}. If your network's proxy uses its own certificate, set SSL_CERT_FILE to it"
            )
        proxy = self.proxy_of(error)
        if proxy is not None and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return f"the proxy {proxy} from {proxy.variable} can't be reached: {said}"
        if proxy is not None and isinstance(error, httpx.ProxyError):
            return f"the proxy {proxy} from {proxy.variable} refused the request: {said}"
        if proxy is not None:
            return f"{said} (through the proxy {proxy} from {proxy.variable})"
        return said


class _Routes(httpx.BaseTransport):
    """Sends each request through the proxy for its address, if any."""

    def __init__(self, proxies: Proxies, environ: Mapping[str, str], timeout: float) -> None:
        self._proxies = proxies
        self._environ = environ
        self._timeout = timeout
        self._tls: ssl.SSLContext | None = None
        self._transports: dict[tuple[Proxy | None, bool], httpx.HTTPTransport] = {}

    def proxy(self, url: httpx.URL) -> Proxy | None:
        """The proxy for ``url``."""
        port = url.port or (443 if url.scheme == "https" else 80)
        return self._proxies.for_address(url.scheme, url.host, port)

    def prepare(self, url: httpx.URL) -> httpx.HTTPTransport:
        """The transport for ``url``.

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
            # Only reached after a redirection from http to https.
            raise httpx.ConnectError(error.message) from error
        try:
            return transport.handle_request(request)
        except httpx.HTTPError:
            raise
        except Exception as error:
            # httpx does not catch what the SOCKS library raises for an invalid answer.
            what = type(error).__name__
            raise httpx.ProxyError(f"its answer is not that of a SOCKS proxy ({what})") from error

    def close(self) -> None:
        for transport in self._transports.values():
            transport.close()


def _with_system_proxies(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, with the proxies from the macOS settings if it names none."""
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
            f"{source} is not a valid address",
            hint="Use the form https://host or http://host:port.",
        )
    return url


def _certificates(environ: Mapping[str, str]) -> ssl.SSLContext:
    """The certificates to trust: from SSL_CERT_FILE, else from SSL_CERT_DIR, else from certifi.

    Raises:
        UsageError: There are none where a variable points.
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
        import certifi  # a dependency of httpx

        return ssl.create_default_context(cafile=certifi.where())
    except OSError as error:
        # Python writes TLS keys to this file for every SSL context.
        keys = os.environ.get("SSLKEYLOGFILE")
        if keys and not os.access(Path(keys).parent, os.W_OK):
            raise _no_certificates(
                "SSLKEYLOGFILE", f"names {keys}, which can't be written"
            ) from error
        if isinstance(error, ssl.SSLError):
            wrong = f"names {file or directory}, which has no PEM certificate"
        else:
            wrong = f"names {file or directory}: {error.strerror}"
        raise _no_certificates(variable or "SSL_CERT_FILE", wrong) from error


def _wrong_with_file(path: Path) -> str:
    if path.is_dir():
        return f"names {path}, which is a directory: use SSL_CERT_DIR instead"
    return "" if path.exists() else f"names {path}, which does not exist"


def _no_certificates(variable: str, wrong: str) -> UsageError:
    return UsageError(
        f"the environment variable {variable} {wrong}",
        hint="Fix it, or unset it to use the certificates included with cfpy.",
    )
