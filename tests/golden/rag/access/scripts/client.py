"""What the scripts share: calls to the API, with nothing but the standard library."""

from __future__ import annotations

import argparse
import http.client
import ipaddress
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

# The variables with a service token of Access, for programs.
_ID, _SECRET = "CF_ACCESS_CLIENT_ID", "CF_ACCESS_CLIENT_SECRET"
# A document of 1 MB takes a minute on a small machine, where a local model embeds it.
_TIMEOUT = 180
_ATTEMPTS = 5
_LONGEST_WAIT = 120
# What the Worker says of its own deployment: to try again changes nothing.
_LASTING = {"index-mismatch", "misconfigured", "model-unavailable", "quota-exhausted"}
# What it says of a file.
_OF_A_FILE = {"unsupported-type", "unreadable-file", "too-large", "invalid-request"}
_REFUSED = (401, 403, 404, 405, 415, 429)


class CallError(Exception):
    """A request failed, after all that trying again could do; the message says it in words.

    Attributes:
        errors: What the Worker found wrong in the body: JSON pointers and details.
        everywhere: Whether any other request would fail as well.
        refusal: What is wrong with the file that was sent; empty if that is not the reason.
    """

    def __init__(
        self,
        message: str,
        *,
        everywhere: bool,
        errors: list[tuple[str, str]] | None = None,
        refusal: str = "",
    ) -> None:
        super().__init__(message)
        self.everywhere = everywhere
        self.errors = errors or []
        self.refusal = refusal


@dataclass(frozen=True)
class Form:
    """A form with files, by their names, and what is known of all their documents."""

    files: Sequence[tuple[str, bytes]]
    document: dict[str, Any]

    def encoded(self) -> tuple[bytes, str]:
        """The body, and its Content-Type."""
        boundary = secrets.token_hex(16)
        disposition = f"--{boundary}\r\nContent-Disposition: form-data; name="
        parts = [f'{disposition}"document"\r\n\r\n{json.dumps(self.document)}\r\n'.encode()]
        for name, content in self.files:
            # As browsers write names (HTML, 4.10.22.8).
            name = name.replace('"', "%22").replace("\n", "%0A").replace("\r", "%0D")
            head = f'{disposition}"file"; filename="{name}"\r\n\r\n'
            parts += [head.encode(), content, b"\r\n"]
        body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
        return body, f"multipart/form-data; boundary={boundary}"


@dataclass(frozen=True)
class _Failure:
    """One attempt that failed. ``wait`` is what the Worker asks for, in seconds."""

    error: CallError
    passes: bool
    wait: float | None = None


