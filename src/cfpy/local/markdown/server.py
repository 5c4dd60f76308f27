"""Serves conversions to the local Worker on loopback."""

from __future__ import annotations

import functools
import json
import sys
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.errors import CfpyError, ToolTimeoutError
from cfpy.local.loopback import JsonHandler, LoopbackServer
from cfpy.local.markdown.formats import SUPPORTED, detect
from cfpy.local.markdown.options import check_options
from cfpy.tools.process import Runner

#: Seconds for one document; then its process is killed.
TIMEOUT = 30.0
#: Documents that are converted at the same time.
_AT_ONCE = 2
#: Bytes of a request: documents in Base64.
MAX_BODY = 128 * 1024 * 1024
_CHILD = (sys.executable, "-I", "-m", "cfpy.local.markdown")
_PREFIX = "/v1/markdown"


@dataclass(frozen=True)
class Document:
    """A document: its name, the media type that the Worker gave, and its content in Base64."""

    name: str
    mime: str
    data: str


class MarkdownServer:
    """Converts documents, each in a process of its own with limits of time and memory.

    Nothing is loaded before the first request. Use it as a context manager.

    Args:
        runner: Starts the processes.
        timeout: Seconds for one document.
    """

    def __init__(self, runner: Runner, timeout: float = TIMEOUT) -> None:
        self._runner = runner
        self._timeout = timeout
        self._places = threading.Semaphore(_AT_ONCE)
        self.server = LoopbackServer(functools.partial(_MarkdownHandler, self))

    @property
    def key(self) -> str:
        """What requests have to give as a bearer token."""
        return self.server.key

    @property
    def url(self) -> str:
        """The base URL: ``POST {url}/transformer``, ``GET {url}/supported``."""
        return f"{self.server.address}{_PREFIX}"

    def __enter__(self) -> MarkdownServer:
        self.server.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.server.stop()

    def convert(self, document: Document, options: Mapping[str, Any]) -> dict[str, Any]:
        """One result as the service gives it; every failure is a result with an error."""
        asked = {
            "name": document.name,
            "mimeType": document.mime,
            "data": document.data,
            "options": options,
        }
        try:
            with self._places:
                done = self._runner.run(_CHILD, stdin=json.dumps(asked), timeout=self._timeout)
            result: dict[str, Any] = json.loads(done.stdout)
        except ToolTimeoutError:
            result = _failed(document, f"the conversion took more than {self._timeout:g} s")
        except ValueError:
            # It was killed by a limit, or a library crashed.
            result = _failed(document, "the conversion failed: it needs too much memory or time")
        except CfpyError as error:
            result = _failed(document, error.message)
        return {"id": str(uuid.uuid4()), **result}


def _failed(document: Document, why: str) -> dict[str, Any]:
    mime = detect(document.name, document.mime, b"")
    return {"name": document.name, "mimeType": mime, "format": "error", "error": why}


class _MarkdownHandler(JsonHandler):
    def __init__(self, owner: MarkdownServer, *args: Any) -> None:
        self._owner = owner
        self.loopback = owner.server
        super().__init__(*args)

    def do_GET(self) -> None:
        if self.refused(f"{_PREFIX}/supported"):
            return
        formats = [{"extension": key, "mimeType": mime} for key, mime in SUPPORTED.items()]
        self.answer(200, {"result": formats})

    def do_POST(self) -> None:
        if self.refused(f"{_PREFIX}/transformer"):
            return None
        length = int(self.headers.get("content-length") or 0)
        if not 0 < length <= MAX_BODY:
            return self.fail(413, f"the documents have more than {MAX_BODY} bytes in Base64")
        try:
            asked = json.loads(self.rfile.read(length))
            documents = [_document(item) for item in asked["files"]]
            options = check_options((asked.get("options") or {}).get("conversionOptions"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return self.fail(400, str(error))
        results = [self._owner.convert(document, options) for document in documents]
        return self.answer(200, {"result": results})

    def error(self, message: str) -> Mapping[str, Any]:
        return {"errors": [{"message": message}]}


def _document(item: Any) -> Document:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise ValueError("a document has no name")
    return Document(item["name"], str(item.get("mimeType") or ""), str(item["data"]))
