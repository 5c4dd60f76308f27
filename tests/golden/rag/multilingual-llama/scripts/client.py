"""What the scripts share: calls to the API, with nothing but the standard library."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

# What .dev.vars.example holds: the token of a local run that nobody has configured.
_LOCAL_TOKEN = "local-development-token"


class Client:
    """Calls the API at ``url``."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return the JSON of its reply.

        Raises:
            SystemExit: The Worker refused, or can't be reached; the message says why.
        """
        request = urllib.request.Request(
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path} answered {error.code}: {error.read().decode()}")
        except urllib.error.URLError as error:
            sys.exit(f"Can't reach {self._url}: {error.reason}. Is `cfpy dev` running?")


def argument_parser(description: str) -> argparse.ArgumentParser:
    """Options that all scripts take."""
    parser = argparse.ArgumentParser(
        description=description, epilog="The token is read from the environment: API_TOKEN."
    )
    parser.add_argument(
        "--url", default="http://127.0.0.1:8787", help="the Worker (default: %(default)s)"
    )
    return parser


def make_client(url: str) -> Client:
    """A client with the token of ``API_TOKEN``, or that of an unconfigured local run."""
    return Client(url, os.environ.get("API_TOKEN", _LOCAL_TOKEN))
