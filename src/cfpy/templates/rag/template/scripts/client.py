"""What the scripts share: calls to the API, with nothing but the standard library."""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

# The token that `cfpy dev` uses until there is a .dev.vars.
LOCAL_TOKEN = "local-development-token"


class Client:
    """Calls the API at `url`."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return its JSON; on an error, print it and exit."""
        request = urllib.request.Request(
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self._token}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path} answered {error.code}: {error.read().decode()}")
        except urllib.error.URLError as error:
            sys.exit(f"can't reach {self._url}: {error.reason}. Is `cfpy dev` running?")


def parser(description: str | None) -> argparse.ArgumentParser:
    """Options that all scripts take."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--url", default="http://127.0.0.1:8787", help="where the Worker answers")
    return result


def client(options: argparse.Namespace) -> Client:
    """A client with the token of API_TOKEN, or of a local run."""
    return Client(options.url, os.environ.get("API_TOKEN", LOCAL_TOKEN))


def documents_in(folder: Path) -> list[dict[str, Any]]:
    """The Markdown and text files below `folder`; its first directories are their sections."""
    documents = []
    for path in sorted([*folder.rglob("*.md"), *folder.rglob("*.txt")]):
        source = path.relative_to(folder)
        metadata = {"lang": "en", "section": source.parts[0]} if len(source.parts) > 1 else {}
        text = path.read_text("utf-8")
        documents.append({"source": source.as_posix(), "text": text, "metadata": metadata})
    return documents