class Client:
    """Calls the API at ``url``."""

    def __init__(self, url: str, service_token: str = "") -> None:
        self._url = url.rstrip("/")
        client_id, _, secret = service_token.partition(":")
        headers = {"CF-Access-Client-Id": client_id, "CF-Access-Client-Secret": secret}
        self._credentials = headers if secret else {}
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if _is_local(url):
            # http_proxy is meant for other machines.
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return the JSON of its reply. Faults that pass are waited for.

        Raises:
            CallError: The Worker refused, or can't be reached.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            result = self._attempt(method, path, body)
            if not isinstance(result, _Failure):
                return result
            if not result.passes or attempt == _ATTEMPTS:
                raise result.error
            wait = min(result.wait or 2.0 ** (attempt - 1), _LONGEST_WAIT)
            print(f"{result.error} Trying again in {wait:.0f} s.", file=sys.stderr)
            time.sleep(wait)
        raise AssertionError("unreachable")

    def _attempt(self, method: str, path: str, body: Any) -> Any:
        data, kind = None, "application/json"
        if isinstance(body, Form):
            data, kind = body.encoded()
        elif body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": kind, **self._credentials}
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as response:
                content = response.read()
        except urllib.error.HTTPError as error:
            return self._refused(f"{method} {path}", error)
        except urllib.error.URLError as error:
            return self._unreachable(error.reason)
        except TimeoutError:
            text = f"{self._url} gave no answer within {_TIMEOUT} s. It may still be at work."
            return _Failure(CallError(text, everywhere=False), passes=False)
        except (OSError, http.client.HTTPException) as error:
            text = f"{self._url} broke off: {type(error).__name__} {error}.".replace(" .", ".")
            return _Failure(CallError(text, everywhere=False), passes=True)
        try:
            return None if response.status == 204 else json.loads(content)
        except ValueError:
            text = (
                f"{self._url} answered {method} {path} with something that is not JSON: "
                f"{_excerpt(content)!r}. Is that the address of the Worker?"
            )
            return _Failure(CallError(text, everywhere=True), passes=False)

    def _refused(self, what: str, error: urllib.error.HTTPError) -> _Failure:
        status = error.code
        try:
            content = error.read()
        except (OSError, http.client.HTTPException):
            content = b""
        problem = _problem(content)
        said = str(problem.get("detail") or _excerpt(content) or error.reason).rstrip(".")
        text = f"{what} answered {status}: {said}. {self._advice(status, error, problem)}".strip()
        lasting = problem.get("code") in _LASTING
        errors = _errors(problem)
        details = "; ".join(f"{pointer} {detail}" for pointer, detail in errors)
        refusal = (details or said) if problem.get("code") in _OF_A_FILE else ""
        everywhere = not refusal and (lasting or status in _REFUSED or 300 <= status < 400)
        failure = CallError(text, everywhere=everywhere, errors=errors, refusal=refusal)
        passes = not lasting and (status in (409, 425, 429) or status >= 500)
        return _Failure(failure, passes, _seconds(error.headers.get("Retry-After")))

    def _advice(self, status: int, error: urllib.error.HTTPError, problem: dict[str, Any]) -> str:
        """What to do about a status, in a sentence."""
        place = str(error.headers.get("Location"))
        if status == 401 or ".cloudflareaccess.com/" in place:
            return f"Set {_ID} and {_SECRET} to those of a service token that Access lets in."
        if 300 <= status < 400:
            return f"Pass the address that it leads to as --url: {place}"
        if status in (403, 404, 405):
            return f"Is {self._url} the address of the Worker?"
        if status >= 500:
            request_id = problem.get("request_id", "")
            where = "The output of `cfpy dev`" if _is_local(self._url) else "`cfpy logs`"
            return f"{where} tells more{f' of request {request_id}' if request_id else ''}."
        return ""

    def _unreachable(self, reason: object) -> _Failure:
        # A server that has seen enough of a body may close the connection before its end.
        passes = isinstance(reason, ConnectionResetError | BrokenPipeError)
        text = f"Can't reach {self._url}: {reason}."
        if not passes:
            local = "Is `cfpy dev` running there?"
            text += f" {local if _is_local(self._url) else 'Check --url and the network.'}"
        return _Failure(CallError(text, everywhere=not passes), passes=passes)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would make a GET of each POST, and take the token to wherever it leads."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


def argument_parser(description: str) -> argparse.ArgumentParser:
    """Options that all scripts take."""
    parser = argparse.ArgumentParser(
        description=description,
        epilog=f"The service token is read from the environment: {_ID} and {_SECRET}.",
    )
    parser.add_argument(
        "--url",
        type=_address,
        default="http://127.0.0.1:8787",
        help="the Worker (default: %(default)s)",
    )
    return parser


def make_client(url: str) -> Client:
    """A client with the service token of the environment; a local run needs none.

    Raises:
        SystemExit: The token can't be one.
    """
    values = {name: os.environ.get(name, "").strip() for name in (_ID, _SECRET)}
    for name, value in values.items():
        if not (value.isascii() and (value + " ").isprintable()):
            sys.exit(f"{name} has characters that no token has: copy it again.")
    return Client(url, ":".join(values.values()))


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        valid = False
    if not valid or any(char.isspace() for char in text):
        raise argparse.ArgumentTypeError(f"{text!r} is not like https://example.workers.dev")
    return text


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _problem(content: bytes) -> dict[str, Any]:
    """The problem details (RFC 9457) of an answer; empty if it has none."""
    try:
        problem = json.loads(content)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _errors(problem: dict[str, Any]) -> list[tuple[str, str]]:
    errors = problem.get("errors")
    items = errors if isinstance(errors, list) else []
    return [(str(i.get("pointer")), str(i.get("detail"))) for i in items if isinstance(i, dict)]


def _excerpt(content: bytes) -> str:
    """The beginning of an answer, on one line."""
    words = " ".join(content[:400].decode(errors="replace").split())
    return "".join(char for char in words if char.isprintable())[:120]


def _seconds(header: str | None) -> float | None:
    """The seconds that a Retry-After header asks for: it holds them, or a date."""
    if not header:
        return None
    try:
        return float(header) if header.isdigit() else _until(parsedate_to_datetime(header))
    except ValueError:
        return None


def _until(moment: datetime) -> float:
    return max(moment.timestamp() - time.time(), 0)
